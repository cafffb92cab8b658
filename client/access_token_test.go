package client

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// Answers that servers have given, most of them reported in public.
func TestReportedAnswers(t *testing.T) {
	soon, later := time.Now().Add(time.Hour).UTC(), time.Now().Add(1440*time.Hour)
	for name, c := range map[string]struct {
		answer clienttest.Answer
		want   Token  // AccessToken "" for an error
		reason string // part of its sentence
	}{
		"an error sentence in the token's place": {
			answer: clienttest.JSON(200, `{"access_token":"error: token is expired by 23m58.3s","id_token":"","refresh_token":"","token_type":"","expires_in":0,"scope":""}`),
			reason: "can't be one",
		},
		"a line break in it": {
			answer: clienttest.JSON(200, `{"access_token":"at11\r\nX-Injected: 1","token_type":"Bearer","expires_in":3600}`), reason: "can't be one",
		},
		"a blank in it": {answer: clienttest.JSON(200, `{"access_token":"at 10","token_type":"Bearer","expires_in":3600}`), reason: "can't be one"},
		"an end as RFC 3339": {
			answer: clienttest.JSON(200, `{"access_token":"at3","token_type":"Bearer","expires_at":"`+soon.Format(time.RFC3339)+`","refresh_token":"n3"}`),
			want:   Token{AccessToken: "at3", RefreshToken: NewSecret("n3"), TokenType: "Bearer", Lifetime: time.Hour},
		},
		"an end as Unix time": {
			answer: clienttest.JSON(200, `{"access_token":"at4b","token_type":"Bearer","expires_at":`+unix(soon)+`,"refresh_token":"n4b"}`),
			want:   Token{AccessToken: "at4b", RefreshToken: NewSecret("n4b"), TokenType: "Bearer", Lifetime: time.Hour},
		},
		"an end that is past": {
			answer: clienttest.JSON(200, `{"access_token":"at3","token_type":"Bearer","expires_at":"2026-01-26T03:00:00Z","refresh_token":"n3"}`),
			want:   Token{AccessToken: "at3", RefreshToken: NewSecret("n3"), TokenType: "Bearer", Ended: true},
		},
		"expires, in seconds": {
			answer: clienttest.JSON(200, `{"access_token":"at4","token_type":"Bearer","expires":"5184000","refresh_token":"n4"}`),
			want:   Token{AccessToken: "at4", RefreshToken: NewSecret("n4"), TokenType: "Bearer", Lifetime: 5184000 * time.Second},
		},
		"expires_on, Unix time as text": {
			answer: clienttest.JSON(200, `{"access_token":"at4","expires_on":"`+unix(later)+`"}`),
			want:   Token{AccessToken: "at4", Lifetime: 1440 * time.Hour},
		},
		"a date in expires_in": {
			answer: clienttest.JSON(200, `{"access_token":"at4","expires_in":"`+soon.Format("2006-01-02 15:04:05")+`"}`),
			want:   Token{AccessToken: "at4", Lifetime: time.Hour},
		},
		"expires_in counts before the others": {
			answer: clienttest.JSON(200, `{"access_token":"at4","expires_in":60,"expires_at":`+unix(later)+`}`),
			want:   Token{AccessToken: "at4", Lifetime: time.Minute},
		},
		"no time left": {
			answer: clienttest.JSON(200, `{"access_token":"at4","expires_in":0}`), want: Token{AccessToken: "at4", Ended: true},
		},
		"less than no time left": {
			answer: clienttest.JSON(200, `{"access_token":"at4","expires_in":-103}`), want: Token{AccessToken: "at4", Ended: true},
		},
		"a JWT that ends before the answer says": {
			answer: clienttest.JSON(200, `{"access_token":"`+lasting(0, 15*time.Minute)+`","expires_in":3600}`),
			want:   Token{AccessToken: lasting(0, 15*time.Minute), Lifetime: 15 * time.Minute},
		},
		"a JWT that has ended": {
			answer: clienttest.JSON(200, `{"access_token":"`+lasting(-time.Hour, -time.Minute)+`"}`),
			want:   Token{AccessToken: lasting(-time.Hour, -time.Minute), Ended: true},
		},
		"another type than Bearer": {
			answer: clienttest.JSON(200, `{"access_token":"at7","token_type":"mac","expires_in":3600}`),
			want:   Token{AccessToken: "at7", TokenType: "mac", Lifetime: time.Hour},
		},
		"201": {
			answer: clienttest.JSON(201, `{"access_token":"at14","token_type":"Bearer","expires_in":3600,"refresh_token":"n14"}`),
			want:   Token{AccessToken: "at14", RefreshToken: NewSecret("n14"), TokenType: "Bearer", Lifetime: time.Hour},
		},
		"a byte order mark": {
			answer: clienttest.JSON(200, "\ufeff"+`{"access_token":"at5","token_type":"Bearer","expires_in":3600,"refresh_token":"n5"}`),
			want:   Token{AccessToken: "at5", RefreshToken: NewSecret("n5"), TokenType: "Bearer", Lifetime: time.Hour},
		},
		"a form": {
			answer: clienttest.Text(200, "application/x-www-form-urlencoded", `access_token=at6&expires_in=3600&refresh_token=n6&token_type=bearer`),
			want:   Token{AccessToken: "at6", RefreshToken: NewSecret("n6"), TokenType: "bearer", Lifetime: time.Hour},
		},
		"a number": {
			answer: clienttest.JSON(200, `{"access_token":12345,"token_type":"Bearer","expires_in":3600}`),
			want:   Token{AccessToken: "12345", TokenType: "Bearer", Lifetime: time.Hour},
		},
		"no ASCII":       {answer: clienttest.JSON(200, `{"access_token":"clé"}`), reason: "can't be one"},
		"a zero in it":   {answer: clienttest.JSON(200, `{"access_token":"a\u0000b"}`), reason: "can't be one"},
		"blanks around":  {answer: clienttest.JSON(200, `{"access_token":" at1\n"}`), want: Token{AccessToken: "at1"}},
		"nothing but it": {answer: clienttest.JSON(200, `{"access_token":"~!@at1="}`), want: Token{AccessToken: "~!@at1="}},
	} {
		token, err := exchange(t, &Provider{}, c.answer)
		if c.want.AccessToken == "" {
			if e := asError(t, err); e.Class != OutcomeUnknown || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("%s: %+v", name, e)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		token.Extra = nil
		if off := c.want.Lifetime - token.Lifetime; off > 0 && off <= 10*time.Second { // the test's own time
			token.Lifetime = c.want.Lifetime
		}
		if !token.RefreshToken.Equal(c.want.RefreshToken) {
			t.Errorf("%s: another refresh token", name)
		}
		token.RefreshToken, c.want.RefreshToken = Secret{}, Secret{}
		if !reflect.DeepEqual(*token, c.want) {
			t.Errorf("%s: %+v, want %+v", name, *token, c.want)
		}
	}
}

// The text that stands in the token's place can be named as what means a dead grant.
func TestAnErrorInTheTokensPlaceCanBePermanent(t *testing.T) {
	answer := clienttest.JSON(200, `{"access_token":"error: token is expired by 23m58.3s","refresh_token":""}`)
	_, err := exchange(t, &Provider{}, answer)
	e := asError(t, err)
	if e.Entry != "*: token is expired" || e.Class != OutcomeUnknown {
		t.Errorf("%+v", e)
	}
	_, err = exchange(t, &Provider{PermanentErrors: []string{e.Entry}}, answer)
	if e := asError(t, err); e.Class != GrantRefused {
		t.Errorf("%+v", e)
	}
}

// Pointers are written by people who know no secret of a role. Wherever they point, a refresh token, sent, new or
// possible, and the client's secret are neither an access token nor an extra field.
func TestNoPointerHandsOutASecret(t *testing.T) {
	for name, c := range map[string]struct {
		pointer, body, next string
	}{
		"the new one, where it is looked for":    {"/refresh_token", `{"access_token":"a1","refresh_token":"next-token"}`, "next-token"},
		"in another spelling":                    {"/refreshToken", `{"access_token":"a1","refreshToken":"next-token"}`, "next-token"},
		"nested":                                 {"/data/refresh_token", `{"data":{"refresh_token":"next-token"}}`, "next-token"},
		"under another name too":                 {"/copy", `{"copy":"next-token","data":{"refresh_token":"next-token"}}`, "next-token"},
		"in a text":                              {"/copy", `{"copy":"x=next-token;","data":{"refresh_token":"next-token"}}`, "next-token"},
		"short":                                  {"/copy", `{"copy":"R2","data":{"refresh_token":"R2"}}`, "R2"},
		"one of several":                         {"/copy", `{"copy":"token-two","a":{"refresh_token":"token-one"},"b":{"refresh_token":"token-two"}}`, ""},
		"a name that refresh tokens may have":    {"/refresh", `{"access_token":"a1","refresh":"next-token"}`, ""},
		"the one that was sent":                  {"/copy", `{"copy":"the-refresh-token"}`, ""},
		"a text with the one that was sent":      {"/copy", `{"copy":"x-the-refresh-token-x"}`, ""},
		"the client secret":                      {"/copy", `{"copy":"the-client-secret"}`, ""},
		"a text with the client secret":          {"/copy", `{"copy":"id|the-client-secret"}`, ""},
		"in a JSON text":                         {"/copy", `{"copy":"{\"refresh_token\":\"next-token\"}"}`, "next-token"},
		"an object under a refresh token's name": {"/refresh_token/value", `{"refresh_token":{"value":"next-token"}}`, "next-token"},
	} {
		p := &Provider{AccessTokenPointer: c.pointer, RefreshTokenPointer: "/nowhere"}
		_, err := exchange(t, p, clienttest.JSON(200, c.body))
		if e := asError(t, err); e.RefreshToken.Reveal() != c.next || e.Class != OutcomeUnknown || !strings.Contains(e.Reason, "access_token_pointer") {
			t.Errorf("%s: %+v %s", name, e, e.RefreshToken.Reveal())
		}
		if name == "in a JSON text" {
			continue // which is an extra field like any other
		}
		body := strings.TrimSuffix(c.body, "}") + `,"access_token":"a1"}`
		token := mustExchange(t, &Provider{RefreshTokenPointer: "/nowhere", ExtraFields: []string{c.pointer}}, clienttest.JSON(200, body))
		if len(token.Extra) != 0 {
			t.Errorf("%s: as an extra field: %v", name, token.Extra)
		}
	}
	p := &Provider{RefreshTokenPointer: "/nowhere", ExtraFields: []string{"data", "list", "text", "refresh_url", "good", "/refreshToken/secret"}}
	token := mustExchange(t, p, clienttest.JSON(200, `{"access_token":"a1","data":{"x":[{"Refresh-Token":"short"}]},`+
		`"list":[[{"refresh_token":{"id":"x"}}]],"text":"{\"refresh_token\":\"next-token\"}","refreshToken":{"secret":"inner"},"refresh_url":"https://a.example/","good":{"refresh_token":null,"refresh_expires_in":60}}`))
	if len(token.Extra) != 2 || token.Extra["refresh_url"] == nil || token.Extra["good"] == nil {
		t.Errorf("handed on: %v", token.Extra)
	}
}

// Servers say that there is no error, or warn, beside good tokens.
func TestNoErrorBesideAToken(t *testing.T) {
	const tokens = `"access_token":"a1","refresh_token":"next-token"`
	for _, member := range []string{
		`"error":"none"`, `"error":"null"`, `"error":"0"`, `"error":"false"`, `"error":""`, `"error":null`, `"error":false`, `"error":0`,
		`"error":{}`, `"error":{"code":0,"message":"OK"}`, `"error":{"code":"ok","message":"","log_id":"2026"}`, `"errors":[]`, `"errors":null`,
		`"errors":[{"code":"deprecated","message":"this version ends soon"}]`, `"errors":["scope was reduced"]`, `"warnings":["x"]`,
		`"errcode":0,"errmsg":"ok"`, `"ok":true`, `"success":true`, `"status":"ok"`,
	} {
		if got := bringing(t, &Provider{}, clienttest.JSON(200, `{`+tokens+`,`+member+`}`)); got.access != "a1" || got.next != "next-token" {
			t.Errorf("%s: %+v", member, got)
		}
	}
	for _, member := range []string{
		`"error":"invalid_scope"`, `"error":"it broke"`, `"ok":false`, `"success":false`, `"errors":["invalid_grant"]`, `"errors":[{"code":"invalid_client"}]`,
		`"error":{"code":17}`, `"error":true`,
	} {
		if got := bringing(t, &Provider{}, clienttest.JSON(200, `{`+tokens+`,`+member+`}`)); got.access != "" || got.next != "next-token" {
			t.Errorf("%s: %+v", member, got)
		}
	}
}
