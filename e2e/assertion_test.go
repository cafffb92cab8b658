package e2e

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/storage"
)

// identities holds keys and certificates of every kind, see its README; what is encrypted opens with the password.
const (
	identities         = "../client/testdata/identity"
	identitiesPassword = "pa55word"
)

// fixture is the absolute path of one of them.
func fixture(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(identities, name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// publicKey is that of a certificate, with which a provider would register it.
func publicKey(t *testing.T, certificate string) crypto.PublicKey {
	t.Helper()
	text, err := os.ReadFile(fixture(t, certificate))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert.PublicKey
}

// signing is the client from now on one that signs, and is known by the key alone.
func (s *oauthServer) signing(key crypto.PublicKey, kid, alg string) {
	s.working.Lock()
	defer s.working.Unlock()
	before := s.store.Clients[oauthClient]
	s.store.Clients[oauthClient] = &fosite.DefaultOpenIDConnectClient{
		DefaultClient:           &fosite.DefaultClient{ID: before.GetID(), Scopes: before.GetScopes(), GrantTypes: before.GetGrantTypes()},
		TokenEndpointAuthMethod: "private_key_jwt", TokenEndpointAuthSigningAlgorithm: alg,
		JSONWebKeys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: kid, Use: "sig", Algorithm: alg}}},
	}
}

// Clients that sign, at a library that takes each assertion once and checks signature, issuer, subject and
// audience by itself: with a rotating refresh token, as a client of its own, and with a key from each place
// that one can come from.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for alg, c := range map[string]struct{ certificate, fields string }{
		"RS256": {"rsa.pem", `assertion_private_key=@"$KEYS/rsa-pkcs8-aes.key" assertion_private_key_password="$PASSWORD"`},
		"ES256": {"p256.pem", `assertion_private_key=@"$KEYS/p256.key"`},
		"PS256": {"rsa.pem", `pfx="$(base64 -w0 "$KEYS/modern.pfx")" pfx_password="$PASSWORD" token_endpoint_auth_signing_alg=PS256`},
	} {
		t.Run(alg, func(t *testing.T) {
			server := startOAuthServer(t, time.Minute)
			grant := server.grant()
			server.signing(publicKey(t, c.certificate), "the-key", alg)
			sh := l.forTest(t).with("URL="+server.URL, "AUTHORITY="+server.authority(), "ID="+oauthClient,
				"GRANT="+grant, "KEYS="+filepath.Dir(fixture(t, "README")), "PASSWORD="+identitiesPassword)
			sh.run(`vault write oauth/providers/library token_endpoint="$URL/token" revocation_endpoint="$URL/revoke"
				token_endpoint_auth_method=private_key_jwt refresh_token_rotation=always`)
			role := `provider=library client_id="$ID" assertion_key_id=the-key ca_certificate=@"$AUTHORITY" ` + c.fields
			sh.run("vault write oauth/roles/signs-" + alg + ` refresh_token="$GRANT" ` + role)
			sh.run("vault write oauth/roles/own-" + alg + " grant_type=client_credentials scope=documents " + role)
			for _, name := range []string{"signs-", "own-"} {
				for range 3 {
					if got := sh.read("oauth/creds/" + name + alg); !server.live(got.token()) {
						t.Errorf("the library refuses the token of %s", name)
					}
					sh.run("vault write -force oauth/refresh/" + name + alg)
				}
			}
			if got := server.tally(); got.UsedIDs != 0 || got.Replays != 0 || got.Requests != 1+2*4 {
				t.Errorf("the library has seen %+v", got)
			}
			token := sh.read("oauth/creds/signs-" + alg).token()
			sh.run("vault write -force oauth/revoke/signs-" + alg)
			if server.live(token) {
				t.Error("revoke leaves the access token alive")
			}
			replayedAssertion(t, server)
		})
	}
}

// replayedAssertion sends again what Vault sent: the library would have noticed.
func replayedAssertion(t *testing.T, server *oauthServer) {
	t.Helper()
	server.mu.Lock()
	signed := server.signed
	server.mu.Unlock()
	if out := server.post(signed); out["error"] != "jti_known" || server.tally().UsedIDs != 1 {
		t.Errorf("a used assertion gets %v, %+v", out["error"], server.tally())
	}
}

