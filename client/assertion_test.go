package client

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// claims are a JWT's, its signature checked with the key that the provider has.
func claims(t *testing.T, token string, key any) (header jose.Header, payload map[string]any) {
	t.Helper()
	var algorithms []jose.SignatureAlgorithm
	for _, alg := range signingAlgorithms {
		algorithms = append(algorithms, jose.SignatureAlgorithm(alg))
	}
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		t.Fatalf("%v: %q", err, token)
	}
	text, err := parsed.Verify(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &payload); err != nil {
		t.Fatal(err)
	}
	return parsed.Signatures[0].Header, payload
}

// signing is a request whose client signs with the key of a certificate in testdata/identity.
func signing(t *testing.T, name, alg string) func(*Request) {
	return func(r *Request) {
		r.Provider.TokenEndpointAuthMethod, r.Provider.TokenEndpointAuthSigningAlg = AuthKeyJWT, alg
		r.Assertion = Assertion{Key: mustIdentity(t, name).SigningKey(), KeyID: "key-1"}
		r.ClientSecret = Secret{}
	}
}

// Every kind of key signs with every algorithm that fits, so that whoever has the public half can check
// it; and the certificate is named the way that Entra ID looks for it.
func TestPrivateKeyJWT(t *testing.T) {
	for _, c := range []struct{ key, alg, want string }{
		{"rsa", "", "RS256"}, {"rsa", "PS256", "PS256"}, {"rsa", "RS512", "RS512"},
		{"p256", "", "ES256"}, {"p384", "ES384", "ES384"}, {"ed25519", "", "EdDSA"},
	} {
		t.Run(c.key+" "+c.want, func(t *testing.T) {
			before := time.Now().Unix()
			r := sent(t, signing(t, c.key, c.alg))
			leaf := identityCertificate(t, c.key+".pem")
			header, got := claims(t, r.Form.Get("client_assertion"), leaf.PublicKey)
			sum := sha256.Sum256(leaf.Raw)
			if header.Algorithm != c.want || header.KeyID != "key-1" || header.ExtraHeaders["x5t#S256"] != base64.RawURLEncoding.EncodeToString(sum[:]) {
				t.Errorf("header %+v", header)
			}
			if r.Form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" ||
				r.Form.Get("client_id") != "the-client" || r.Header.Get("Authorization") != "" || r.Form.Has("client_secret") {
				t.Errorf("sent %s", r.Body)
			}
			if got["iss"] != "the-client" || got["sub"] != "the-client" || got["aud"] != "https://"+r.Host+"/token" {
				t.Errorf("claims %v", got)
			}
			checkTimes(t, got, before)
		})
	}
}

// checkTimes wants room for a server whose clock is half a minute off, either way.
func checkTimes(t *testing.T, got map[string]any, before int64) {
	t.Helper()
	issued, begin, end := got["iat"].(float64), got["nbf"].(float64), got["exp"].(float64)
	if issued > float64(before-29) || begin != issued || end != issued+120 || end < float64(before+60) {
		t.Errorf("iat %v, nbf %v, exp %v, sent after %d", issued, begin, end, before)
	}
}

// Servers remember ids: a request that is sent again needs a new one, and a revocation one of its own.
func TestAssertionsAreUsedOnce(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(200, `{"access_token":"a"}`) })
	r := refresh(s)
	signing(t, "p256", "")(r)
	for range 2 {
		if _, err := Exchange(t.Context(), trusting(), r); err != nil {
			t.Fatal(err)
		}
	}
	r.Audience, r.Endpoint = r.Endpoint, s.URL()+"/revoke"
	if err := Revoke(t.Context(), trusting(), r, NewSecret("old"), ""); err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	for _, sent := range s.Requests() {
		_, got := claims(t, sent.Form.Get("client_assertion"), identityCertificate(t, "p256.pem").PublicKey)
		seen[got["jti"]] = true
		if got["aud"] != s.URL()+"/token" {
			t.Errorf("%s: audience %v", sent.Path, got["aud"])
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d ids in 3 requests", len(seen))
	}
}

