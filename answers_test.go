package oauthrefresh_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// answered is what becomes of one answer of a token endpoint, from creds to storage.
type answered struct {
	answer   clienttest.Answer
	provider enginetest.Fields
	status   int           // of creds, 0 for a token
	ttl      time.Duration // of the lease
	state    string        // in status/r; "" is ok
	next     bool          // the answer's refresh token is the stored one, not the one that was sent
}

const next = enginetest.Canary + "next"

// jwtUntil is an unsigned JWT whose exp is that long after the clock's start.
func jwtUntil(life string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(`{"exp":`+life+`}`)) + ".x"
}

// success is a JSON answer with the given members besides an access token.
func success(members string) clienttest.Answer {
	return clienttest.JSON(200, `{"access_token":"a1"`+members+`}`)
}

// What servers in the wild answer, and what a reader, an operator and the next refresh get of it.
var answers = map[string]answered{
	// errors that come with 200
	"200, bad_refresh_token":       {answer: clienttest.JSON(200, `{"error":"bad_refresh_token","error_uri":"x"}`), status: 400, state: "dead"},
	"200, ok false, a dead token":  {answer: clienttest.JSON(200, `{"ok":false,"error":"invalid_refresh_token"}`), status: 400, state: "dead"},
	"200, ok false, partly done":   {answer: clienttest.JSON(200, `{"ok":false,"error":"internal_error"}`), status: 502, state: "unknown"},
	"200, an error of no standard": {answer: clienttest.JSON(200, `{"error":"Access Denied"}`), status: 503, state: "failing"},
	"200, nothing":                 {answer: clienttest.JSON(200, `{}`), status: 502, state: "unknown"},
	"200, no body":                 {answer: clienttest.JSON(200, ``), status: 502, state: "unknown"},
	"200, a page":                  {answer: clienttest.Text(200, "text/html", "<html>"+enginetest.Canary+"</html>"), status: 502, state: "unknown"},
	// invalid_grant under any status
	"400, invalid_grant": {answer: clienttest.JSON(400, `{"error":"invalid_grant","error_description":"`+enginetest.Canary+`"}`), status: 400, state: "dead"},
	"401, invalid_grant": {answer: clienttest.JSON(401, `{"error":"invalid_grant"}`), status: 400, state: "dead"},
	"403, invalid_grant": {answer: clienttest.JSON(403, `{"error":"invalid_grant"}`), status: 400, state: "dead"},
	"500, invalid_grant": {answer: clienttest.JSON(500, `{"error":"invalid_grant"}`), status: 400, state: "dead"},
	// no OAuth code: not the grant's fault
	"403, a firewall's page":    {answer: clienttest.Text(403, "text/html", "<h1>"+enginetest.Canary+"</h1>"), status: 503, state: "failing"},
	"401, nothing":              {answer: clienttest.Text(401, "text/plain", ""), status: 503, state: "failing"},
	"404, a page":               {answer: clienttest.Text(404, "text/html", "<h1>no</h1>"), status: 503, state: "failing"},
	"429, whatever it says":     {answer: clienttest.JSON(429, `{"error":"invalid_grant"}`), status: 503, state: "failing"},
	"503, come back":            {answer: clienttest.Text(503, "text/plain", enginetest.Canary).With("Retry-After", "5"), status: 503, state: "failing"},
	"503, a cache's page":       {answer: clienttest.Text(503, "text/html", "<h1>"+enginetest.Canary+"</h1>").With("Retry-After", "5"), status: 502, state: "unknown"},
	"503, a page":               {answer: clienttest.Text(503, "text/html", "<h1>"+enginetest.Canary+"</h1>"), status: 502, state: "unknown"},
	"409, the key is in use":    {answer: clienttest.JSON(409, `{"message":"in progress"}`), status: 502, state: "unknown"},
	"500, invalid_client":       {answer: clienttest.JSON(500, `{"error":"invalid_client"}`), status: 502, state: "unknown"},
	"500, a page":               {answer: clienttest.Text(500, "text/html", "<h1>"+enginetest.Canary+"</h1>"), status: 502, state: "unknown"},
	"502, of something between": {answer: clienttest.Text(502, "text/html", "<h1>bad gateway</h1>"), status: 502, state: "unknown"},
	// errors of other shapes
	"error as an object":   {answer: clienttest.JSON(400, `{"error":{"code":"invalid_grant","message":"`+enginetest.Canary+`"}}`), status: 400, state: "dead"},
	"JSON:API":             {answer: clienttest.JSON(400, `{"errors":[{"code":"invalid_grant","detail":"`+enginetest.Canary+`"}]}`), status: 400, state: "dead"},
	"a status as the code": {answer: clienttest.JSON(400, `{"status":"BAD_REFRESH_TOKEN","message":"`+enginetest.Canary+`"}`), status: 400, state: "dead"},
	"a number as the code": {answer: clienttest.JSON(400, `{"code":4735,"reason":"`+enginetest.Canary+`"}`), provider: enginetest.Fields{"permanent_errors": "4735"}, status: 400, state: "dead"},
	"a number as any code": {answer: clienttest.JSON(400, `{"code":4735}`), status: 503, state: "failing"},
	// successes of other shapes
	"form-encoded": {answer: clienttest.Text(200, "application/x-www-form-urlencoded", "access_token=a1&token_type=bearer&expires_in=3600&refresh_token="+next),
		ttl: 3570 * time.Second, next: true},
	"JSON as text":       {answer: clienttest.Text(200, "text/plain", `{"access_token":"a1","expires_in":3600,"refresh_token":"`+next+`"}`), ttl: 3570 * time.Second, next: true},
	"gzip in chunks":     {answer: clienttest.Answer{Status: 200, Body: `{"access_token":"a1","expires_in":3600,"refresh_token":"` + next + `"}`, Gzip: true, Chunked: true}, ttl: 3570 * time.Second, next: true},
	"201":                {answer: clienttest.JSON(201, `{"access_token":"a1","expires_in":3600}`), ttl: 3570 * time.Second},
	"expires_in as text": {answer: success(`,"expires_in":"1800"`), ttl: 1770 * time.Second},
	"with a fraction":    {answer: success(`,"expires_in":1800.9`), ttl: 1770 * time.Second},
	"with an exponent":   {answer: success(`,"expires_in":1.8e3`), ttl: 1770 * time.Second},
	// no lifetime is none, never an endless one
	"expires_in 0":        {answer: success(`,"expires_in":0`), status: 503, state: "failing"},
	"expires_in negative": {answer: success(`,"expires_in":-1`), status: 503, state: "failing"},
	"expires_in null":     {answer: success(`,"expires_in":null`), ttl: 3570 * time.Second},
	"expires_in NaN":      {answer: success(`,"expires_in":"NaN"`), ttl: 3570 * time.Second},
	"expires_in words":    {answer: success(`,"expires_in":"soon"`), provider: enginetest.Fields{"assumed_token_ttl": "10m"}, ttl: 570 * time.Second},
	"expires_in huge":     {answer: success(`,"expires_in":1e30`), ttl: 768 * time.Hour}, // the mount's longest
	"only in the JWT":     {answer: clienttest.JSON(200, `{"access_token":"`+jwtUntil("946685400")+`"}`), ttl: 570 * time.Second},
	"longer in the JWT":   {answer: clienttest.JSON(200, `{"access_token":"`+jwtUntil("946688400")+`"}`), provider: enginetest.Fields{"assumed_token_ttl": "10m"}, ttl: 570 * time.Second},
	// no new refresh token: the old one stays
	"refresh_token absent": {answer: success(`,"expires_in":3600`), ttl: 3570 * time.Second},
	"refresh_token null":   {answer: success(`,"expires_in":3600,"refresh_token":null`), ttl: 3570 * time.Second},
	"refresh_token empty":  {answer: success(`,"expires_in":3600,"refresh_token":""`), ttl: 3570 * time.Second},
	// the refresh token is where nobody looks
	"nested":              {answer: clienttest.JSON(200, `{"message":"success","data":{"access_token":"a1","refresh_token":"`+next+`","expires_in":3600}}`), status: 503, state: "failing", next: true},
	"in a list":           {answer: clienttest.JSON(200, `[{"access_token":"a1","refresh_token":"`+next+`"}]`), status: 503, state: "failing", next: true},
	"in another spelling": {answer: clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"refreshToken":"`+next+`"}`), ttl: 3570 * time.Second, next: true},
	"packed, not said":    {answer: packed(`{"access_token":"a1","expires_in":3600,"refresh_token":"` + next + `"}`), ttl: 3570 * time.Second, next: true},
	"a form, a semicolon": {answer: form("access_token=A;app&expires_in=3600&refresh_token=" + next), status: 503, state: "failing", next: true},
	"a form, a space":     {answer: form("access_token=a1&scope=read write&expires_in=3600&refresh_token=" + next), ttl: 3570 * time.Second, next: true},
	"two documents":       {answer: clienttest.JSON(200, "{\"debug\":1}\n"+`{"access_token":"a1","expires_in":3600,"refresh_token":"`+next+`"}`), status: 503, state: "failing", next: true},
	// what can't be an access token
	"a sentence":   {answer: clienttest.JSON(200, `{"access_token":"error: token is expired by 23m58.3s","refresh_token":"","expires_in":0}`), status: 502, state: "unknown"},
	"a line break": {answer: clienttest.JSON(200, `{"access_token":"a1\r\nX-Injected: 1","expires_in":3600,"refresh_token":"`+next+`"}`), status: 503, state: "failing", next: true},
	// the end of the token
	"its own end is earlier": {answer: clienttest.JSON(200, `{"access_token":"`+jwtUntil("946685700")+`","expires_in":3600}`), ttl: 870 * time.Second},
	"its own end is past":    {answer: clienttest.JSON(200, `{"access_token":"`+jwtUntil("946684740")+`","refresh_token":"`+next+`"}`), status: 503, state: "failing", next: true},
	"a stated end is past":   {answer: success(`,"expires_at":"1999-12-31T23:50:00Z","refresh_token":"` + next + `"`), status: 503, state: "failing", next: true},
	"expires_at":             {answer: success(`,"expires_at":"2000-01-01T00:10:00Z"`), ttl: 570 * time.Second},
	// a dead refresh token in other words
	"401, invalid_token":      {answer: clienttest.JSON(401, `{"error":"invalid_token","error_description":"`+enginetest.Canary+`"}`), status: 400, state: "dead"},
	"200, invalid_code":       {answer: clienttest.JSON(200, `{"error":"invalid_code"}`), provider: enginetest.Fields{"permanent_errors": "invalid_code"}, status: 400, state: "dead"},
	"400, of a field":         {answer: clienttest.JSON(400, `{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"refresh_token","code":"invalid"}]}`), provider: enginetest.Fields{"permanent_errors": "invalid: refresh_token"}, status: 400, state: "dead"},
	"401, a sentence":         {answer: clienttest.JSON(401, `{"message":"Refresh token is invalid."}`), provider: enginetest.Fields{"permanent_errors": "*: refresh token is invalid"}, status: 400, state: "dead"},
	"200, errcode":            {answer: clienttest.JSON(200, `{"errcode":42007,"errmsg":"refresh_token invalid"}`), provider: enginetest.Fields{"permanent_errors": "42007"}, status: 400, state: "dead"},
	"400, a rate limit":       {answer: clienttest.JSON(400, `{"error":"invalid_grant","error_description":"Rate limit exceeded"}`), status: 503, state: "failing"},
	"400, nothing, permanent": {answer: clienttest.Answer{Status: 400}, provider: enginetest.Fields{"permanent_errors": "400"}, status: 400, state: "dead"},
	// redirects are answers of no token endpoint
	"301": {answer: redirect(301), status: 400, state: "failing"},
	"302": {answer: redirect(302), status: 400, state: "failing"},
	"303": {answer: redirect(303), status: 400, state: "failing"},
	"307": {answer: redirect(307), status: 400, state: "failing"},
	"308": {answer: redirect(308), status: 400, state: "failing"},
	// more than anybody reads; a refresh token in what was read is kept
	"too large":                       {answer: success(`,"x":"` + strings.Repeat("x", 2<<20) + `"`), status: 502, state: "unknown"},
	"too large, with a refresh token": {answer: success(`,"refresh_token":"` + next + `","x":"` + strings.Repeat("x", 2<<20) + `"`), status: 503, state: "failing", next: true},
	"cut off, with a refresh token":   {answer: clienttest.Answer{Status: 200, Body: `{"refresh_token":"` + next + `","access_token":"a1"}`, CutAfter: 40}, status: 503, state: "failing", next: true},
}

// form is an answer as GitHub's by default.
func form(body string) clienttest.Answer {
	return clienttest.Text(200, "application/x-www-form-urlencoded", body)
}

// packed is an answer whose Content-Encoding was lost on the way.
func packed(body string) clienttest.Answer {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(body))
	_ = w.Close()
	return clienttest.JSON(200, out.String())
}

// redirect leads to another path of the same server, where it would be counted.
func redirect(status int) clienttest.Answer {
	return clienttest.Answer{Status: status, Header: map[string]string{"Location": "/elsewhere?" + enginetest.Canary}}
}

func TestAnswers(t *testing.T) {
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(c.answer)
				c.creds(t, b)
				refresh, state := enginetest.FirstToken, "ok"
				if c.next {
					refresh = next
				}
				if c.state != "" {
					state = c.state
				}
				stored := b.Stored("r")
				enginetest.SecretIs(t, "the stored refresh token", stored.RefreshToken, refresh)
				if got := b.Data("status/r"); got["state"] != state || strings.Contains(fmt.Sprint(got), enginetest.Canary) {
					t.Errorf("the status says %v", got)
				}
				if n := len(server.Requests()); n != 1 {
					t.Errorf("%d requests", n)
				}
				c.goesOn(t, b, server, refresh)
			}, c.provider)
		})
	}
}

// creds reads a token, or the failure that it should be.
func (c answered) creds(t *testing.T, b *enginetest.Mount) {
	t.Helper()
	if c.status != 0 {
		if text := b.NoCreds("r", c.status); strings.Contains(text, enginetest.Canary) {
			t.Errorf("a secret or the provider's own text: %s", text)
		}
		return
	}
	resp := b.Read("creds/r")
	if token, _ := resp.Data["access_token"].(string); token != "a1" && !strings.Contains(c.answer.Body, token) {
		t.Errorf("access token %q", token)
	}
	if resp.Secret.TTL != c.ttl {
		t.Errorf("the lease is %s, want %s", resp.Secret.TTL, c.ttl)
	}
}

// goesOn presents the refresh token that should be stored, later and where the grant lives.
func (c answered) goesOn(t *testing.T, b *enginetest.Mount, server *clienttest.Server, refresh string) {
	t.Helper()
	enginetest.Pause(time.Hour)
	server.Enqueue(enginetest.TokenAnswer("a2", ""))
	resp, err := b.Try(t.Context(), logical.UpdateOperation, "refresh/r", nil)
	if dead := c.state == "dead"; dead != (err == nil && resp.IsError()) || dead != (len(server.Requests()) == 1) {
		t.Errorf("an hour later: %v, %v after %d requests", resp, err, len(server.Requests()))
		return
	}
	if got := enginetest.Sent(server); got[len(got)-1] != refresh && c.state != "dead" {
		t.Errorf("an hour later %q was presented", got[len(got)-1])
	}
}
