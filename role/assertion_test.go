package role_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// signedBy tells whether a JWT was signed with the key of a certificate.
func signedBy(token, certificate string) bool {
	block, _ := pem.Decode([]byte(certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return false
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return false
	}
	_, err = parsed.Verify(leaf.PublicKey)
	return err == nil
}

// assertionOf is the payload of a JWT that the endpoint was sent, its signature checked.
func assertionOf(t *testing.T, token, certificate string) map[string]any {
	t.Helper()
	block, _ := pem.Decode([]byte(certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatalf("%v: %q", err, token)
	}
	text, err := parsed.Verify(leaf.PublicKey.(*ecdsa.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	var payload map[string]any
	if err := json.Unmarshal(text, &payload); err != nil {
		t.Fatal(err)
	}
	return payload
}

// The key may come by itself, encrypted or not, or be that of the client certificate; what opens it is not
// kept, and the grant's rotation goes on as with any other method.
func TestPrivateKeyJWTRoles(t *testing.T) {
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	for name, f := range map[string]enginetest.Fields{
		"key":                  {"assertion_private_key": c.Key},
		"encrypted key":        {"assertion_private_key": c.EncryptedKey, "assertion_private_key_password": enginetest.CertificatePassword},
		"with its certificate": {"assertion_private_key": c.Key + c.Certificate},
		"PFX":                  {"assertion_private_key": "", "pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			grant := enginetest.NewGrant(server)
			b.WriteRole("r", enginetest.Signed("", f, enginetest.Fields{"assertion_key_id": "k1"}))
			b.Read("creds/r")
			b.Write("refresh/r", nil)
			b.Write("revoke/r", nil)
			ids := map[any]bool{}
			for _, r := range server.Requests() {
				got := assertionOf(t, r.Form.Get("client_assertion"), c.Certificate)
				ids[got["jti"]] = true
				if got["aud"] != server.URL()+"/token" || got["sub"] != "the-client" || r.Form.Has("client_secret") {
					t.Errorf("%s: %v", r.Path, got)
				}
				header, _ := base64.RawURLEncoding.DecodeString(strings.Split(r.Form.Get("client_assertion"), ".")[0])
				if named := strings.Contains(string(header), `"x5t#S256"`); named != (name == "PFX" || name == "with its certificate") || !strings.Contains(string(header), `"kid":"k1"`) {
					t.Errorf("header %s", header)
				}
			}
			if len(ids) != 3 || grant.Refreshes() != 2 {
				t.Errorf("%d ids, %d refreshes", len(ids), grant.Refreshes())
			}
			stored := b.Storage.Contents(t)["role/r"]
			if strings.Contains(stored, enginetest.CertificatePassword) || strings.Contains(stored, "ENCRYPTED") {
				t.Errorf("stored is %s", stored)
			}
		})
	}
}

// A request that is sent again has an assertion of its own.
func TestResentRequestsAreSignedAgain(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"refresh_token_rotation": "never"})
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	server.Enqueue(clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a1", ""))
	b.WriteRole("r", enginetest.Signed(c.Key))
	b.Read("creds/r")
	all := server.Requests()
	if len(all) != 2 {
		t.Fatalf("%d requests", len(all))
	}
	first, second := assertionOf(t, all[0].Form.Get("client_assertion"), c.Certificate), assertionOf(t, all[1].Form.Get("client_assertion"), c.Certificate)
	if first["jti"] == second["jti"] {
		t.Error("the same id twice")
	}
}

// The third grant: no refresh token and so nothing to lose. Another subject's token is not handed out.
func TestJWTBearerRoles(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	server.Enqueue(enginetest.TokenAnswer("a1", "unasked"), enginetest.TokenAnswer("a2", ""), clienttest.JSON(400, `{"error":"invalid_grant"}`))
	states := b.RecordStates("r")
	b.WriteRole("r", enginetest.Fields{
		"grant_type": "jwt-bearer", "refresh_token": nil, "client_secret": nil, "assertion_private_key": c.Key,
		"subject": "one@example.com", "scope": "api",
	})
	for _, want := range []string{"a1", "a1"} {
		if got := b.Data("creds/r")["access_token"]; got != want {
			t.Errorf("access token %v, want %s", got, want)
		}
	}
	b.Patch("roles/r", enginetest.Fields{"subject": "two@example.com"})
	if got := b.Data("creds/r")["access_token"]; got != "a2" {
		t.Errorf("another subject gets %v", got)
	}
	for i, r := range server.Requests() {
		got := assertionOf(t, r.Form.Get("assertion"), c.Certificate)
		if got["sub"] != []string{"one@example.com", "two@example.com"}[i] || r.Form.Has("client_id") ||
			r.Form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || r.Form.Get("scope") != "api" {
			t.Errorf("%v: %v", got, r.Form)
		}
	}
	for _, tok := range states.List() {
		if tok.Intent != nil || tok.RefreshToken.IsSet() {
			t.Error("an intent or a refresh token is stored")
		}
	}
	if got := b.Data("roles/r")["grant_type"]; got != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Errorf("grant_type %v", got)
	}
	b.Patch("roles/r", enginetest.Fields{"subject": "three@example.com"})
	if got := b.NoCreds("r", 400); !strings.Contains(got, "refused the assertion") || strings.Contains(got, "authorize again") {
		t.Error(got)
	}
}

// Each is refused in a sentence, and nothing is stored.
func TestBadAssertionRoles(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	c, ended := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.NewClientCertificate(t, -2*time.Hour, -time.Hour)
	b.WriteRole("r")
	b.WriteRole("s", enginetest.Signed(c.Key))
	for _, r := range []struct {
		role string
		f    enginetest.Fields
		want string
	}{
		{"r", enginetest.Fields{"token_endpoint_auth_method": "private_key_jwt"}, "has no key to: give assertion_private_key"},
		{"r", enginetest.Fields{"token_endpoint_auth_method": "private_key_jwt", "assertion_private_key": c.Key}, "would never be used: write client_secret=\"\" too"},
		{"r", enginetest.Fields{"assertion_private_key": c.Key}, "would never be used: write assertion_private_key=\"\" too"},
		{"r", enginetest.Fields{"token_endpoint_auth_method": "client_secret_jwt"}, "client_secret is too short to sign with HS256"},
		{"r", enginetest.Fields{"token_endpoint_auth_method": "none"}, "would never be used: write client_secret=\"\" too"},
		{"r", enginetest.Fields{"subject": "zzz@example.com"}, "subject is for grant_type=jwt-bearer only"},
		{"r", enginetest.Fields{"grant_type": "jwt-bearer"}, "has no key to"},
		{"s", enginetest.Fields{"client_secret": "zzzzzz"}, "would never be used"},
		{"s", enginetest.Fields{"token_endpoint_auth_signing_alg": "RS256"}, "assertion_private_key: token_endpoint_auth_signing_alg is not for this kind of key"},
		{"s", enginetest.Fields{"token_endpoint_auth_signing_alg": "HS256"}, "use it with client_secret_jwt only"},
		{"s", enginetest.Fields{"token_endpoint_auth_signing_alg": "none"}, "token_endpoint_auth_signing_alg must be one of"},
		{"s", enginetest.Fields{"assertion_private_key": c.Certificate}, "assertion_private_key has no private part"},
		{"s", enginetest.Fields{"assertion_private_key": ended.Key + ended.Certificate}, "the certificate of assertion_private_key has expired"},
		{"s", enginetest.Fields{"assertion_private_key": `{"private_key": "-----BEGIN PRIVATE KEY-----"}`}, "assertion_private_key is JSON: pass the PEM key in it alone"},
		{"s", enginetest.Fields{"assertion_private_key": c.Key + ended.Key}, "several private keys: pass the one that is registered"},
		{"s", enginetest.Fields{"assertion_private_key_password": "zzzzzz"}, "without what it opens"},
		{"s", enginetest.Fields{"assertion_private_key": ""}, "has no key to"},
		{"s", enginetest.Fields{"assertion_claims": enginetest.Fields{"exp": "9999999999"}}, "assertion_claims must not hold exp"},
		{"s", enginetest.Fields{"assertion_audience": "issuer"}, "needs the provider's issuer"},
		{"s", enginetest.Fields{"assertion_key_id": "zzz\nzzz"}, "assertion_key_id holds a line break"},
	} {
		for _, value := range enginetest.Texts(enginetest.ThroughJSON(r.f)) {
			if got := b.Refused(enginetest.WriteOp, "roles/"+r.role, r.f); len(value) > 20 && strings.Contains(got, value) {
				t.Errorf("repeats the value: %s", got)
			}
		}
		before := b.Storage.Contents(t)
		if got := b.Refused(enginetest.WriteOp, "roles/"+r.role, r.f); !strings.Contains(got, r.want) {
			t.Errorf("%v: %s, want %s", r.want, got, r.want)
		}
		if after := b.Storage.Contents(t); enginetest.Plain(after) != enginetest.Plain(before) {
			t.Error("storage has changed")
		}
	}
}

// What is signed may be worth as much as the key to the server that it is not meant for: the audience can be
// a fixed one. So a key stays with the endpoint, like a secret.
func TestSigningKeysDontFollowAMovedProvider(t *testing.T) {
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	for name, f := range map[string]enginetest.Fields{
		"assertion_private_key": {}, "pfx": {"assertion_private_key": "", "pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword},
	} {
		b := enginetest.New(t)
		enginetest.NewGrant(enginetest.NewEndpoint(t, b))
		b.WriteRole("r", enginetest.Signed(c.Key, f, enginetest.Fields{"grant_type": "client_credentials", "refresh_token": ""}))
		elsewhere := clienttest.New(t, clienttest.Options{})
		b.Write("providers/test", enginetest.Fields{"token_endpoint": elsewhere.URL() + "/token"})
		b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"scope": "zzz"}, "write "+name+" again")
		if n := elsewhere.Connections(); n != 0 {
			t.Errorf("%d connections", n)
		}
	}
}

// For whom a role's key signs is the role's to say: whoever may edit providers could have it sign for anybody.
func TestProvidersDontSayForWhomAClientSigns(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	for _, claim := range []string{"iss", "sub", "scope"} {
		b.Rejects(enginetest.WriteOp, "providers/test", enginetest.Fields{"assertion_claims": enginetest.Fields{claim: "zzz"}}, "assertion_claims must not hold "+claim)
	}
}

// An assertion lives for a minute after it was sent: a server that repeats it does not get it to the readers.
func TestEchoedAssertionsAreNotHandedOn(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"extra_fields": []string{"echo"}})
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		echo := r.Form.Get("client_assertion")
		return clienttest.JSON(200, `{"access_token":"a","expires_in":3600,"scope":"`+echo+`","echo":{"x":["`+echo+`"]}}`)
	})
	b.WriteRole("r", enginetest.Signed(c.Key))
	if got := b.Data("creds/r"); got["scope"] != "" || got["echo"] != nil {
		t.Errorf("readers get %v", got)
	}
}
