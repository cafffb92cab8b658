package client

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// testRSA is made once: it takes long.
var testRSA = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func publicJWK(t *testing.T, id string, key crypto.Signer) string {
	t.Helper()
	text, err := jose.JSONWebKey{Key: key.Public(), KeyID: id}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key any, id string, claims map[string]any) Secret {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", id))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	made, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := made.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return NewSecret(token)
}

// rightClaims are those of a token that is right for the requests of these tests, with changes.
func rightClaims(changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": "https://issuer.example", "sub": "canary-subject", "aud": "the-client", "nonce": "the-nonce", "email": "ann@acme.example",
		"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "number": json.Number("12345678901234567890"),
	}
	maps.Copy(claims, changes)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func idTokenRequest(s *clienttest.Server, token Secret) IDTokenRequest {
	return IDTokenRequest{Issuer: "https://issuer.example", JWKSURI: s.URL() + "/keys", ClientID: "the-client", Nonce: "the-nonce", Token: token}
}

// Every asymmetric algorithm, among keys of others and of kinds that nobody knows.
func TestIDTokensAreVerified(t *testing.T) {
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[jose.SignatureAlgorithm]crypto.Signer{
		jose.RS256: testRSA(), jose.RS384: testRSA(), jose.RS512: testRSA(), jose.PS256: testRSA(), jose.PS384: testRSA(), jose.PS512: testRSA(),
		jose.ES256: curve(elliptic.P256()), jose.ES384: curve(elliptic.P384()), jose.ES512: curve(elliptic.P521()), jose.EdDSA: edwards,
	}
	if len(keys) != len(idTokenAlgorithms) {
		t.Errorf("%d of %d algorithms", len(keys), len(idTokenAlgorithms))
	}
	s := clienttest.New(t, clienttest.Options{})
	other := publicJWK(t, "other", curve(elliptic.P256()))
	for alg, key := range keys {
		set := `{"keys":[{"kty":"of tomorrow","kid":"k"},7,` + other + `,{"kty":"oct","k":"AAAA","kid":"k"},` + publicJWK(t, "k", key) + `]}`
		for _, id := range []string{"k", ""} {
			s.Enqueue(clienttest.JSON(200, set))
			claims, err := VerifyIDToken(t.Context(), trusting(), idTokenRequest(s, signed(t, alg, key, id, rightClaims(nil))))
			if err != nil || claims["email"] != "ann@acme.example" || AccountIn(claims, "/number") != "12345678901234567890" {
				t.Errorf("%s, kid %q: %v %v", alg, id, claims, err)
			}
		}
	}
	r := s.Requests()[0]
	if r.Method != "GET" || r.Path != "/keys" || len(r.Body) > 0 || r.Header.Get("Authorization") != "" {
		t.Errorf("sent %s", r.Raw)
	}
}

// What a token must say, whether its signature can be checked or not. Nothing of it is in an error.
func TestClaimsOfIDTokens(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	s.Handle(func(*clienttest.Request) clienttest.Answer {
		return clienttest.JSON(200, `{"keys":[`+publicJWK(t, "k", testRSA())+`]}`)
	})
	past := time.Now().Add(-2 * time.Minute).Unix()
	for name, c := range map[string]struct {
		changes map[string]any
		request func(*IDTokenRequest)
		want    string // "" when it is right
	}{
		"right":                 {nil, nil, ""},
		"several audiences":     {map[string]any{"aud": []string{"other", "the-client"}, "azp": "the-client"}, nil, ""},
		"an audience in a list": {map[string]any{"aud": []string{"the-client"}}, nil, ""},
		"just expired":          {map[string]any{"exp": time.Now().Add(-20 * time.Second).Unix()}, nil, ""},
		"no nonce wanted":       {map[string]any{"nonce": nil}, func(r *IDTokenRequest) { r.Nonce = "" }, ""},
		"issuer unknown":        {map[string]any{"iss": "https://canary.example"}, func(r *IDTokenRequest) { r.Issuer = "" }, ""},
		"Google's of before":    {map[string]any{"iss": "accounts.google.com"}, func(r *IDTokenRequest) { r.Issuer = "https://accounts.google.com" }, ""},
		"other issuer":          {map[string]any{"iss": "https://canary.example"}, nil, "issuer"},
		"issuer with a slash":   {map[string]any{"iss": "https://issuer.example/"}, nil, "issuer"},
		"no issuer":             {map[string]any{"iss": nil}, nil, "issuer"},
		"issuer, a list":        {map[string]any{"iss": []string{"https://issuer.example"}}, nil, "issuer"},
		"other audience":        {map[string]any{"aud": "canary"}, nil, "another client"},
		"no audience":           {map[string]any{"aud": nil}, nil, "another client"},
		"audience, an object":   {map[string]any{"aud": map[string]any{"the-client": 1}}, nil, "another client"},
		"nobody's":              {map[string]any{"aud": ""}, func(r *IDTokenRequest) { r.ClientID = "" }, "another client"},
		"audiences without azp": {map[string]any{"aud": []string{"canary", "the-client"}}, nil, "azp"},
		"other azp":             {map[string]any{"azp": "canary"}, nil, "azp"},
		"azp, a number":         {map[string]any{"azp": 7}, nil, "azp"},
		"expired":               {map[string]any{"exp": past}, nil, "expired"},
		"expired long ago":      {map[string]any{"exp": 3600}, nil, "expired"},
		"no end":                {map[string]any{"exp": nil}, nil, "does not say when"},
		"end, a text":           {map[string]any{"exp": "canary"}, nil, "does not say when"},
		"other nonce":           {map[string]any{"nonce": "canary"}, nil, "nonce"},
		"no nonce":              {map[string]any{"nonce": nil}, nil, "nonce"},
		"nonce, a list":         {map[string]any{"nonce": []string{"the-nonce"}}, nil, "nonce"},
	} {
		r := idTokenRequest(s, signed(t, jose.RS256, testRSA(), "k", rightClaims(c.changes)))
		if c.request != nil {
			c.request(&r)
		}
		verified, err := VerifyIDToken(t.Context(), trusting(), r)
		unverified, err2 := UnverifiedIDToken(r)
		for claims, err := range map[*map[string]any]error{&verified: err, &unverified: err2} {
			if c.want == "" {
				if err != nil || (*claims)["email"] != "ann@acme.example" {
					t.Errorf("%s: %v %v", name, *claims, err)
				}
				continue
			}
			e := asError(t, err)
			if *claims != nil || e.Class != ClientRefused || !strings.Contains(e.Reason, c.want) || strings.Contains(fmt.Sprintf("%+v", e), "canary") {
				t.Errorf("%s: %v %+v", name, *claims, e)
			}
		}
	}
}

