package client

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// The code decides, whatever the status: Auth0 says invalid_grant with 403, Laravel Passport with
// 401, CyberSource with 500. Without a code the status does.
func TestClassification(t *testing.T) {
	type want struct {
		class Class
		code  string
	}
	for _, c := range []struct {
		status int
		body   string
		want   want
	}{
		{400, `{"error":"invalid_grant"}`, want{GrantRefused, "invalid_grant"}},
		{401, `{"error":"invalid_grant","hint":"Token has been revoked"}`, want{GrantRefused, "invalid_grant"}},
		{403, `{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}`, want{GrantRefused, "invalid_grant"}},
		{500, `{"error":"invalid_grant"}`, want{GrantRefused, "invalid_grant"}},
		{400, `error=invalid_grant&error_description=x`, want{GrantRefused, "invalid_grant"}},
		{400, `{"error":"Invalid_Grant"}`, want{GrantRefused, "invalid_grant"}},

		// A refused client never condemns the grant, whatever else the answer says.
		{401, `{"error":"invalid_client","error_description":"refresh token is fine"}`, want{ClientRefused, "invalid_client"}},
		{400, `{"error":"invalid_client"}`, want{ClientRefused, "invalid_client"}},
		{500, `{"error":"invalid_client"}`, want{OutcomeUnknown, "invalid_client"}},
		{400, `{"error":"unauthorized_client"}`, want{ClientRefused, "unauthorized_client"}},
		{400, `{"error":"unsupported_grant_type"}`, want{ClientRefused, "unsupported_grant_type"}},
		{400, `{"error":"invalid_scope"}`, want{ClientRefused, "invalid_scope"}},
		{400, `{"error":"invalid_request"}`, want{ClientRefused, "invalid_request"}},
		{403, `{"error":"access_denied","error_description":"Unauthorized"}`, want{ClientRefused, "access_denied"}}, // Atlassian, wrong secret
		{400, `{"error":"interaction_required"}`, want{ClientRefused, "interaction_required"}},

		// Trouble that passes.
		{429, `{"type":"request_error","detail":"Request was throttled. Expected available in 13 seconds."}`, want{NotProcessed, ""}}, // PandaDoc
		{429, `{"error":"invalid_grant"}`, want{NotProcessed, "invalid_grant"}},
		{429, ``, want{NotProcessed, ""}},
		{503, ``, want{OutcomeUnknown, ""}}, // a gateway's, whose connection was reset; with Retry-After see TestComeBack
		{503, `<html>down for maintenance</html>`, want{OutcomeUnknown, ""}},
		{503, `{"error":"temporarily_unavailable"}`, want{NotProcessed, "temporarily_unavailable"}},
		{409, `{"message":"a request with this key is being processed"}`, want{OutcomeUnknown, ""}},
		{408, ``, want{OutcomeUnknown, ""}},
		{401, `{"error":"token_expired"}`, want{NotProcessed, ""}}, // a gateway's own
		{200, `{"ok":false,"error":"token_expired"}`, want{GrantRefused, "token_expired"}},
		{400, `{"error":"temporarily_unavailable"}`, want{NotProcessed, "temporarily_unavailable"}},
		{400, `{"error":"slow_down"}`, want{NotProcessed, "slow_down"}},
		{400, `{"error":"rate_limit_exceeded"}`, want{NotProcessed, "rate_limit_exceeded"}},
		{500, `{"error":"temporarily_unavailable"}`, want{NotProcessed, "temporarily_unavailable"}},

		// A 4xx without a code is not the grant's fault: a firewall, a lost VPN, a rate limit.
		{403, `<html><body>403 Forbidden</body></html>`, want{NotProcessed, ""}},
		{401, ``, want{NotProcessed, ""}},
		{404, `not found`, want{NotProcessed, ""}},
		{400, `{"message":"no"}`, want{NotProcessed, ""}},
		{400, `{"error":"something_of_their_own"}`, want{NotProcessed, ""}},
		{400, `{"error":"inva`, want{NotProcessed, ""}},
		{418, `[]`, want{NotProcessed, ""}},

		// The server had the request and failed on it.
		{500, ``, want{OutcomeUnknown, ""}},
		{502, `<html>bad gateway</html>`, want{OutcomeUnknown, ""}},
		{504, ``, want{OutcomeUnknown, ""}},
		{500, `{"error":"something_of_their_own"}`, want{OutcomeUnknown, ""}},
		{500, `{"error":"server_error"}`, want{OutcomeUnknown, "server_error"}},
		{400, `{"error":"server_error"}`, want{OutcomeUnknown, "server_error"}},
		{400, `{"ok":false,"error":"internal_error"}`, want{OutcomeUnknown, "internal_error"}}, // Slack

		// Where else servers put the code.
		{400, `{"errors":[{"code":"invalid_grant","detail":"x","meta":{"resource":"y"}}]}`, want{GrantRefused, "invalid_grant"}}, // Ibanity, JSON:API
		{400, `{"error":{"message":"x","type":"OAuthException","code":"invalid_grant"}}`, want{GrantRefused, "invalid_grant"}},
		{400, `{"error":{"code":190,"message":"x"}}`, want{NotProcessed, ""}},                                                                      // Meta
		{400, `{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid"}],"success":false}`, want{GrantRefused, "invalid_grant"}}, // Fitbit
		{400, `{"status":"BAD_REFRESH_TOKEN","message":"missing or unknown refresh token"}`, want{GrantRefused, "bad_refresh_token"}},              // HubSpot
		{401, `{"reason":"Invalid Token!","error":"invalid_request"}`, want{ClientRefused, "invalid_request"}},                                     // Zoom
		{400, `{"error":"invalid_request","errors":[{"code":"invalid_grant"}]}`, want{GrantRefused, "invalid_grant"}},
		{400, `{"errors":["invalid_grant"]}`, want{GrantRefused, "invalid_grant"}},
		{400, `{"fault":{"faultstring":"x","detail":{"errorcode":"invalid_grant"}}}`, want{GrantRefused, "invalid_grant"}}, // Apigee
		{400, `["invalid_grant"]`, want{GrantRefused, "invalid_grant"}},
	} {
		_, err := exchange(t, &Provider{}, clienttest.JSON(c.status, c.body))
		e := asError(t, err)
		if e.Class != c.want.class || e.Code != c.want.code || e.Status != c.status {
			t.Errorf("%d %s: %s %q, want %s %q", c.status, c.body, e.Class, e.Code, c.want.class, c.want.code)
		}
		if e.Reason == "" || strings.HasSuffix(e.Reason, ".") || strings.Contains(c.body, e.Reason) {
			t.Errorf("%d %s: reason %q", c.status, c.body, e.Reason)
		}
	}
}