// The JWT bearer grant at the same library: the key is registered for an issuer and a subject, and no client
// is known at all.
func TestJWTBearerGrant(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	server := startOAuthServer(t, time.Minute)
	const issuer, subject = "service@example.com", "somebody@example.com"
	key := &jose.JSONWebKey{Key: publicKey(t, "p256.pem"), KeyID: "the-key", Use: "sig", Algorithm: "ES256"}
	server.store.IssuerPublicKeys[issuer] = storage.IssuerPublicKeys{Issuer: issuer, KeysBySub: map[string]storage.SubjectPublicKeys{
		subject: {Subject: subject, Keys: map[string]storage.PublicKeyScopes{"the-key": {Key: key, Scopes: []string{"documents"}}}},
	}}
	sh := l.with("URL="+server.URL, "AUTHORITY="+server.authority(), "ISSUER="+issuer, "SUBJECT="+subject, "KEYS="+filepath.Dir(fixture(t, "README")))
	sh.run(`vault write oauth/providers/library token_endpoint="$URL/token" token_endpoint_auth_method=none`)
	sh.run(`vault write oauth/roles/service provider=library grant_type=jwt-bearer client_id="$ISSUER" subject="$SUBJECT"
		scope=documents assertion_private_key=@"$KEYS/p256.key" assertion_key_id=the-key ca_certificate=@"$AUTHORITY"`)
	for range 3 {
		got := sh.read("oauth/creds/service")
		got.wantLease(t, 40*time.Second, time.Minute)
		got.want(t, map[string]string{"scope": "documents"})
		if !server.live(got.token()) {
			t.Error("the library refuses the token")
		}
		sh.run("vault write -force oauth/refresh/service")
	}
	if got := server.tally(); got.UsedIDs != 0 || got.Requests != 4 {
		t.Errorf("the library has seen %+v", got)
	}
	text := sh.refused(400, `vault write oauth/roles/service subject=nobody@example.com && vault read oauth/creds/service`)
	if !strings.Contains(text, "refused the assertion") || strings.Contains(text, "authorize again") {
		t.Errorf("a subject that the key is not for: %s", text)
	}
}

// The methods at the sandbox, which knows one algorithm for each client and its own clock to the second: the
// keys that the library does not know, the secret that signs, and the assertion of a request that is repeated
// because its answer was lost.
func TestSignedRequestsAreNeverRepeated(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(`vault write oauth/providers/signed token_endpoint="$GENERIC_TOKEN_ENDPOINT" revocation_endpoint="$GENERIC_REVOCATION_ENDPOINT"
		token_endpoint_auth_method=private_key_jwt`)
	l.run(`vault write oauth/roles/key provider=signed client_id="$GENERIC_JWT_CLIENT_ID" refresh_token="$GENERIC_JWT_REFRESH_TOKEN"
		assertion_private_key=@"$GENERIC_KEY" assertion_key_id="$GENERIC_KEY_ID"`)
	l.run(`vault write oauth/roles/own provider=signed client_id="$GENERIC_JWT_CLIENT_ID" grant_type=client_credentials
		assertion_private_key=@"$GENERIC_KEY" assertion_key_id="$GENERIC_KEY_ID"`)
	l.run(`vault write oauth/roles/secret provider=signed client_id="$GENERIC_SECRET_JWT_CLIENT_ID" refresh_token="$GENERIC_SECRET_JWT_REFRESH_TOKEN"
		token_endpoint_auth_method=client_secret_jwt client_secret="$GENERIC_SECRET_JWT_CLIENT_SECRET"`)
	l.run(`vault write oauth/roles/service provider=signed grant_type=jwt-bearer client_id="$GENERIC_SERVICE_CLIENT_ID"
		subject="$GENERIC_SERVICE_SUBJECT" token_endpoint_auth_method=none assertion_private_key=@"$GENERIC_KEY" assertion_key_id="$GENERIC_KEY_ID"`)
	for _, seconds := range []int{0, -25, 60} { // the server's clock is behind, and ahead
		l.sandbox.control("generic", map[string]any{"clock_offset": seconds})
		for _, role := range []string{"key", "own", "secret", "service"} {
			l.run("vault write -force oauth/refresh/" + role)
			l.sandbox.wantLive("generic", l.read("oauth/creds/"+role).token())
		}
	}
	l.sandbox.control("generic", map[string]any{"clock_offset": 0})
	l.sandbox.control("generic", map[string]any{"client_id": l.sandbox.env["GENERIC_JWT_CLIENT_ID"], "drop": 1})
	l.run("vault write -force oauth/refresh/own")
	l.run("vault write -force oauth/revoke/key")
	// Keys of other kinds, each registered in the place of the one before.
	for alg, name := range map[string]string{"RS256": "rsa", "ES384": "p384", "EdDSA": "ed25519"} {
		der, err := x509.MarshalPKIXPublicKey(publicKey(t, name+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		l.sandbox.control("generic", map[string]any{"client_id": l.sandbox.env["GENERIC_JWT_CLIENT_ID"], "public_key": string(public), "signing_alg": alg})
		l.with("KEY=" + fixture(t, name+".key")).run("vault write oauth/roles/" + name + ` provider=signed client_id="$GENERIC_JWT_CLIENT_ID"
			grant_type=client_credentials assertion_private_key=@"$KEY" assertion_key_id="$GENERIC_KEY_ID" token_endpoint_auth_signing_alg=` + alg)
		l.sandbox.wantLive("generic", l.read("oauth/creds/"+name).token())
	}
	if got := l.sandbox.stats("generic"); got.Refusals != 0 || got.Successes != 3*4+2+3 {
		t.Errorf("the sandbox has seen %+v", got)
	}
}