// A token that nobody has signed who may, in each of the ways that JWTs have been forged.
func TestForgedIDTokensAreRefused(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	public := publicJWK(t, "k", testRSA())
	s.Handle(func(*clienttest.Request) clienttest.Answer {
		return clienttest.JSON(200, `{"keys":[`+public+`,{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0","kid":"o"}]}`)
	})
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	payload, err := json.Marshal(rightClaims(nil))
	if err != nil {
		t.Fatal(err)
	}
	good := signed(t, jose.RS256, testRSA(), "k", rightClaims(nil)).Reveal()
	parts := strings.Split(good, ".")
	changed := encode([]byte(strings.Replace(string(payload), "ann@", "eve@", 1)))
	secret := []byte("secretsecretsecretsecretsecretsecret")
	for name, token := range map[string]Secret{
		"by a stranger":         signed(t, jose.RS256, stranger, "k", rightClaims(nil)),
		"by a stranger, no kid": signed(t, jose.RS256, stranger, "", rightClaims(nil)),
		"with the public key":   signed(t, jose.HS256, []byte(public), "k", rightClaims(nil)),
		"with a published oct":  signed(t, jose.HS256, secret, "o", rightClaims(nil)),
		"none":                  NewSecret(encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."),
		"NONE":                  NewSecret(encode([]byte(`{"alg":"NoNe"}`)) + "." + encode(payload) + ".x"),
		"other claims":          NewSecret(parts[0] + "." + changed + "." + parts[2]),
		"no signature":          NewSecret(parts[0] + "." + parts[1] + "."),
		"its own key":           NewSecret(encode([]byte(`{"alg":"RS256","jwk":`+public+`}`)) + "." + parts[1] + "." + parts[2]),
		"critical":              NewSecret(encode([]byte(`{"alg":"RS256","kid":"k","crit":["canary"],"canary":1}`)) + "." + parts[1] + "." + parts[2]),
		"other kid":             signed(t, jose.RS256, testRSA(), "canary", rightClaims(nil)),
		"as JSON":               NewSecret(`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`),
		"five parts":            NewSecret("a.b.c.d.e"),
		"two parts":             NewSecret("a.b"),
		"empty":                 {},
		"not JSON":              NewSecret(parts[0] + "." + encode([]byte("canary")) + "." + parts[2]),
		"a list":                NewSecret(parts[0] + "." + encode([]byte(`["canary"]`)) + "." + parts[2]),
		"null":                  NewSecret(parts[0] + "." + encode([]byte(`null`)) + "." + parts[2]),
		"two documents":         NewSecret(parts[0] + "." + encode(append(payload, payload...)) + "." + parts[2]),
		"deep":                  NewSecret(parts[0] + "." + encode([]byte(strings.Repeat("[", 20000))) + "." + parts[2]),
		"giant":                 NewSecret(good + strings.Repeat("A", maxToken)),
		"control characters":    NewSecret(good + "\n"),
	} {
		claims, err := VerifyIDToken(t.Context(), trusting(), idTokenRequest(s, token))
		if err == nil {
			t.Errorf("%s: taken, %v", name, claims)
		} else if e := asError(t, err); e.Class != ClientRefused || claims != nil || strings.Contains(fmt.Sprintf("%+v", e), "canary") {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// Without keys the claims are checked all the same, and the signature is TLS's to vouch for.
func TestUnverifiedIDTokenHasAnySignature(t *testing.T) {
	payload, err := json.Marshal(rightClaims(nil))
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	r := IDTokenRequest{ClientID: "the-client", Nonce: "the-nonce", Token: NewSecret(encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + ".")}
	if claims, err := UnverifiedIDToken(r); err != nil || claims["sub"] != "canary-subject" {
		t.Errorf("%v %v", claims, err)
	}
}
