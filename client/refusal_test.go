package client

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// What a refusal that the client has no word for is called by: Entry is what permanent_errors would take, and with
// it there, the same answer means that the grant is dead.
func TestEachRefusalCanBeNamed(t *testing.T) {
	page := clienttest.Text(400, "text/html", "<html><h1>400 Bad Request</h1></html>")
	for _, c := range []struct {
		answer clienttest.Answer
		entry  string
		silent bool
	}{
		// reported ways of saying that a refresh token is dead
		{clienttest.JSON(200, `{"error":"invalid_code"}`), "invalid_code", false},                                                                                            // Zoho
		{clienttest.JSON(400, `{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"refresh_token","code":"invalid"}]}`), "invalid: refresh_token", false}, // Strava
		{clienttest.JSON(401, `{"message":"Refresh token is invalid."}`), "*: refresh token is invalid", true},
		{clienttest.JSON(200, `{"errcode":42007,"errmsg":"refresh_token invalid"}`), "42007", false}, // WeChat
		{clienttest.JSON(400, ``), "400", true},
		{clienttest.Answer{Status: 401}, "401", true},
		{clienttest.Text(400, "text/plain", "bad\n"), "400", true},
		{clienttest.Text(401, "text/plain", "refresh token expired"), "*: refresh token expired", true},
		{clienttest.JSON(400, `{}`), "400", true},
		{clienttest.JSON(400, `{"message":"no"}`), "400", true},
		{clienttest.JSON(400, `{"status":400,"message":"Bad Request","path":"/token"}`), "400", true},
		{clienttest.JSON(400, `{"code":400,"error":"Bad Request"}`), "400", true},
		{clienttest.JSON(403, `{"message":"Forbidden"}`), "403", true},
		// codes of their own
		{clienttest.JSON(400, `{"error":"something_of_their_own"}`), "something_of_their_own", false},
		{clienttest.JSON(400, `{"error":{"code":190,"message":"x","type":"OAuthException"}}`), "190", false}, // Meta
		{clienttest.JSON(400, `{"code":4735}`), "4735", false},
		{clienttest.JSON(400, `{"code":401,"message":"x"}`), "401", false},
		{clienttest.JSON(400, `{"status":"REFRESH_DEAD","message":"x y"}`), "refresh_dead", false},
		{clienttest.JSON(401, `{"error":"token_expired"}`), "token_expired", false},
		{clienttest.JSON(500, `{"error":"com.example.TokenGone"}`), "com.example.tokengone", false},
		{clienttest.JSON(400, `{"type":"error","error":{"type":"gone"}}`), "gone", false},
		{clienttest.JSON(400, `{"error":"invalid","message":"The refresh token has expired"}`), "invalid: refresh token has expired", false},
		// what is no word of the token endpoint's, or no refusal
		{page, "", false},
		{clienttest.Text(401, "text/html", "\n <!DOCTYPE html>"), "", false},
		{clienttest.JSON(400, `{"error":"inva`), "", false},
		{clienttest.JSON(404, `{}`), "", false},
		{clienttest.JSON(405, ``), "", false},
		{clienttest.JSON(407, ``), "", false},
		{clienttest.JSON(415, ``), "", false},
		{clienttest.JSON(408, `{"error":"slow"}`), "", false},
		{clienttest.JSON(409, `{"error":"busy"}`), "", false},
		{clienttest.JSON(429, `{"error":"quota"}`), "", false},
		{clienttest.JSON(500, `{}`), "", false},
		{clienttest.JSON(500, ``), "", false},
		{clienttest.JSON(503, `{"error":"gone"}`), "", false},
		{clienttest.JSON(200, `{}`), "", false},
		{clienttest.JSON(302, `{"error":"gone"}`), "", false},
		{clienttest.Answer{Status: 400, Body: `{"code":1}`, CutAfter: 5}, "", false},
		// what is known needs no entry
		{clienttest.JSON(400, `{"error":"invalid_grant"}`), "", false},
		{clienttest.JSON(400, `{"error":"invalid_request"}`), "", false},
		{clienttest.JSON(401, `{"error":"invalid_token"}`), "", false},
		// nothing that a server repeats of the request, or could hide in a code
		{clienttest.JSON(400, `{"code":"The-Refresh-Token"}`), "", false},
		{clienttest.JSON(400, `{"code":"x_the-client-secret_x"}`), "", false},
		{clienttest.JSON(400, `{"code":"no code but a sentence"}`), "400", true},
		{clienttest.JSON(400, `{"code":"`+strings.Repeat("x", 65)+`"}`), "400", true},
	} {
		_, err := exchange(t, &Provider{}, c.answer)
		e := asError(t, err)
		if e.Entry != c.entry || e.Silent != c.silent {
			t.Errorf("%d %s: %q, silent %t", c.answer.Status, c.answer.Body, e.Entry, e.Silent)
		}
		if c.silent && (e.Class != NotProcessed || !strings.Contains(e.Reason, "client_secret") || !strings.Contains(e.Reason, "refresh token")) {
			t.Errorf("%d %s: %s: %s", c.answer.Status, c.answer.Body, e.Class, e.Reason)
		}
		if e.Entry == "" {
			continue
		}
		p := &Provider{TokenEndpoint: "https://a.example/", PermanentErrors: []string{e.Entry}}
		if err := p.Validate(false); err != nil || CheckPermanentErrors(p.PermanentErrors) != nil {
			t.Errorf("%s: %v", e.Entry, err)
		}
		_, err = exchange(t, p, c.answer)
		if e := asError(t, err); e.Class != GrantRefused || e.Silent || e.Entry != "" {
			t.Errorf("%d %s with permanent_errors=%q: %+v", c.answer.Status, c.answer.Body, p.PermanentErrors, e)
		}
	}
}

