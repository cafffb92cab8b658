package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// signer makes the assertions of one of the generic server's applications.
type signer struct {
	b     *sandboxtest.Bench
	alg   jose.SignatureAlgorithm
	key   any
	kid   string
	given map[string]any
}

func newSigner(b *sandboxtest.Bench, alg jose.SignatureAlgorithm, key any, kid, iss, sub string) signer {
	return signer{b, alg, key, kid, map[string]any{"iss": iss, "sub": sub, "aud": b.Env["GENERIC_TOKEN_ENDPOINT"]}}
}

// sign gives the claims of now, changed as told; nil leaves a claim out.
func (s signer) sign(changes map[string]any) string {
	s.b.T.Helper()
	now := s.b.Now()
	claims := map[string]any{"jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	maps.Copy(claims, s.given)
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	options := &jose.SignerOptions{}
	if s.kid != "" {
		options.WithHeader("kid", s.kid)
	}
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: s.key}, options)
	if err != nil {
		s.b.T.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		s.b.T.Fatal(err)
	}
	signed, err := made.Sign(payload)
	if err != nil {
		s.b.T.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		s.b.T.Fatal(err)
	}
	return text
}

// assertionType is the value of client_assertion_type in RFC 7523 section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// badClaims are refused whoever signs them.
func badClaims(now time.Time) map[string]map[string]any {
	return map[string]map[string]any{
		"another issuer":   {"iss": "somebody"},
		"another subject":  {"sub": "somebody"},
		"no subject":       {"sub": nil},
		"another audience": {"aud": "https://127.0.0.1/generic/token"},
		"a list as aud":    {"aud": []string{"https://127.0.0.1/generic/token"}},
		"no audience":      {"aud": nil},
		"no iat":           {"iat": nil},
		"from the future":  {"iat": now.Add(10 * time.Second).Unix(), "exp": now.Add(time.Minute).Unix()},
		"not yet":          {"nbf": now.Add(10 * time.Second).Unix()},
		"expired":          {"exp": now.Add(-time.Second).Unix()},
		"no exp":           {"exp": nil},
		"too long a life":  {"iat": now.Unix(), "exp": now.Add(3*time.Minute + time.Second).Unix()},
		"no jti":           {"jti": nil},
		"a text as exp":    {"exp": "soon"},
	}
}

// Each is refused and spends nothing: the good request passes afterwards, and its assertion only once.
func TestClientAssertions(t *testing.T) {
	for _, prefix := range []string{"GENERIC_JWT", "GENERIC_SECRET_JWT"} {
		t.Run(prefix, func(t *testing.T) {
			b := sandboxtest.New(t)
			id := b.Env[prefix+"_CLIENT_ID"]
			s := newSigner(b, jose.ES256, b.Sandbox.Keys.Key, b.Env["GENERIC_KEY_ID"], id, id)
			if prefix == "GENERIC_SECRET_JWT" {
				s = newSigner(b, jose.HS256, []byte(b.Env[prefix+"_CLIENT_SECRET"]), "", id, id)
			}
			send := func(status int, code, assertion string, more ...string) sandboxtest.Result {
				t.Helper()
				v, _ := url.ParseQuery(sandboxtest.Form("grant_type", "refresh_token", "refresh_token", b.Env[prefix+"_REFRESH_TOKEN"],
					"client_id", id, "client_assertion_type", assertionType, "client_assertion", assertion))
				for i := 0; i < len(more); i += 2 {
					if v.Set(more[i], more[i+1]); more[i+1] == "" {
						v.Del(more[i])
					}
				}
				return b.Want(status, code, sandboxtest.Request{URL: b.Env["GENERIC_TOKEN_ENDPOINT"], Form: v.Encode()})
			}
			for name, changes := range badClaims(b.Now()) {
				t.Log(name)
				send(401, "invalid_client", s.sign(changes))
			}
			other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			for name, bad := range map[string]signer{
				"another key": newSigner(b, jose.ES256, other, s.kid, id, id), "another kid": newSigner(b, s.alg, s.key, "other", id, id),
				"another algorithm": newSigner(b, jose.HS512, []byte(strings.Repeat(rand.Text(), 3)), s.kid, id, id),
			} {
				t.Log(name)
				send(401, "invalid_client", bad.sign(nil))
			}
			send(401, "invalid_client", "no.jwt.atall")
			send(401, "invalid_client", s.sign(nil), "client_id", "generic client")
			send(401, "invalid_client", s.sign(nil), "client_id", "")
			send(400, "invalid_request", s.sign(nil), "client_secret", "x")
			send(400, "invalid_request", s.sign(nil), "client_assertion_type", "")
			send(400, "invalid_request", s.sign(nil), "client_assertion", "")
			send(400, "invalid_request", s.sign(nil), "client_assertion_type", oauth.GrantJWTBearer)
			send(400, "invalid_request", s.sign(nil), "assertion", s.sign(nil))
			send(401, "invalid_client", "x", "client_assertion", "", "client_assertion_type", "", "client_secret", "x")
			once := s.sign(nil)
			next := send(200, "", once).Text("refresh_token")
			send(401, "invalid_client", once, "refresh_token", next)
			send(200, "", s.sign(nil), "refresh_token", next)
		})
	}
}

func TestJWTBearerGrant(t *testing.T) {
	b := sandboxtest.New(t)
	s := newSigner(b, jose.ES256, b.Sandbox.Keys.Key, b.Env["GENERIC_KEY_ID"], b.Env["GENERIC_SERVICE_CLIENT_ID"], b.Env["GENERIC_SERVICE_SUBJECT"])
	send := func(status int, code, assertion string, more ...string) sandboxtest.Result {
		t.Helper()
		return b.Want(status, code, sandboxtest.Request{URL: b.Env["GENERIC_TOKEN_ENDPOINT"],
			Form: sandboxtest.Form(append([]string{"grant_type", oauth.GrantJWTBearer, "assertion", assertion}, more...)...)})
	}
	for name, changes := range badClaims(b.Now()) {
		t.Log(name)
		send(400, "invalid_grant", s.sign(changes))
	}
	send(400, "invalid_request", s.sign(nil), "client_id", s.given["iss"].(string))
	send(400, "invalid_request", s.sign(nil), "client_secret", "x")
	send(400, "invalid_request", s.sign(nil), "client_assertion", s.sign(nil))
	send(400, "invalid_scope", s.sign(nil), "scope", "more")
	once := s.sign(nil)
	if got := send(200, "", once, "scope", "api"); got.Body["refresh_token"] != nil || !b.Live("generic", got.Text("access_token")) {
		t.Errorf("%v", got.Body)
	}
	send(400, "invalid_grant", once)
	// The server's own clock counts, to the second.
	b.Order("/control", map[string]any{"provider": "generic", "clock_offset": -2}, nil)
	send(400, "invalid_grant", s.sign(nil))
}