func TestPermanentErrors(t *testing.T) {
	keliweb := builtin(t, "keliweb")
	for _, c := range []struct {
		permanent []string
		status    int
		body      string
		class     Class
		code      string
	}{
		{keliweb.PermanentErrors, 401, `{"error":"invalid_request","hint":"Token has been revoked","message":"The refresh token is invalid."}`, GrantRefused, "invalid_request"},
		{keliweb.PermanentErrors, 401, `{"error":"invalid_request","message":"The refresh token is INVALID. "}`, GrantRefused, "invalid_request"},
		{keliweb.PermanentErrors, 400, `{"error":"invalid_request","message":"The request is missing a required parameter."}`, ClientRefused, "invalid_request"},
		{keliweb.PermanentErrors, 401, `{"error":"invalid_client","message":"The refresh token is invalid."}`, ClientRefused, "invalid_client"},
		{[]string{"4735"}, 400, `{"code":4735,"message":"x"}`, GrantRefused, "4735"},
		{[]string{"4735"}, 400, `{"code":"4735"}`, GrantRefused, "4735"},
		{[]string{"4735"}, 400, `{"code":47350}`, NotProcessed, ""},
		{[]string{"unauthorized_client: refresh_token is invalid"}, 403, `{"error":"unauthorized_client","error_description":"refresh_token is invalid"}`, GrantRefused, "unauthorized_client"},
		{[]string{"*: token was revoked"}, 400, `{"title":"The Token was REVOKED by its owner"}`, GrantRefused, ""},
		{[]string{"*: token was revoked"}, 400, `{"error":"access_denied","error_hint":"token was revoked"}`, GrantRefused, "access_denied"},
		{[]string{"*: token was revoked"}, 400, `{"error":"access_denied"}`, ClientRefused, "access_denied"},
		{[]string{"urn:x:dead"}, 400, `{"error":"urn:x:dead"}`, GrantRefused, "urn:x:dead"},
		{[]string{"gone"}, 200, `{"error":"gone"}`, GrantRefused, "gone"},
		{[]string{"gone"}, 500, `{"error":"gone"}`, GrantRefused, "gone"},
		{[]string{"gone"}, 429, `{"error":"gone"}`, NotProcessed, ""},
		{[]string{"gone"}, 400, `{"error":"not gone"}`, NotProcessed, ""},
	} {
		_, err := exchange(t, &Provider{PermanentErrors: c.permanent}, clienttest.JSON(c.status, c.body))
		if e := asError(t, err); e.Class != c.class || e.Code != c.code {
			t.Errorf("%q, %d %s: %s %q, want %s %q", c.permanent, c.status, c.body, e.Class, e.Code, c.class, c.code)
		}
	}
}