func TestAssertionAudience(t *testing.T) {
	for audience, want := range map[string]string{
		AudienceIssuer: "https://issuer.example", "https://literal.example/x": "https://literal.example/x",
		"account-d.docusign.com": "account-d.docusign.com",
	} {
		r := sent(t, func(r *Request) {
			signing(t, "p256", "")(r)
			r.Provider.Issuer, r.Provider.AssertionAudience = "https://issuer.example", audience
		})
		if _, got := claims(t, r.Form.Get("client_assertion"), identityCertificate(t, "p256.pem").PublicKey); got["aud"] != want {
			t.Errorf("%s: %v", audience, got["aud"])
		}
	}
}

// Revolut wants its client's domain as issuer. What the exchange sets itself stays.
func TestAssertionClaims(t *testing.T) {
	r := sent(t, func(r *Request) {
		signing(t, "p256", "")(r)
		r.Provider.AssertionClaims = map[string]string{"iss": "provider.example", "tenant": "acme"}
		r.Assertion.Claims = map[string]string{"iss": "role.example"}
	})
	_, got := claims(t, r.Form.Get("client_assertion"), identityCertificate(t, "p256.pem").PublicKey)
	if got["iss"] != "role.example" || got["sub"] != "the-client" || got["tenant"] != "acme" {
		t.Errorf("%v", got)
	}
	for _, name := range protocolClaims {
		if CheckClaims(map[string]string{name: "x"}) == nil {
			t.Errorf("%s may be given", name)
		}
	}
}

// The secret signs and does not travel.
func TestClientSecretJWT(t *testing.T) {
	const secret = "a secret of at least sixty-four bytes, which is what HS512 asks for."
	for alg, want := range map[string]string{"": "HS256", "HS512": "HS512"} {
		r := sent(t, func(r *Request) {
			r.Provider.TokenEndpointAuthMethod, r.Provider.TokenEndpointAuthSigningAlg = AuthSecretJWT, alg
			r.ClientSecret = NewSecret(secret)
		})
		header, got := claims(t, r.Form.Get("client_assertion"), []byte(secret))
		if header.Algorithm != want || got["sub"] != "the-client" || strings.Contains(string(r.Raw), url.QueryEscape(secret)) {
			t.Errorf("%+v %v", header, got)
		}
	}
	wantSentence(t, CheckSecretAlgorithm("", NewSecret(secret[:31])), "it needs 32 bytes")
}

// Neither the client's id nor a secret is needed: the assertion says it all (RFC 7523 section 2.1). Where
// there is a secret, it is sent as ever.
func TestJWTBearerGrant(t *testing.T) {
	bearer := func(r *Request) {
		r.GrantType, r.Scope, r.ClientSecret, r.RefreshToken = GrantJWTBearer, "signature impersonation", Secret{}, Secret{}
		r.Assertion = Assertion{Key: mustIdentity(t, "rsa").SigningKey(), Subject: "user@example.com"}
	}
	key := identityCertificate(t, "rsa.pem").PublicKey
	r := sent(t, bearer)
	_, got := claims(t, r.Form.Get("assertion"), key)
	if got["iss"] != "the-client" || got["sub"] != "user@example.com" || got["scope"] != nil {
		t.Errorf("claims %v", got)
	}
	if r.Form.Get("grant_type") != GrantJWTBearer || r.Form.Get("scope") != "signature impersonation" || len(r.Form) != 3 || r.Header.Get("Authorization") != "" {
		t.Errorf("sent %s", r.Body)
	}

	r = sent(t, func(r *Request) {
		bearer(r)
		r.Provider.AssertionScopeClaim, r.Assertion.Subject = true, ""
	})
	_, got = claims(t, r.Form.Get("assertion"), key)
	if _, named := got["sub"]; got["scope"] != "signature impersonation" || named || r.Form.Has("scope") {
		t.Errorf("claims %v, sent %s", got, r.Body)
	}

	r = sent(t, func(r *Request) {
		bearer(r)
		r.ClientSecret = NewSecret("s")
	})
	if r.Form.Get("client_secret") != "s" {
		t.Error("the client's secret is not sent")
	}
	r = sent(t, func(r *Request) {
		bearer(r)
		r.Provider.TokenEndpointAuthMethod = AuthKeyJWT
	})
	if r.Form.Get("client_assertion") == "" || r.Form.Get("client_assertion") == r.Form.Get("assertion") {
		t.Errorf("sent %s", r.Body)
	}
}