// A bare status stands for an answer without a code, and for no other.
func TestABareStatusIsPermanent(t *testing.T) {
	for _, c := range []struct {
		entry  string
		answer clienttest.Answer
		class  Class
		code   string
	}{
		{"400", clienttest.JSON(400, ``), GrantRefused, ""},
		{"400", clienttest.JSON(400, `{"message":"no"}`), GrantRefused, ""},
		{"400", clienttest.JSON(401, ``), NotProcessed, ""},
		{"400", clienttest.JSON(400, `{"error":"invalid_scope","code":400}`), ClientRefused, "invalid_scope"},
		{"400", clienttest.JSON(400, `{"error":"of_their_own","status":400}`), NotProcessed, ""},
		{"400", clienttest.JSON(400, `{"code":401}`), NotProcessed, ""},
		{"401", clienttest.JSON(400, `{"code":401}`), GrantRefused, "401"},
		{"401", clienttest.JSON(401, `{"error":"invalid_client"}`), ClientRefused, "invalid_client"},
		{"400", clienttest.Text(400, "text/html", "<html>400 The SSL certificate error</html>"), NotProcessed, ""},
		{"404", clienttest.JSON(404, ``), NotProcessed, ""},
		{"400: no such", clienttest.JSON(400, `{"message":"no such grant"}`), GrantRefused, ""},
		{"400: no such", clienttest.JSON(400, `{"message":"no"}`), NotProcessed, ""},
		{"190", clienttest.JSON(400, `{"code":190}`), GrantRefused, "190"},
		{"500", clienttest.JSON(500, ``), OutcomeUnknown, ""},
	} {
		_, err := exchange(t, &Provider{PermanentErrors: []string{c.entry}}, c.answer)
		if e := asError(t, err); e.Class != c.class || e.Code != c.code {
			t.Errorf("%s, %d %s: %s %q, want %s %q", c.entry, c.answer.Status, c.answer.Body, e.Class, e.Code, c.class, c.code)
		}
	}
	for entry, ok := range map[string]bool{
		"400": true, "401": true, "403": true, "422": true, "190": true, "4735": true, "42007": true, "429: x": true, "invalid_code": true,
		"429": false, "408": false, "409": false, "500": false, "503": false, "200": false, "302": false,
	} {
		if err := CheckPermanentErrors([]string{"gone", entry}); (err == nil) != ok {
			t.Errorf("%s: %v", entry, err)
		}
		p := &Provider{TokenEndpoint: "https://a.example/", PermanentErrors: []string{entry}}
		if err := p.Validate(false); err != nil { // what is stored already must not stop a grant
			t.Errorf("%s: %v", entry, err)
		}
	}
}