// An error holds nothing that the provider wrote: descriptions have held tokens, and codes of
// their own could hold anything.
func TestErrorsRepeatNothing(t *testing.T) {
	const canary = "canary-the-refresh-token"
	for _, body := range []string{
		`{"error":"` + canary + `","error_description":"` + canary + `"}`,
		`{"error":"invalid_grant","error_description":"` + canary + `"}`,
		`{"error":{"code":"` + canary + `"},"message":"` + canary + `"}`,
		canary, `<html>` + canary + `</html>`, `error=` + canary,
	} {
		for _, status := range []int{200, 302, 400, 401, 429, 500, 503} {
			answer := clienttest.JSON(status, body).With("X-Request-Id", canary).With("Location", "https://"+canary)
			_, err := exchange(t, &Provider{}, answer)
			e := asError(t, err)
			if text := fmt.Sprintf("%v %+v %#v %s", e, e, *e, e.Error()); strings.Contains(text, "canary") {
				t.Errorf("%d %s: %s", status, body, text)
			}
		}
	}
}

func TestErrorText(t *testing.T) {
	if got := (&Error{Reason: "it failed", Code: "invalid_grant"}).Error(); got != "it failed (invalid_grant)" {
		t.Error(got)
	}
	if got := (&Error{Reason: "it failed"}).Error(); got != "it failed" {
		t.Error(got)
	}
}

// A 503 that says when to come back is of a server that has not begun.
func TestComeBack(t *testing.T) {
	_, err := exchange(t, &Provider{}, clienttest.Answer{Status: 503}.With("Retry-After", "3"))
	if e := asError(t, err); e.Class != NotProcessed || e.RetryAfter != 3*time.Second {
		t.Errorf("%+v", e)
	}
	page := "<!DOCTYPE html>\n<html><body><h1>Error 503 Backend fetch failed</h1></body></html>\n"
	_, err = exchange(t, &Provider{}, clienttest.Answer{Status: 503, Body: page}.With("Retry-After", "5")) // Varnish's
	if e := asError(t, err); e.Class != OutcomeUnknown || e.RetryAfter != 5*time.Second {
		t.Errorf("a page with Retry-After: %s, %s", e.Class, e.RetryAfter)
	}
	_, err = exchange(t, &Provider{}, clienttest.Answer{Status: 503}.With("Retry-After", "0")) // a cache whose backend was lost
	if e := asError(t, err); e.Class != OutcomeUnknown || e.RetryAfter != time.Second {
		t.Errorf("%+v", e)
	}
}

