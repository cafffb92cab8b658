package client

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// sent makes the exchange and returns the one request that arrived.
func sent(t *testing.T, change func(*Request)) *clienttest.Request {
	t.Helper()
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(clienttest.JSON(200, `{"access_token":"a"}`))
	r := refresh(s)
	change(r)
	if _, err := Exchange(t.Context(), trusting(), r); err != nil {
		t.Fatal(err)
	}
	requests := s.Requests()
	if len(requests) != 1 {
		t.Fatalf("%d requests arrived", len(requests))
	}
	return requests[0]
}

// Basic credentials are form-encoded first for servers that follow RFC 6749 section 2.3.1, and
// not for those that never decode. Both are UTF-8: a client that wrote ASCII turned é into ?.
func TestBasicCredentials(t *testing.T) {
	const id, secret = "client:1", "p+s %é/ü=&"
	for encoding, want := range map[string]string{
		BasicRaw:     id + ":" + secret,
		BasicRFC6749: "client%3A1:p%2Bs+%25%C3%A9%2F%C3%BC%3D%26",
		"":           "client%3A1:p%2Bs+%25%C3%A9%2F%C3%BC%3D%26",
	} {
		for _, method := range []string{AuthBasic, ""} {
			r := sent(t, func(r *Request) {
				r.Provider.TokenEndpointAuthMethod, r.Provider.BasicEncoding = method, encoding
				r.ClientID, r.ClientSecret = id, NewSecret(secret)
			})
			encoded, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
			got, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil || string(got) != want {
				t.Errorf("basic_encoding=%s: %q, want %q (%v)", encoding, got, want, err)
			}
			if r.Form.Has("client_id") || r.Form.Has("client_secret") {
				t.Error("with Basic the client is in the body too: RFC 6749 section 2.3 allows one method per request")
			}
		}
	}
}

func TestClientInTheBody(t *testing.T) {
	for method, want := range map[string]string{
		AuthPost:          "grant_type=refresh_token&client_id=the-client&client_secret=the-client-secret&refresh_token=the-refresh-token",
		AuthNone:          "grant_type=refresh_token&client_id=the-client&refresh_token=the-refresh-token",
		AuthTLS:           "grant_type=refresh_token&client_id=the-client&refresh_token=the-refresh-token",
		AuthSelfSignedTLS: "grant_type=refresh_token&client_id=the-client&refresh_token=the-refresh-token",
	} {
		id := newTestIdentity(t)
		r := sent(t, func(r *Request) { r.Provider.TokenEndpointAuthMethod, r.Identity = method, id })
		if string(r.Body) != want {
			t.Errorf("%s: body %s, want %s", method, r.Body, want)
		}
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s: there is an Authorization header", method)
		}
	}
	r := sent(t, func(r *Request) { r.ClientSecret = Secret{} })
	if r.Form.Has("client_secret") {
		t.Error("an application without a secret sends an empty one")
	}
}

// A scope is sent as written and encoded once: "read+write" and "read write" are two scopes at
// PandaDoc. On a refresh it goes out only where the provider wants it, with client_credentials always.
func TestScope(t *testing.T) {
	for _, scope := range []string{"read+write", "read write", "https://a.example/.default offline_access", "a%20b"} {
		r := sent(t, func(r *Request) { r.Scope, r.Provider.SendScope = scope, true })
		if got := r.Form["scope"]; len(got) != 1 || got[0] != scope {
			t.Errorf("scope %q arrives as %q", scope, got)
		}
		if !strings.Contains(string(r.Body), "scope="+url.QueryEscape(scope)) {
			t.Errorf("scope %q is not encoded exactly once in %s", scope, r.Body)
		}
	}
	if r := sent(t, func(r *Request) { r.Scope = "read" }); r.Form.Has("scope") {
		t.Error("a refresh sends the scope though the provider has no send_scope")
	}
	if r := sent(t, func(r *Request) { r.Provider.SendScope = true }); r.Form.Has("scope") {
		t.Error("an empty scope is sent")
	}
	r := sent(t, func(r *Request) { r.Scope, r.GrantType = "read", GrantClientCredentials })
	if r.Form.Get("scope") != "read" || r.Form.Get("grant_type") != "client_credentials" || r.Form.Has("refresh_token") {
		t.Errorf("client_credentials sends %s", r.Body)
	}
}

