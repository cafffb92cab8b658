package role

import (
	"errors"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// What is wrong with the credentials to come is said of their fields, and where no field is named, of them.
func TestErrorsAreAboutTheFieldsThatWereWritten(t *testing.T) {
	none := errors.New("the private key belongs to none of the certificates: pass the certificate that was issued for this key")
	secret := client.CheckSecretAlgorithm("HS256", client.NewSecret("short"))
	for _, c := range []struct {
		prefix string
		err    error
		want   string
	}{
		{"", secret, "client_secret is too short to sign with HS256: it needs 32 bytes (RFC 7518 section 3.2)"},
		{"previous_", secret, "previous_client_secret is too short to sign with HS256: it needs 32 bytes (RFC 7518 section 3.2)"},
		{"next_", none, "next credentials: " + none.Error()},
		{"", none, none.Error()},
		{"next_", nil, ""},
	} {
		err := under(c.prefix, c.err)
		if c.err == nil && err != nil || c.err != nil && err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	for _, c := range []struct {
		f    files
		want string // of the fields in use, with an @ before each
	}{
		{files{pfx: "x", certificate: "y"}, "give either @pfx, or @client_certificate and @client_private_key, not both"},
		{files{certificate: "y"}, "@client_certificate needs its @client_private_key in the same write"},
		{files{key: client.NewSecret("y")}, "@client_private_key needs its @client_certificate in the same write"},
		{files{keyPassword: client.NewSecret("y")}, "a password was given without what it opens: write it together with its @pfx or @client_private_key"},
		{files{pfx: "MAA="}, "@pfx is not a PKCS #12 file, or it is damaged: pass the .pfx or .p12 file, base64-encoded"},
		{files{pfx: "!"}, `@pfx is not base64: pass it as @pfx="$(base64 -w0 cert.pfx)" or @pfx=@cert.b64`},
		{files{certificate: "y", key: client.NewSecret("y")}, "@client_certificate holds no PEM certificate: convert it with " +
			"`openssl x509 -in cert.cer -out cert.pem` and pass it as @client_certificate=@cert.pem"},
	} {
		for _, prefix := range []string{"", NextPrefix} {
			want := c.want
			for _, field := range []string{"pfx", "client_certificate", "client_private_key"} {
				want = strings.ReplaceAll(want, "@"+field, prefix+field)
			}
			err := new(Write).readCertificate(prefix, c.f, new(Credentials))
			if text, ok := mount.AsRefusal(err); !ok || text != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
}
