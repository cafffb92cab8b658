package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const aliasedProvider = `vault write oauth/providers/certified token_endpoint="$GENERIC_TOKEN_ENDPOINT"
	mtls_endpoint_aliases=token_endpoint="$GENERIC_MTLS_TOKEN_ENDPOINT" token_endpoint_auth_method=tls_client_auth`

// The certificate is the authentication, at a host that lets nobody else through the handshake and that only the
// provider's mtls_endpoint_aliases name: certificates of an authority and those of none, with each kind of key,
// from PFX and from PEM.
func TestCertificateIsTheAuthentication(t *testing.T) {
	t.Parallel()
	l := newLab(t, "-client-ca", fixture(t, "chain.pem"))
	canaries.add("password of the fixtures", identitiesPassword)
	l.run(aliasedProvider)
	for kind, pfx := range map[string]string{"rsa": "modern.pfx", "p256": "p256.pfx", "p384": "p384.pfx", "ed25519": "ed25519.pfx"} {
		fromPFX, fromPEM := `pfx="$(base64 -w0 "$PFX")" pfx_password="$PASSWORD"`, `client_certificate=@"$CERT" client_private_key=@"$KEY"`
		certificate, key := selfSigned(t, kind)
		for _, c := range []struct{ method, client, form, certificate, key string }{
			{"tls_client_auth", "generic-mtls", fromPFX, fixture(t, kind+".pem"), ""},
			{"tls_client_auth", "generic-mtls", fromPEM, fixture(t, kind+".pem"), fixture(t, kind+".key")},
			// To such a server a certificate is what was registered, whoever has issued it.
			{"self_signed_tls_client_auth", "generic-self-signed", fromPFX, fixture(t, kind+".pem"), ""},
			{"self_signed_tls_client_auth", "generic-self-signed", fromPEM, certificate, key},
		} {
			form, _, _ := strings.Cut(c.form, "=")
			role := strings.Join([]string{kind, c.method, form}, "-")
			t.Run(role, func(t *testing.T) {
				sh := l.forTest(t).with("PFX="+fixture(t, pfx), "PASSWORD="+identitiesPassword, "CERT="+c.certificate, "KEY="+c.key,
					"CLIENT="+c.client, "GRANT="+l.sandbox.grantTo("generic", c.client))
				l.sandbox.register(c.client, map[string]any{"client_certificate": c.certificate})
				sh.run("vault write oauth/roles/" + role + ` provider=certified client_id="$CLIENT" refresh_token="$GRANT"
					token_endpoint_auth_method=` + c.method + " " + c.form)
				for range 3 {
					sh.run("vault write -force oauth/refresh/" + role)
					l.sandbox.wantLive("generic", sh.read("oauth/creds/"+role).token())
				}
				l.registerStranger(t, c.client)
				if text := sh.refused(400, "vault write -force oauth/refresh/"+role); !strings.Contains(text, "refused the client certificate") {
					t.Errorf("a certificate that is not the registered one: %s", text)
				}
			})
		}
	}
	if got := l.sandbox.stats("generic"); got.Successes != 16*3 || got.Refusals != 0 || got.Replays != 0 {
		t.Errorf("the sandbox has seen %+v", got)
	}
	for _, r := range l.sandbox.next(0, 0) {
		if r.Method == "POST" && (r.Host != "mtls.generic.example" || r.Params["client_id"] == "" || r.Params["client_secret"] != "") {
			t.Fatalf("a request at %s with %v", r.Host, r.Params)
		}
	}
}

// registerStranger replaces the registered certificate by one that no role has.
func (l *lab) registerStranger(t *testing.T, client string) {
	certificate, _ := selfSigned(t, "p256")
	l.sandbox.register(client, map[string]any{"client_certificate": certificate})
}

// selfSigned makes a key of a kind and a certificate for it that no authority has signed, in files.
func selfSigned(t *testing.T, kind string) (certificate, key string) {
	t.Helper()
	var private crypto.Signer
	var err error
	switch kind {
	case "rsa":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "p384":
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ed25519":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM, keyPEM := pairOf(t, private, time.Now().Add(90*24*time.Hour))
	canaries.addKey("self-signed "+kind, keyPEM)
	for path, text := range map[string]string{certificate: certPEM, key: keyPEM} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}
