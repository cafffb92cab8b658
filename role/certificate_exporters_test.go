package role_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

const fixturePassword = "pa55word"

// exporterFile is a file of client/testdata.
func exporterFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(enginetest.InTree(t, "client/testdata/"+name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Windows' certutil calls a PFX a certificate, and people give it as one.
func TestAPFXInPEMIsTakenInEitherField(t *testing.T) {
	armoured := exporterFile(t, "exporters/certutil-encode.txt")
	for name, given := range map[string]enginetest.Fields{
		"as pfx":                             {"pfx": armoured, "pfx_password": fixturePassword},
		"as client_certificate":              {"client_certificate": armoured, "pfx_password": fixturePassword},
		"with the other password":            {"client_certificate": armoured, "client_private_key_password": fixturePassword},
		"GnuTLS's, as client_certificate":    {"client_certificate": exporterFile(t, "exporters/certtool-3.7.pem"), "pfx_password": fixturePassword},
		"without PEM, as client_certificate": {"client_certificate": base64.StdEncoding.EncodeToString([]byte(exporterFile(t, "exporters/openssl-3.pfx"))), "pfx_password": fixturePassword},
		"as next_client_certificate":         {"next_client_certificate": armoured, "next_pfx_password": fixturePassword},
		"as client_certificate, with UTF-16": {"client_certificate": wide(armoured), "pfx_password": fixturePassword},
		"as next_pfx, its lines with \\n":    {"next_pfx": strings.ReplaceAll(armoured, "\r\n", `\n`), "next_pfx_password": fixturePassword},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			enginetest.NewEndpoint(t, b)
			b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"client_certificate": exporterFile(t, "identity/rsa.pem"), "client_private_key": exporterFile(t, "identity/rsa.key")}))
			b.Write("roles/r", given)
			r, err := role.Get(t.Context(), b.Storage, "r")
			if err != nil {
				t.Fatal(err)
			}
			chain := r.CertificateChain
			if strings.Contains(name, "next") {
				chain = r.Next.CertificateChain
			}
			if n := strings.Count(chain, "BEGIN CERTIFICATE"); n != 2 {
				t.Errorf("%d certificates are stored, want the leaf and its issuer", n)
			}
		})
	}
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.RoleOf("test", enginetest.Fields{"client_certificate": armoured, "pfx_password": "wrong"}), "is not the password of this pfx")
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.RoleOf("test", enginetest.Fields{"client_certificate": armoured, "client_private_key": exporterFile(t, "identity/p256.key")}),
		"leave client_private_key out")
}

// wide is a text as the command line sends a file in UTF-16.
func wide(text string) string {
	out := []byte("\ufffd\ufffd")
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// A certificate that is left out is named by the write, by its position and the cause.
func TestACertificateThatIsLeftOutIsNamed(t *testing.T) {
	for prefix, given := range map[string]enginetest.Fields{
		"": {"client_certificate": exporterFile(t, "exporters/openssl-3-negative.pem"), "client_private_key": exporterFile(t, "identity/p256.key")},
		"next_": {"next_pfx": base64.StdEncoding.EncodeToString([]byte(exporterFile(t, "exporters/openssl-3-negative.pfx"))),
			"next_pfx_password": fixturePassword},
	} {
		b := enginetest.New(t)
		enginetest.NewEndpoint(t, b)
		b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"client_certificate": exporterFile(t, "identity/rsa.pem"), "client_private_key": exporterFile(t, "identity/rsa.key")}))
		warnings := strings.Join(warningsOf(b.Write("roles/r", given)), "\n")
		if want := prefix + "client_certificate: certificate 2 of 2 can't be read here (its serial number is negative) and was left out"; !strings.Contains(warnings, want) {
			t.Errorf("warnings %q, want %q", warnings, want)
		}
	}
}

// Authorities that can't be read are told of wherever the field is written or read, and never just skipped.
func TestAnAuthorityThatCantBeReadIsNamed(t *testing.T) {
	negative, ca := exporterFile(t, "exporters/negative-root.pem"), string(clienttest.CAPEM())
	const named = "certificate 2 of 2 can't be read here (its serial number is negative)"
	b := enginetest.NewMount(t)
	for _, path := range []string{"config", "roles/r"} {
		b.Rejects(enginetest.WriteOp, path, enginetest.Fields{"ca_certificate": negative}, "certificate 1 of 1 can't be read here (its serial number is negative)")
		written := b.Write(path, enginetest.Fields{"ca_certificate": ca + negative})
		for where, warnings := range map[string][]string{"write": warningsOf(written), "read": b.Read(path).Warnings} {
			if got := strings.Join(warnings, "\n"); !strings.Contains(got, named) {
				t.Errorf("%s: the %s warns %q, want %q", path, where, got, named)
			}
		}
		b.Rejects(enginetest.WriteOp, path, enginetest.Fields{"ca_certificate": ca + ca[:200]}, "ca_certificate has a damaged PEM block")
		for _, disguised := range []string{wide(ca), strings.ReplaceAll(ca, "\n", `\n`), "   " + strings.ReplaceAll(ca, "\n", "\n   ")} {
			b.Write(path, enginetest.Fields{"ca_certificate": disguised})
			got, err := provider.RootCAs(disguised)
			want, _ := provider.RootCAs(ca)
			if err != nil || !got.Equal(want) {
				t.Errorf("%s: in disguise, it is not trusted: %v", path, err)
			}
		}
		b.Rejects(enginetest.WriteOp, path, enginetest.Fields{"ca_certificate": ca + wide(exporterFile(t, "identity/p256.key"))}, "private key")
	}
}
