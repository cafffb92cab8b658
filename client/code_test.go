package client

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// withCode makes a request the exchange of an authorization code.
func withCode(r *Request) {
	r.GrantType, r.RefreshToken = GrantAuthorizationCode, Secret{}
	r.Code, r.RedirectURI, r.CodeVerifier = NewSecret("the-code-canary"), "https://v.example/callback", NewSecret("the-verifier-canary")
}

// withDeviceCode makes a request a look whether somebody has agreed.
func withDeviceCode(r *Request) {
	r.GrantType, r.RefreshToken, r.Code = GrantDeviceCode, Secret{}, NewSecret("the-device-code-canary")
}

// answered lets a server give one answer to the request.
func answered(t *testing.T, change func(*Request), answer clienttest.Answer) (*Token, error) {
	t.Helper()
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(answer)
	r := refresh(s)
	change(r)
	token, err := Exchange(t.Context(), trusting(), r)
	if n := len(s.Requests()); n != 1 {
		t.Fatalf("%d requests for one exchange", n)
	}
	return token, err
}

// RFC 6749 section 4.1.3, RFC 7636 section 4.5, RFC 8628 section 3.4: what goes out, and that a scope does not.
func TestCodeRequests(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Request)
		want   string
	}{
		"code": {withCode, "grant_type=authorization_code&client_id=the-client&client_secret=the-client-secret&code=the-code-canary" +
			"&redirect_uri=https%3A%2F%2Fv.example%2Fcallback&code_verifier=the-verifier-canary"},
		"no PKCE, no redirect": {func(r *Request) { withCode(r); r.CodeVerifier, r.RedirectURI = Secret{}, "" },
			"grant_type=authorization_code&client_id=the-client&client_secret=the-client-secret&code=the-code-canary"},
		"scope, own parameters": {func(r *Request) {
			withCode(r)
			r.Scope, r.Provider.SendScope, r.CodeVerifier = "api", true, Secret{}
			r.Provider.TokenParams, r.Params = map[string]string{"expiring": "1", "redirect_uri": "https://other.example"}, map[string]string{"audience": "x"}
		}, "grant_type=authorization_code&client_id=the-client&client_secret=the-client-secret&code=the-code-canary" +
			"&redirect_uri=https%3A%2F%2Fv.example%2Fcallback&audience=x&expiring=1"},
		"device": {func(r *Request) { withDeviceCode(r); r.Scope, r.Provider.SendScope = "api", true },
			"grant_type=" + url.QueryEscape(GrantDeviceCode) + "&client_id=the-client&client_secret=the-client-secret&device_code=the-device-code-canary"},
	} {
		if r := sent(t, c.change); string(r.Body) != c.want {
			t.Errorf("%s: %s, want %s", name, r.Body, c.want)
		}
	}
	for name, change := range map[string]func(*Request){
		"code": func(r *Request) { withCode(r); r.Code = Secret{} }, "device": func(r *Request) { withDeviceCode(r); r.Code = Secret{} },
	} {
		s := clienttest.New(t, clienttest.Options{})
		r := refresh(s)
		change(r)
		if _, err := Exchange(t.Context(), trusting(), r); asError(t, err).Class != ClientRefused || len(s.Requests()) > 0 {
			t.Errorf("without a %s: %v", name, err)
		}
	}
}

