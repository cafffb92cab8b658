package client

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// exchange lets the server give one answer and returns what the exchange makes of it.
func exchange(t *testing.T, p *Provider, answer clienttest.Answer) (*Token, error) {
	t.Helper()
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(answer)
	r := refresh(s)
	p.TokenEndpointAuthMethod, p.RequiresCertificate = AuthPost, false
	r.Provider = p
	token, err := Exchange(t.Context(), trusting(), r)
	if n := len(s.Requests()); n != 1 {
		t.Fatalf("%d requests for one exchange", n)
	}
	return token, err
}

func mustExchange(t *testing.T, p *Provider, answer clienttest.Answer) *Token {
	t.Helper()
	token, err := exchange(t, p, answer)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	return token
}

// The answers that the owners of the built-in providers document.
func TestDocumentedAnswers(t *testing.T) {
	for _, c := range []struct {
		provider string
		answer   clienttest.Answer
		want     Token
	}{
		{
			"isabel-connect-v1", clienttest.Text(200, "application/vnd.api+json",
				`{"token_type":"Bearer","scope":"cloudconnect","expires_in":1799,"access_token":"access_token_1603365408"}`),
			Token{AccessToken: "access_token_1603365408", TokenType: "Bearer", Scope: "cloudconnect", Lifetime: 1799 * time.Second},
		},
		{
			"isabel-connect", clienttest.JSON(200, `{"access_token":"a","expires_in":1799,"refresh_expires_in":1800,"refresh_token":"r",`+
				`"scope":"AI PI offline_access","token_type":"bearer"}`).With("ibanity-request-id", "9f2c-1"),
			Token{
				AccessToken: "a", TokenType: "bearer", Scope: "AI PI offline_access", RefreshToken: NewSecret("r"),
				Lifetime: 1799 * time.Second, RefreshTokenLifetime: 1800 * time.Second, RequestID: "9f2c-1",
			},
		},
		{
			"salesforce", clienttest.Answer{Status: 200, Gzip: true, Chunked: true, Body: `{"access_token":"00D!a","signature":"s=",` +
				`"scope":"api refresh_token","id_token":"i","instance_url":"https://acme.my.salesforce.com",` +
				`"id":"https://login.salesforce.com/id/00D/005","token_type":"Bearer","issued_at":"1278448101416"}`},
			Token{AccessToken: "00D!a", TokenType: "Bearer", Scope: "api refresh_token", Extra: map[string]any{
				"instance_url": "https://acme.my.salesforce.com", "id": "https://login.salesforce.com/id/00D/005",
				"issued_at": "1278448101416", "signature": "s=", "id_token": "i",
			}, IDToken: NewSecret("i")},
		},
		{
			"pandadoc", clienttest.JSON(200, `{"access_token":"a","token_type":"Bearer","expires_in":31535999.0,"scope":"read+write","refresh_token":"r"}`),
			Token{AccessToken: "a", TokenType: "Bearer", Scope: "read+write", RefreshToken: NewSecret("r"), Lifetime: 31535999 * time.Second},
		},
		{
			"pingone", clienttest.JSON(200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"openid","id_token":"i"}`),
			Token{
				AccessToken: "a", TokenType: "Bearer", Scope: "openid", RefreshToken: NewSecret("r"), Lifetime: time.Hour,
				Extra: map[string]any{"id_token": "i"}, IDToken: NewSecret("i"),
			},
		},
		{
			"keliweb", clienttest.JSON(200, `{"token_type":"Bearer","expires_in":3600,"access_token":"a","refresh_token":"r"}`),
			Token{AccessToken: "a", TokenType: "Bearer", RefreshToken: NewSecret("r"), Lifetime: time.Hour},
		},
	} {
		p := builtin(t, c.provider)
		if c.want.Extra == nil {
			c.want.Extra = map[string]any{}
		}
		got := mustExchange(t, p, c.answer)
		if !got.RefreshToken.Equal(c.want.RefreshToken) {
			t.Errorf("%s: another refresh token", c.provider)
		}
		got.RefreshToken, c.want.RefreshToken = Secret{}, Secret{}
		if !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.provider, *got, c.want)
		}
	}
}

// The body decides what it is, not its Content-Type: JSON comes as text/plain or text/html, forms
// come as JSON, byte order marks come in front.
func TestBodiesAreSniffed(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"JSON as text/plain":   clienttest.Text(200, "text/plain", `{"access_token":"a","refresh_token":"r","expires_in":60}`),
		"JSON as text/html":    clienttest.Text(200, "text/html; charset=utf-8", "\n {\"access_token\":\"a\",\"refresh_token\":\"r\",\"expires_in\":60}\n"),
		"JSON as a form":       clienttest.Text(200, "application/x-www-form-urlencoded", `{"access_token":"a","refresh_token":"r","expires_in":60}`),
		"JSON without a type":  {Status: 200, Body: `{"access_token":"a","refresh_token":"r","expires_in":60}`},
		"JSON after a BOM":     clienttest.JSON(200, "\ufeff"+`{"access_token":"a","refresh_token":"r","expires_in":60}`),
		"a form":               clienttest.Text(200, "application/x-www-form-urlencoded", `access_token=a&refresh_token=r&expires_in=60`),
		"a form as text/plain": clienttest.Text(200, "text/plain", "access_token=a&refresh_token=r&expires_in=60\n"),
		"a form as JSON":       clienttest.JSON(200, `access_token=a&refresh_token=r&expires_in=60`),
		"status 201":           clienttest.JSON(201, `{"access_token":"a","refresh_token":"r","expires_in":60}`),
	} {
		token := mustExchange(t, &Provider{}, answer)
		if token.AccessToken != "a" || token.RefreshToken.Reveal() != "r" || token.Lifetime != time.Minute {
			t.Errorf("%s: %+v", name, token)
		}
	}
}

// A refresh token that is missing, null or empty means "keep yours". One server's own library
// overwrote it with null, and the grant was gone.
func TestNoNewRefreshToken(t *testing.T) {
	for _, member := range []string{``, `,"refresh_token":null`, `,"refresh_token":""`, `,"refresh_token":"  "`, `,"refresh_token":{}`, `,"refresh_token":false`} {
		if token := mustExchange(t, &Provider{}, clienttest.JSON(200, `{"access_token":"a"`+member+`}`)); token.RefreshToken.IsSet() {
			t.Errorf("%s: set", member)
		}
	}
	// The same one again is handed on: it tells the caller that the server may have replayed.
	token := mustExchange(t, &Provider{}, clienttest.JSON(200, `{"access_token":"a","refresh_token":"the-refresh-token"}`))
	if !token.RefreshToken.Equal(NewSecret("the-refresh-token")) {
		t.Error("the refresh token that was sent is not handed on when it comes back")
	}
}

func TestOddTypesAreTolerated(t *testing.T) {
	for body, want := range map[string]Token{
		`{"access_token":"a","refresh_token":12345678901234567890}`:                  {AccessToken: "a", RefreshToken: NewSecret("12345678901234567890")},
		`{"access_token":"a","token_type":1}`:                                        {AccessToken: "a", TokenType: "1"},
		`{"access_token":"a","token_type":"User Access Token"}`:                      {AccessToken: "a", TokenType: "User Access Token"},
		`{"access_token":"a","token_type":"bEaReR"}`:                                 {AccessToken: "a", TokenType: "bEaReR"},
		`{"access_token":"a","scope":["read","write",""]}`:                           {AccessToken: "a", Scope: "read write"},
		`{"access_token":"a","scope":"read,write"}`:                                  {AccessToken: "a", Scope: "read,write"},
		`{"access_token":"a","scope":null,"token_type":null}`:                        {AccessToken: "a"},
		`{"access_token":"a","error":null,"errors":[],"ok":true}`:                    {AccessToken: "a"},
		`{"access_token":"a","error":"","success":true}`:                             {AccessToken: "a"},
		`{"access_token":77}`:                                                        {AccessToken: "77"},
		`{"access_token":"a","unknown":{"deep":[1,{"x":null}]},"refresh_token":"r"}`: {AccessToken: "a", RefreshToken: NewSecret("r")},
	} {
		got := mustExchange(t, &Provider{}, clienttest.JSON(200, body))
		if got.AccessToken != want.AccessToken || got.TokenType != want.TokenType || got.Scope != want.Scope ||
			!got.RefreshToken.Equal(want.RefreshToken) {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

// TikTok nests in data, Slack in authed_user, Sentry has its own names.
func TestPointers(t *testing.T) {
	p := &Provider{
		AccessTokenPointer: "/data/tokens/0/value", RefreshTokenPointer: "/data/refresh~1token", ExpiresInPointer: "/data/left",
		RefreshTokenExpiresInPointer: "/data/refresh_left", ExtraFields: []string{"/data/open_id", "team", "missing", "/data/none"},
	}
	token := mustExchange(t, p, clienttest.JSON(200, `{"access_token":"wrong","refresh_token":"wrong","expires_in":1,"team":{"id":7},`+
		`"data":{"tokens":[{"value":"a"}],"refresh/token":"r","left":"60","refresh_left":120,"open_id":"o","none":null}}`))
	want := map[string]any{"open_id": "o", "team": map[string]any{"id": json.Number("7")}}
	if token.AccessToken != "a" || token.RefreshToken.Reveal() != "r" || token.Lifetime != time.Minute ||
		token.RefreshTokenLifetime != 2*time.Minute || !reflect.DeepEqual(token.Extra, want) {
		t.Errorf("%+v", token)
	}
}

// An extra field is handed out to readers, so it must not carry a secret, wherever a server put
// it, and must not blow up what is stored.
func TestExtraFieldsAreBoundedAndCarryNoSecret(t *testing.T) {
	p := &Provider{ExtraFields: []string{"ok", "echo", "nested", "keyed", "sent", "secret", "large", "many", "flag", "n"}}
	token := mustExchange(t, p, clienttest.JSON(200, `{"access_token":"a","refresh_token":"next-token","ok":"yes","flag":false,"n":1.50,`+
		`"echo":"next-token","nested":{"list":[{"x":"id next-token."}]},"keyed":{"next-token":1},"sent":"the-refresh-token",`+
		`"secret":"the-client-secret","large":"`+strings.Repeat("x", maxExtra)+`"}`))
	want := map[string]any{"ok": "yes", "flag": false, "n": json.Number("1.50")}
	if !reflect.DeepEqual(token.Extra, want) {
		t.Errorf("handed on %v, want %v", token.Extra, want)
	}
	var members, names []string
	for _, c := range "abcdefgh" {
		names = append(names, string(c))
		members = append(members, `"`+string(c)+`":"`+strings.Repeat("x", maxExtra-10)+`"`)
	}
	token = mustExchange(t, &Provider{ExtraFields: names}, clienttest.JSON(200, `{"access_token":"a",`+strings.Join(members, ",")+`}`))
	if encoded, _ := json.Marshal(token.Extra); len(encoded) > maxExtras+100 || len(token.Extra) == 0 {
		t.Errorf("%d bytes of extra fields", len(encoded))
	}
}

// Nor do the fields that every answer has.
func TestScopeAndTypeCarryNoSecret(t *testing.T) {
	token := mustExchange(t, &Provider{}, clienttest.JSON(200, `{"access_token":"a","refresh_token":"next-token",`+
		`"scope":"read next-token","token_type":"`+strings.Repeat("x", maxExtra+1)+`"}`))
	if token.Scope != "" || token.TokenType != "" {
		t.Errorf("scope %q, %d bytes of token_type", token.Scope, len(token.TokenType))
	}
}

// 200 with an error in it is an error: GitHub, Slack, Zoho. Without a token it is one too.
func TestSuccessStatusWithoutToken(t *testing.T) {
	for body, want := range map[string]Error{
		`{"error":"bad_refresh_token","error_description":"x"}`: {Class: GrantRefused, Code: "bad_refresh_token"},
		`error=bad_refresh_token&error_description=x`:           {Class: GrantRefused, Code: "bad_refresh_token"},
		`{"ok":false,"error":"invalid_refresh_token"}`:          {Class: GrantRefused, Code: "invalid_refresh_token"},
		`{"ok":false,"error":"internal_error"}`:                 {Class: OutcomeUnknown, Code: "internal_error"},
		`{"ok":false,"error":"ratelimited"}`:                    {Class: NotProcessed, Code: "ratelimited"},
		`{"error":"Access Denied","status":"failure"}`:          {Class: NotProcessed},
		`{"ok":false}`:                                 {Class: NotProcessed},
		`{"success":false,"message":"no"}`:             {Class: NotProcessed},
		`{"error":"incorrect_client_credentials"}`:     {Class: ClientRefused, Code: "incorrect_client_credentials"},
		`{"access_token":"a","error":"invalid_grant"}`: {Class: GrantRefused, Code: "invalid_grant"},
		`{}`:                       {Class: OutcomeUnknown},
		`{"access_token":null}`:    {Class: OutcomeUnknown},
		`{"access_token":""}`:      {Class: OutcomeUnknown},
		`{"access_token":{"a":1}}`: {Class: OutcomeUnknown},
		`[]`:                       {Class: OutcomeUnknown},
		`null`:                     {Class: OutcomeUnknown},
		``:                         {Class: OutcomeUnknown},
		`<html>maintenance</html>`: {Class: OutcomeUnknown},
		`{"access_token":"` + strings.Repeat("x", maxToken+1) + `"}`: {Class: OutcomeUnknown},
	} {
		_, err := exchange(t, &Provider{}, clienttest.JSON(200, body))
		if e := asError(t, err); e.Class != want.Class || e.Code != want.Code || e.Status != 200 || e.RefreshToken.IsSet() {
			t.Errorf("%.60s: %+v, want %s %q", body, e, want.Class, want.Code)
		}
	}
}