// What a gateway says in a server's place says nothing of what the server did.
func TestWhoseWordAnAnswerIs(t *testing.T) {
	for _, c := range []struct {
		answer clienttest.Answer
		own    bool
	}{
		{clienttest.JSON(500, `{"error":"server_error"}`), true},
		{clienttest.JSON(200, `{"error":"oops"}`), true},
		{clienttest.JSON(502, `{"message":"Internal server error"}`), false}, // AWS
		{clienttest.JSON(504, `{"message":"Endpoint request timed out"}`), false},
		{clienttest.JSON(503, `{"message":"upstream reset"}`), false},
		{clienttest.Text(500, "text/html", "<h1>oops</h1>"), false},
		{clienttest.Text(524, "text/plain", "error code: 524"), false},
	} {
		_, err := exchange(t, &Provider{}, c.answer)
		if e := asError(t, err); e.Own != c.own {
			t.Errorf("%d %s: %t", c.answer.Status, c.answer.Body, e.Own)
		}
	}
}

func TestRequestID(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, c := range []struct {
		header http.Header
		want   string
	}{
		{http.Header{"Ibanity-Request-Id": {"9f2c:1.a_B-2"}}, "9f2c:1.a_B-2"},
		{http.Header{"Intuit_tid": {"t1"}, "X-Request-Id": {"proxy"}}, "t1"},
		{http.Header{"X-Slack-Req-Id": {"s1"}}, "s1"},
		{http.Header{"Request-Id": {"r1"}}, "r1"},
		{http.Header{"X-Correlation-Id": {"c1"}}, "c1"},
		{http.Header{"X-Request-Id": {" padded "}}, "padded"},
		{http.Header{"X-Request-Id": {"a b"}}, ""},
		{http.Header{"X-Request-Id": {"a\x1b[31m"}}, ""},
		{http.Header{"X-Request-Id": {"<script>"}}, ""},
		{http.Header{"X-Request-Id": {long}}, ""},
		{http.Header{"X-Request-Id": {long[:128]}}, long[:128]},
		{http.Header{"X-Request-Id": {"id-secret-1"}}, ""},
		{http.Header{"X-Request-Id": {"secret"}, "Request-Id": {"fallback"}}, "fallback"},
		{http.Header{}, ""},
	} {
		if got := (&Request{ClientSecret: NewSecret("secret")}).requestID(c.header); got != c.want {
			t.Errorf("%v: %q, want %q", c.header, got, c.want)
		}
	}
	key := &Request{Params: map[string]string{"a": "short"}, Headers: map[string]string{"X-Api-Key": "topsecretkey"}}
	if got := key.requestID(http.Header{"X-Request-Id": {"topsecretkey"}, "Request-Id": {"short-1"}}); got != "short-1" {
		t.Errorf("%q", got)
	}
	token := mustExchange(t, &Provider{}, clienttest.JSON(200, `{"access_token":"new-token","refresh_token":"next-token"}`).
		With("X-Request-Id", "next-token").With("Request-Id", "x-new-token").With("Correlation-Id", "ok-1"))
	if token.RequestID != "ok-1" {
		t.Errorf("request id %q", token.RequestID)
	}
}

// Both forms of Retry-After, a date by the clock of whoever wrote it, never more than an hour: some providers
// send days.
func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"13": 13 * time.Second, " 13 ": 13 * time.Second, "1.5": 1500 * time.Millisecond, "0": time.Second, "0.2": time.Second, "-5": 0, "soon": 0, "": 0, "NaN": 0,
		"86400": time.Hour, "1e300": time.Hour, "Inf": time.Hour,
		time.Now().Add(24 * time.Hour).UTC().Format(http.TimeFormat): time.Hour,
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):     0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	date := time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat)
	if got := retryAfter(http.Header{"Retry-After": {date}}); got > 10*time.Minute || got < 9*time.Minute {
		t.Errorf("in ten minutes: %v", got)
	}
	for _, off := range []time.Duration{-2 * time.Hour, 0, time.Hour} {
		at := time.Now().Add(off)
		header := http.Header{"Date": {at.UTC().Format(http.TimeFormat)}, "Retry-After": {at.Add(20 * time.Second).UTC().Format(http.TimeFormat)}}
		if got := retryAfter(header); got != 20*time.Second {
			t.Errorf("in twenty seconds, at a server whose clock is off by %s: %v", off, got)
		}
	}
	_, err := exchange(t, &Provider{}, clienttest.JSON(429, "").With("Retry-After", "13"))
	if e := asError(t, err); e.RetryAfter != 13*time.Second {
		t.Errorf("%+v", e)
	}
}