// A lost answer costs the code unless the server knows the request again. A device code is asked for many times.
func TestIdempotencyKeyOfCodes(t *testing.T) {
	for want, change := range map[string]func(*Request){"key-1": withCode, "": withDeviceCode} {
		r := sent(t, func(r *Request) {
			change(r)
			r.Provider.IdempotencyHeader, r.IdempotencyKey = "Idempotency-Key", "key-1"
		})
		if got := r.Header.Get("Idempotency-Key"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatACodeBrings(t *testing.T) {
	token, err := answered(t, func(r *Request) { withCode(r); r.AccountPointer = "/user/mail" },
		clienttest.JSON(200, `{"access_token":"a","refresh_token":"r","id_token":"h.p.s","user":{"mail":"ann@acme.example"}}`))
	if err != nil || token.RefreshToken.Reveal() != "r" || token.IDToken.Reveal() != "h.p.s" || token.Account != "ann@acme.example" {
		t.Errorf("%+v %v", token, err)
	}
	if shown := fmt.Sprintf("%+v %#v", token, token); strings.Contains(shown, "h.p.s") {
		t.Error("the ID token is shown")
	}
	token, err = answered(t, withCode, clienttest.JSON(200, `{"access_token":"a","id_token":{"x":1}}`))
	if err != nil || token.RefreshToken.IsSet() || token.IDToken.IsSet() || token.Account != "" {
		t.Errorf("an access token alone: %+v %v", token, err)
	}
	// Whatever the server repeats of what it was sent, nobody gets it.
	token, err = answered(t, func(r *Request) { withCode(r); r.Provider.ExtraFields = []string{"x"}; r.AccountPointer = "/x" },
		clienttest.JSON(200, `{"access_token":"a","refresh_token":"r","scope":"the-code-canary","x":"the-verifier-canary"}`))
	if err != nil || token.Scope != "" || len(token.Extra) > 0 || token.Account != "" {
		t.Errorf("%+v %v", token, err)
	}
	_, err = answered(t, withCode, clienttest.JSON(200, `{"access_token":"the-code-canary","refresh_token":"the-next-token"}`))
	if e := asError(t, err); e.Class != OutcomeUnknown || e.RefreshToken.Reveal() != "the-next-token" {
		t.Errorf("%+v", e)
	}
}

// The account is shown to people: it must not hold what is secret, nor look like another one.
func TestAccounts(t *testing.T) {
	for value, want := range map[string]string{
		`"ann@acme.example"`:                        "ann@acme.example",
		`17`:                                        "17",
		`12345678901234567890123`:                   "12345678901234567890123",
		`"Ann Ölm, 東京"`:                             "Ann Ölm, 東京",
		`" ann\u0000\u001b[31m\n"`:                  "ann[31m",
		`"a\u202enna\u2066x\u200by"`:                "annaxy",
		`"a\u3164\u2800\ufe0f\u00adb"`:              "ab",
		`"` + strings.Repeat("é", 300) + `"`:        strings.Repeat("é", 256),
		`"` + strings.Repeat("\\u200b", 9000) + `"`: "",
		`true`: "", `null`: "", `{"a":1}`: "", `["a"]`: "", `""`: "", `" "`: "",
		`"the-refresh-token-of-now"`: "", `"x the-code-canary"`: "", `"the-\u200bcode-canary"`: "", `"the-access-token"`: "",
		`"<script>alert(1)</script>"`: "<script>alert(1)</script>",
	} {
		token, err := answered(t, func(r *Request) { withCode(r); r.AccountPointer = "/account" },
			clienttest.JSON(200, `{"access_token":"the-access-token","refresh_token":"the-refresh-token-of-now","account":`+value+`}`))
		if err != nil || token.Account != want {
			t.Errorf("%.40s: %q, want %q (%v)", value, token.Account, want, err)
		}
	}
	token, err := answered(t, func(r *Request) { withCode(r); r.AccountPointer = "/old_refresh_token/refresh_token" },
		clienttest.JSON(200, `{"access_token":"a","old_refresh_token":{"refresh_token":"canary"}}`))
	if err != nil || token.Account != "" {
		t.Errorf("%+v %v", token, err)
	}
}

// What is refused is named by its name: there is no refresh token yet that anybody could look for.
func TestRefusalsOfACode(t *testing.T) {
	for _, c := range []struct {
		answer clienttest.Answer
		class  Class
		code   string
		says   string
	}{
		{clienttest.JSON(400, `{"error":"invalid_grant"}`), GrantRefused, "invalid_grant", "authorization code"},
		{clienttest.JSON(200, `{"error":"bad_verification_code"}`), GrantRefused, "bad_verification_code", "authorization code"}, // GitHub
		{clienttest.JSON(200, `{"ok":false,"error":"invalid_code"}`), GrantRefused, "invalid_code", "authorization code"},        // Slack
		{clienttest.JSON(429, `{"error":"invalid_code"}`), NotProcessed, "", "rate"},
		{clienttest.JSON(400, `{"error":"invalid_grant","error_description":"rate limit"}`), NotProcessed, "invalid_grant", "authorization code"},
		{clienttest.JSON(400, `{"error":"redirect_uri_mismatch"}`), ClientRefused, "redirect_uri_mismatch", "redirect_uri"},
		{clienttest.JSON(400, `{"error":"invalid_request"}`), ClientRefused, "invalid_request", "pkce"},
		{clienttest.JSON(401, `{"error":"invalid_client"}`), ClientRefused, "invalid_client", "client_secret"},
		{clienttest.JSON(401, `{"error":"unauthorized_client"}`), ClientRefused, "unauthorized_client", "the authorization code"},
		{clienttest.JSON(500, `{"error":"invalid_client"}`), OutcomeUnknown, "invalid_client", "failed"},
		{clienttest.JSON(400, `{}`), NotProcessed, "", "the authorization code is still good"},
		{clienttest.JSON(500, ``), OutcomeUnknown, "", "failed"},
		{clienttest.JSON(302, ``), ClientRefused, "", "redirect"},
		{clienttest.JSON(200, `{"access_token":"a"`), OutcomeUnknown, "", "incomplete"},
	} {
		_, err := answered(t, withCode, c.answer)
		e := asError(t, err)
		if e.Class != c.class || e.Code != c.code || !strings.Contains(e.Reason, c.says) || strings.Contains(e.Reason, "refresh token") || e.Entry != "" {
			t.Errorf("%d %s: %+v", c.answer.Status, c.answer.Body, e)
		}
		if strings.Contains(fmt.Sprintf("%+v", e), "canary") {
			t.Errorf("%+v", e)
		}
	}
}

// RFC 8628 section 3.5, whatever the status.
func TestPollingADeviceCode(t *testing.T) {
	for _, c := range []struct {
		status   int
		body     string
		class    Class
		code     string
		interval time.Duration
	}{
		{400, `{"error":"authorization_pending"}`, NotProcessed, "authorization_pending", 0},
		{200, `{"error":"authorization_pending","error_description":"x"}`, NotProcessed, "authorization_pending", 0}, // GitHub
		{428, `{"error":"authorization_pending"}`, NotProcessed, "authorization_pending", 0},                         // Google
		{429, `{"error":"authorization_pending"}`, NotProcessed, "authorization_pending", 0},
		{400, `{"error":"slow_down"}`, NotProcessed, "slow_down", 0},
		{200, `{"error":"slow_down","interval":10}`, NotProcessed, "slow_down", 10 * time.Second},
		{429, `{"error":"slow_down","interval":"7"}`, NotProcessed, "slow_down", 7 * time.Second},
		{400, `{"error":"slow_down","interval":-3}`, NotProcessed, "slow_down", 0},
		{400, `{"error":"slow_down","interval":1e300}`, NotProcessed, "slow_down", maxInterval},
		{400, `{"error":"slow_down","interval":{"x":[]}}`, NotProcessed, "slow_down", 0},
		{400, `{"error":"access_denied"}`, GrantRefused, "access_denied", 0},
		{401, `{"error":"access_denied"}`, GrantRefused, "access_denied", 0},
		{500, `{"error":"access_denied"}`, GrantRefused, "access_denied", 0},
		{400, `{"error":"authorization_declined"}`, GrantRefused, "access_denied", 0}, // Microsoft
		{400, `{"error":"expired_token"}`, GrantRefused, "expired_token", 0},
		{200, `{"error":"expired_token"}`, GrantRefused, "expired_token", 0},
		{400, `{"error":"invalid_grant"}`, GrantRefused, "invalid_grant", 0},
		{200, `{"error":"incorrect_device_code"}`, GrantRefused, "invalid_grant", 0}, // GitHub
		{401, `{"error":"invalid_client"}`, ClientRefused, "invalid_client", 0},
		{302, `{"error":"authorization_pending"}`, ClientRefused, "", 0},
		{503, ``, OutcomeUnknown, "", 0},
	} {
		_, err := answered(t, withDeviceCode, clienttest.JSON(c.status, c.body))
		e := asError(t, err)
		if e.Class != c.class || e.Code != c.code || e.Unauthenticated != (c.code == "invalid_client") || e.Entry != "" {
			t.Errorf("%d %s: %+v", c.status, c.body, e)
		}
		slow, interval := e.SlowDown()
		if e.Pending() != (c.code == "authorization_pending") || slow != (c.code == "slow_down") || interval != c.interval {
			t.Errorf("%d %s: pending %t, slow down %t %s", c.status, c.body, e.Pending(), slow, interval)
		}
		if strings.Contains(fmt.Sprintf("%+v", e), "canary") || strings.Contains(e.Reason, "refresh token") {
			t.Errorf("%+v", e)
		}
	}
	_, err := exchange(t, &Provider{}, clienttest.JSON(400, `{"error":"authorization_pending"}`))
	if e := asError(t, err); e.Pending() || e.Code != "" {
		t.Errorf("a refresh has no such word: %+v", e)
	}
	token, err := answered(t, withDeviceCode, clienttest.JSON(200, `{"access_token":"a","refresh_token":"r"}`))
	if err != nil || token.RefreshToken.Reveal() != "r" {
		t.Errorf("%+v %v", token, err)
	}
}

// Show is for people: what a code request would be, without its secrets.
func TestCodeRequestIsShownWithoutSecrets(t *testing.T) {
	r := refresh(clienttest.New(t, clienttest.Options{}))
	withCode(r)
	shown, err := r.Show()
	text := fmt.Sprintf("%+v", shown)
	if err != nil || strings.Contains(text, "canary") || !strings.Contains(text, "redirect_uri=https://v.example/callback") || !strings.Contains(text, "code=[redacted]") {
		t.Errorf("%s %v", text, err)
	}
}