func TestIdempotencyKeyIsForRefreshesOnly(t *testing.T) {
	withKey := func(grant string) func(*Request) {
		return func(r *Request) {
			r.Provider.IdempotencyHeader, r.IdempotencyKey, r.GrantType = "Ibanity-Idempotency-Key", "key-1", grant
		}
	}
	if got := sent(t, withKey(GrantRefreshToken)).Header.Get("Ibanity-Idempotency-Key"); got != "key-1" {
		t.Errorf("the key arrives as %q", got)
	}
	if got := sent(t, withKey(GrantClientCredentials)).Header.Values("Ibanity-Idempotency-Key"); len(got) != 0 {
		t.Errorf("client_credentials sends the key %q", got)
	}
	r := sent(t, func(r *Request) { r.IdempotencyKey = "key-1" })
	if strings.Contains(string(r.Raw), "key-1") {
		t.Error("a provider without idempotency_header gets the key")
	}
}

func TestRoleWinsOverProvider(t *testing.T) {
	r := sent(t, func(r *Request) {
		r.Provider.TokenParams = map[string]string{"audience": "provider", "resource": "kept"}
		r.Provider.TokenHeaders = map[string]string{"x-tenant": "provider", "Accept": "application/vnd.api+json", "User-Agent": "mine"}
		r.Params = map[string]string{"audience": "role", "zone": "1"}
		r.Headers = map[string]string{"X-Tenant": "role"}
	})
	want := "grant_type=refresh_token&client_id=the-client&client_secret=the-client-secret&refresh_token=the-refresh-token&audience=role&resource=kept&zone=1"
	if string(r.Body) != want {
		t.Errorf("body %s, want %s", r.Body, want)
	}
	for name, want := range map[string]string{"X-Tenant": "role", "Accept": "application/vnd.api+json", "User-Agent": "mine"} {
		if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestDefaultHeaders(t *testing.T) {
	r := sent(t, func(*Request) {})
	for name, want := range map[string]string{
		"Accept": "application/json", "User-Agent": userAgent, "Content-Type": "application/x-www-form-urlencoded",
		"Accept-Encoding": "gzip", "Connection": "close",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(r.Header) != 6 { // and Content-Length
		t.Errorf("headers %v", r.Header)
	}
}

func TestJSONRequest(t *testing.T) {
	const token = "a\"b\\<&>\u2028é"
	r := sent(t, func(r *Request) {
		r.Provider.RequestFormat, r.RefreshToken = FormatJSON, NewSecret(token)
		r.Params = map[string]string{"type": "refresh"}
	})
	if r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("content type %s", r.Header.Get("Content-Type"))
	}
	var got map[string]string
	if err := json.Unmarshal(r.Body, &got); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	if got["refresh_token"] != token || got["type"] != "refresh" || got["client_secret"] != "the-client-secret" || len(got) != 5 {
		t.Errorf("sent %s", r.Body)
	}
	if !strings.HasPrefix(string(r.Body), `{"grant_type":"refresh_token","client_id":`) || strings.Contains(string(r.Body), `\u003c`) {
		t.Errorf("order or escapes: %s", r.Body)
	}
}

func TestParamOrder(t *testing.T) {
	r := sent(t, func(r *Request) {
		r.Provider.ParamOrder = []string{"audience", "refresh_token", "not there"}
		r.Params = map[string]string{"audience": "a", "zone": "z"}
	})
	want := "audience=a&refresh_token=the-refresh-token&grant_type=refresh_token&client_id=the-client&client_secret=the-client-secret&zone=z"
	if string(r.Body) != want {
		t.Errorf("body %s, want %s", r.Body, want)
	}
}

// What can't succeed is refused here, and nothing is sent.
func TestIncompleteRequestsAreNotSent(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"no refresh token":      func(r *Request) { r.RefreshToken = Secret{} },
		"no client id":          func(r *Request) { r.ClientID = "" },
		"another grant":         func(r *Request) { r.GrantType = "password" },
		"no certificate":        func(r *Request) { r.Provider.RequiresCertificate = true },
		"no certificate to use": func(r *Request) { r.Provider.TokenEndpointAuthMethod = AuthTLS },
		"malformed endpoint":    func(r *Request) { r.Endpoint = "https://" },
		"endpoint with user":    func(r *Request) { r.Endpoint = strings.Replace(r.Endpoint, "://", "://u:p@", 1) },
	} {
		s := clienttest.New(t, clienttest.Options{})
		r := refresh(s)
		change(r)
		_, err := Exchange(t.Context(), trusting(), r)
		if e := asError(t, err); e.Class != ClientRefused || e.Reason == "" {
			t.Errorf("%s: %+v", name, e)
		}
		if s.Connections() != 0 {
			t.Errorf("%s: a connection was made", name)
		}
	}
}

// asError is the *Error that every failure must be.
func asError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := err.(*Error)
	if !ok || e == nil {
		t.Fatalf("got %#v, want an *Error", err)
	}
	return e
}
