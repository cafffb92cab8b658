package enginetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// ExternalURL is where browsers reach the mounts of these tests.
const ExternalURL = "https://vault.example/v1/oauth"

// As is the same mount as another caller sees it, an entity of this name.
func (b *Mount) As(name string) *Mount {
	c := *b
	c.Who = name
	b.People.meet(name)
	return &c
}

// Authorization is an authorization server: who agrees at its authorization endpoint gets a code, and the token
// endpoint gives a rotating grant for that, once, to the client and the verifier that it was asked for with (RFC 6749
// section 4.1, RFC 7636).
type Authorization struct {
	*clienttest.Server
	Grant *clienttest.Rotation // of the last code; those of the codes before live on
	// Answer changes what a code brings; nil for nothing to change.
	Answer func(answer Fields)

	t     testing.TB
	mu    sync.Mutex
	codes map[string]url.Values // what was asked for, by the code that it brought
	made  int
	given map[string]*clienttest.Rotation // by the first refresh token
	Used  int                             // codes that were presented twice
}

// NewAuthorization starts one, makes the mount know it as the provider "test", and writes the role "r" without a grant.
// The definition's fields may be given otherwise.
func NewAuthorization(t testing.TB, b *Mount, others ...Fields) *Authorization {
	t.Helper()
	a := &Authorization{t: t, Server: clienttest.New(t, clienttest.Options{}), codes: map[string]url.Values{}, given: map[string]*clienttest.Rotation{}}
	b.Write("config", Fields{"ca_certificate": string(clienttest.CAPEM()), "external_url": ExternalURL})
	b.Write("providers/test", With(Fields{
		"token_endpoint": a.URL() + "/token", "authorization_endpoint": a.URL() + "/authorize?tenant=a",
		"token_endpoint_auth_method": "client_secret_post", "send_scope": false,
	}, others...))
	b.WriteRole("r", Fields{"refresh_token": nil, "scope": "read"})
	a.Handle(a.answer)
	return a
}

// Agree is a person who agrees at an authorization URL. It returns what the browser brings back.
func (a *Authorization) Agree(address string) Fields {
	a.t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, a.URL()+"/authorize?tenant=a&") {
		a.t.Fatalf("the authorization URL is %q", address)
	}
	q := u.Query()
	for name, values := range q {
		if len(values) != 1 {
			a.t.Fatalf("%s stands there %d times", name, len(values))
		}
	}
	if q.Get("response_type") != "code" || q.Get("client_id") != "the-client" || len(q.Get("state")) < 43 {
		a.t.Fatalf("asked for with %v", q)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made++
	code := fmt.Sprintf("%scode-%d", Canary, a.made)
	a.codes[code] = q
	return Fields{"code": code, "state": q.Get("state")}
}

// answer is the token endpoint.
func (a *Authorization) answer(r *clienttest.Request) clienttest.Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Form.Get("grant_type") != "authorization_code" {
		return a.grantOf(r.Form.Get("refresh_token")).Answer(r)
	}
	asked, ok := a.codes[r.Form.Get("code")]
	sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	switch challenge := asked.Get("code_challenge"); {
	case r.Form.Get("client_id") != "the-client" || r.Form.Get("client_secret") != Canary+"secret":
		return clienttest.JSON(401, `{"error":"invalid_client"}`)
	case !ok, r.Form.Get("redirect_uri") != asked.Get("redirect_uri"), challenge != "" && challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		return clienttest.JSON(400, `{"error":"invalid_grant","error_description":"`+Canary+`text"}`)
	case asked.Get("used") != "":
		a.Used++
		return clienttest.JSON(400, `{"error":"invalid_grant"}`)
	}
	asked.Set("used", "yes")
	first := fmt.Sprintf("%sfirst-%d", Canary, a.made)
	a.Grant = clienttest.NewRotation(first)
	a.given[first] = a.Grant
	answer := Fields{"access_token": clienttest.AccessToken(first, 0), "token_type": "Bearer", "expires_in": 3600, "refresh_token": first}
	if a.Answer != nil {
		a.Answer(answer)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // answers of tests are JSON
	}
	return clienttest.JSON(200, string(text))
}

// grantOf is the grant of a refresh token, the last one of a token that nobody has given.
func (a *Authorization) grantOf(token string) *clienttest.Rotation {
	for first, grant := range a.given {
		if token == first || strings.HasPrefix(token, first+"-") {
			return grant
		}
	}
	return a.Grant
}

// Live tells whether an access token is of a grant that lives.
func (a *Authorization) Live(accessToken string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for first, grant := range a.given {
		if grant.Live(accessToken) || accessToken == clienttest.AccessToken(first, 0) {
			return grant.Current() != ""
		}
	}
	return false
}

// Authorize begins a consent to the role "r" and returns where the browser goes.
func (b *Mount) Authorize(others ...Fields) string {
	b.T.Helper()
	return b.Write("authorize/r", With(Fields{}, others...)).Data["authorization_url"].(string)
}

// Browse is a browser that comes to a path without a token. It returns the status and the page.
func (b *Mount) Browse(path string, op logical.Operation, params Fields) (status int, page string) {
	b.T.Helper()
	resp, err := b.HandleRequest(b.T.Context(), &logical.Request{Operation: op, Path: path, MountPoint: "oauth/", Storage: b.Storage, Data: maps.Clone(map[string]any(params))})
	if err != nil {
		b.T.Fatalf("%s %s: %v", op, path, err)
	}
	if resp.Data[logical.HTTPContentType] != "text/html; charset=utf-8" {
		b.T.Fatalf("%s %s: no page but %v", op, path, resp.Data)
	}
	body, _ := resp.Data[logical.HTTPRawBody].([]byte)
	if len(body) == 0 {
		b.T.Fatalf("%s %s: no body, of which Vault makes a 500", op, path)
	}
	return resp.Data[logical.HTTPStatusCode].(int), string(body)
}

// Callback is a browser that comes back from the provider "test".
func (b *Mount) Callback(params Fields) (status int, page string) {
	b.T.Helper()
	return b.Browse("callback/test", logical.ReadOperation, params)
}

// CodeOn is the confirmation code on a page, "" for none.
func CodeOn(page string) string {
	_, rest, _ := strings.Cut(page, `<p class="code">`)
	code, _, _ := strings.Cut(rest, "</p>")
	return code
}

// Handler is the token endpoint, for who puts other endpoints beside it.
func (a *Authorization) Handler() func(*clienttest.Request) clienttest.Answer { return a.answer }