// A token endpoint that refuses a token as invalid speaks of the refresh token; what stands before it may speak of
// anything.
func TestAnInvalidTokenIsARefusedGrant(t *testing.T) {
	for _, c := range []struct {
		answer clienttest.Answer
		class  Class
	}{
		{clienttest.JSON(401, `{"error":"invalid_token","error_description":"The token expired, was revoked"}`), GrantRefused},
		{clienttest.JSON(401, `{"error":"invalid_token","error_description":"the-refresh-token"}`), GrantRefused},
		{clienttest.Text(401, "text/html", `<html>invalid_token</html>`), NotProcessed},
		{clienttest.Text(401, "text/plain", `invalid_token`), NotProcessed},
		{clienttest.Text(401, "application/x-www-form-urlencoded", `error=invalid_token`), NotProcessed},
		{clienttest.JSON(401, `{"error":"invalid_token"`), NotProcessed},
		{clienttest.JSON(403, `{"error":"invalid_token"}`), NotProcessed},
		{clienttest.JSON(429, `{"error":"invalid_token"}`), NotProcessed},
	} {
		_, err := exchange(t, &Provider{}, c.answer)
		if e := asError(t, err); e.Class != c.class || (e.Code == "invalid_token") != (c.class == GrantRefused) {
			t.Errorf("%d %s: %+v", c.answer.Status, c.answer.Body, e)
		}
	}
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(clienttest.JSON(401, `{"error":"invalid_token"}`))
	if e := asError(t, Revoke(t.Context(), trusting(), refresh(s), NewSecret("a token"), "")); e.Class != NotProcessed {
		t.Errorf("a revocation: %+v", e)
	}
}

// invalid_grant with a text that speaks of a rate limit is a pause, unless somebody says that it is none.
func TestAnInvalidGrantThatIsARateLimit(t *testing.T) {
	for body, class := range map[string]Class{
		`{"error":"invalid_grant","error_description":"Rate limit exceeded"}`:                       NotProcessed,
		`{"error":"invalid_grant","error_description":"Too Many Requests, slow down"}`:              NotProcessed,
		`{"error":"invalid_grant","error_description":"Token has expired; rate limit: 5"}`:          GrantRefused,
		`{"error":"invalid_grant","error_description":"refresh token revoked (too many requests)"}`: GrantRefused,
		`{"error":"invalid_grant","error_description":"the limit of refresh tokens was reached"}`:   GrantRefused,
		`{"error":"invalid_grant","error_description":"ip restricted or invalid login hours"}`:      GrantRefused,
		`{"error":"invalid_grant"}`: GrantRefused,
	} {
		_, err := exchange(t, &Provider{}, clienttest.JSON(400, body))
		if e := asError(t, err); e.Class != class || e.Code != "invalid_grant" || class == NotProcessed && !strings.Contains(e.Reason, "rate") {
			t.Errorf("%s: %+v", body, e)
		}
		_, err = exchange(t, &Provider{PermanentErrors: []string{"invalid_grant"}}, clienttest.JSON(400, body))
		if e := asError(t, err); e.Class != GrantRefused {
			t.Errorf("%s, as a permanent error: %+v", body, e)
		}
	}
}

// Proxies join headers, and add their own.
func TestTheLongestRetryAfterCounts(t *testing.T) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for _, c := range []struct {
		values []string
		want   time.Duration
	}{
		{[]string{"120, 60"}, 2 * time.Minute}, {[]string{"60,120"}, 2 * time.Minute}, {[]string{"60", "120"}, 2 * time.Minute},
		{[]string{"soon, 60"}, 0}, {[]string{"-5, 60"}, time.Minute}, {[]string{"60, 86400"}, time.Hour}, {[]string{"", "60"}, time.Minute},
		{[]string{"0, 2"}, 2 * time.Second}, {[]string{"0", "0"}, time.Second},
		{[]string{date(10*time.Minute) + ", 60"}, 10 * time.Minute}, {[]string{"60, " + date(10*time.Minute)}, 10 * time.Minute},
		{[]string{date(-time.Hour), "60"}, time.Minute}, {nil, 0},
	} {
		got := retryAfter(http.Header{"Retry-After": c.values})
		if off := c.want - got; off < 0 || off > 5*time.Second {
			t.Errorf("%q: %s, want %s", c.values, got, c.want)
		}
	}
}