// A key that can't do its work is refused when it is written.
func TestBadSigningKeys(t *testing.T) {
	public, err := x509.MarshalPKIXPublicKey(identityCertificate(t, "p256.pem").PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, password, want string }{
		"public key":           {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), "", "assertion_private_key has no private part"},
		"certificate alone":    {identityFile(t, "p256.pem"), "", "assertion_private_key has no private part"},
		"other certificate":    {identityFile(t, "p256.key") + identityFile(t, "rsa.pem"), "", "belongs to none of the certificates"},
		"no PEM":               {"zzz", "", "assertion_private_key holds no PEM private key"},
		"two keys":             {identityFile(t, "p256.key") + identityFile(t, "p384.key"), "", "assertion_private_key holds several"},
		"needless password":    {identityFile(t, "p256.key"), "x", "leave assertion_private_key_password out"},
		"encrypted":            {identityFile(t, "rsa-pkcs8-aes.key"), "", "pass its password as assertion_private_key_password"},
		"wrong password":       {identityFile(t, "rsa-pkcs8-aes.key"), "wrong", "assertion_private_key_password is not"},
		"curve of no standard": {identityFile(t, "secp256k1.key"), "", "curve is not supported"},
		"huge":                 {strings.Repeat("z", maxPEM+1), "", "assertion_private_key is larger"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSigningKey(NewSecret(c.text), NewSecret(c.password))
			wantSentence(t, err, c.want)
		})
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	key, err := newSigningKey(short, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantSentence(t, key.CheckAlgorithm(""), "shorter than 2048 bits")
	wantSentence(t, mustIdentity(t, "p256").SigningKey().CheckAlgorithm("RS256"), "use ES256")
	wantSentence(t, mustIdentity(t, "ed25519").SigningKey().CheckAlgorithm("ES256"), "use EdDSA")
	wantSentence(t, mustIdentity(t, "rsa").SigningKey().CheckAlgorithm("EdDSA"), "use RS256")
}

// What is stored signs like what was written, and shows itself to nobody.
func TestSigningKeyRoundTrip(t *testing.T) {
	k, err := ParseSigningKey(NewSecret(identityFile(t, "rsa-pkcs8-aes.key")+identityFile(t, "rsa.pem")), NewSecret(identityPassword))
	if err != nil {
		t.Fatal(err)
	}
	key, certificate := k.PEM()
	again, err := LoadSigningKey(key, certificate)
	if err != nil || again.thumbprint() != k.thumbprint() || again.thumbprint() == "" || !again.NotAfter().Equal(k.NotAfter()) {
		t.Errorf("%v %v", again, err)
	}
	if _, err := LoadSigningKey(NewSecret("zzz"), ""); err == nil || strings.Contains(err.Error(), "zzz") {
		t.Error(err)
	}
	private := strings.Split(key.Reveal(), "\n")[1][:20]
	holder := struct{ hidden SigningKey }{*k}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, value := range []any{k, *k, holder, &holder, Request{Assertion: Assertion{Key: k}}} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, private) || len(text) > 3000 {
				t.Errorf("%s of %T prints %d bytes", verb, value, len(text))
			}
		}
	}
	if text, err := json.Marshal(k); err != nil || string(text) != `"signing key [redacted]"` {
		t.Errorf("%s %v", text, err)
	}
}
