package client

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func request() *AuthorizationRequest {
	return &AuthorizationRequest{
		Provider: &Provider{Consent: Consent{AuthorizationParams: map[string]string{"prompt": "consent", "audience": "provider"}}},
		Endpoint: "https://a.example/authorize?tenant=1", ClientID: "the client", RedirectURI: "https://v.example/v1/oauth/callback/x?a=b&c",
		Scope: "api refresh_token", State: "the-state", Nonce: "the-nonce", CodeChallenge: "the-challenge", FormPost: true,
		Params: map[string]string{"audience": "role", "login_hint": "é+&@a.example"},
	}
}

func TestAuthorizationURL(t *testing.T) {
	got, err := request().URL()
	const want = "https://a.example/authorize?tenant=1&response_type=code&client_id=the+client&redirect_uri=https%3A%2F%2Fv.example%2Fv1%2Foauth%2Fcallback%2Fx%3Fa%3Db%26c" +
		"&scope=api+refresh_token&state=the-state&code_challenge=the-challenge&code_challenge_method=S256&nonce=the-nonce&response_mode=form_post" +
		"&audience=role&login_hint=%C3%A9%2B%26%40a.example&prompt=consent"
	if err != nil || got != want {
		t.Errorf("%s (%v), want\n%s", got, err, want)
	}
}

// What is not wanted is not there, not even empty.
func TestAuthorizationURLLeavesOutWhatIsEmpty(t *testing.T) {
	for _, endpoint := range []string{"https://a.example/x", "https://a.example/x?"} {
		a := &AuthorizationRequest{Provider: &Provider{}, Endpoint: endpoint, ClientID: "c", RedirectURI: "http://127.0.0.1:1/"}
		if got, err := a.URL(); err != nil || got != "https://a.example/x?response_type=code&client_id=c&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F" {
			t.Errorf("%s (%v)", got, err)
		}
	}
}

// Some servers want another scope here than at the token endpoint. It stands where the scope does, and once.
func TestScopeAmongTheAuthorizationParams(t *testing.T) {
	a := request()
	a.Provider.AuthorizationParams["scope"] = "read write"
	got, _ := a.URL()
	if u, _ := url.Parse(got); !slices.Equal(u.Query()["scope"], []string{"read write"}) || !strings.Contains(got, "callback%2Fx%3Fa%3Db%26c&scope=read+write&state=") {
		t.Error(got)
	}
	a.Params["scope"] = "role"
	if got, _ := a.URL(); !strings.Contains(got, "&scope=role&") || strings.Contains(got, "read+write") {
		t.Error(got)
	}
}

// What can't be an address, or would name a parameter twice, is an error and no address.
func TestAuthorizationURLThatCantBe(t *testing.T) {
	for name, change := range map[string]func(*AuthorizationRequest){
		"scheme":      func(a *AuthorizationRequest) { a.Endpoint = "javascript:canary" },
		"nothing":     func(a *AuthorizationRequest) { a.Endpoint = "" },
		"user":        func(a *AuthorizationRequest) { a.Endpoint = "https://canary@a.example/" },
		"fragment":    func(a *AuthorizationRequest) { a.Endpoint = "https://a.example/#canary" },
		"state twice": func(a *AuthorizationRequest) { a.Endpoint = "https://a.example/?state=canary" },
		"own twice":   func(a *AuthorizationRequest) { a.Endpoint = "https://a.example/?login_hint=canary" },
		"bad query":   func(a *AuthorizationRequest) { a.Endpoint = "https://a.example/?a=%zz" },
		"long":        func(a *AuthorizationRequest) { a.Scope = strings.Repeat("canary ", 2000) },
	} {
		a := request()
		change(a)
		if got, err := a.URL(); err == nil || got != "" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
}

// RFC 9126 section 4: the browser carries the reference and nothing else.
func TestPushedURL(t *testing.T) {
	got, err := request().PushedURL("urn:ietf:params:oauth:request_uri:6esc_11")
	if err != nil || got != "https://a.example/authorize?tenant=1&client_id=the+client&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc_11" {
		t.Errorf("%s (%v)", got, err)
	}
}

func TestConsentScope(t *testing.T) {
	for _, c := range []struct{ offline, separator, scope, want string }{
		{"offline_access", "", "openid email", "openid email offline_access"},
		{"offline_access", "", "openid offline_access email", "openid offline_access email"},
		{"offline_access", "", "my_offline_access", "my_offline_access offline_access"},
		{"offline_access", "", "", ""},
		{"", "", "openid", "openid"},
		{"offline", ",", "a,b", "a,b,offline"},
		{"offline", ",", "a, offline", "a, offline"},
		{"refresh_token", "", "api refresh_token", "api refresh_token"},
	} {
		p := &Provider{Consent: Consent{OfflineScope: c.offline, ScopeSeparator: c.separator}}
		if got := p.ConsentScope(c.scope); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// The pair of RFC 7636 appendix B, and verifiers that are what section 4.1 wants.
func TestVerifierAndChallenge(t *testing.T) {
	if got := Challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"); got != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" {
		t.Error(got)
	}
	first, second := NewVerifier(), NewVerifier()
	if first == second || len(first) != 43 || strings.Trim(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("%s %s", first, second)
	}
}

// Whoever makes a browser open an address has written the code: none of it is repeated.
func TestAuthorizationErrors(t *testing.T) {
	for _, code := range []string{
		"access_denied", "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "server_error", "temporarily_unavailable",
		"interaction_required", "login_required", "account_selection_required", "consent_required", "invalid_request_uri", "invalid_request_object",
		"request_not_supported", "request_uri_not_supported", "registration_not_supported", "expired_token", "authorization_pending", "slow_down",
	} {
		if sentence, known := AuthorizationError(code); !known || sentence == otherAuthorizationError || strings.HasSuffix(sentence, ".") || sentence[:1] != strings.ToLower(sentence[:1]) {
			t.Errorf("%s: %q", code, sentence)
		}
	}
	other, known := AuthorizationError("<b>canary</b>")
	if known || other == "" || strings.Contains(other, "canary") {
		t.Error(other)
	}
	if empty, known := AuthorizationError(""); known || empty != other {
		t.Error(empty)
	}
}
