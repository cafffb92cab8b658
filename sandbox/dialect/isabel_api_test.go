package dialect_test

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// accounts is a good call to Isabel's API.
func accounts(token string) sandboxtest.Request {
	return sandboxtest.Request{Method: "GET", URL: "https://api.ibanity.com/isabel-connect/accounts", Header: map[string]string{
		"Accept": "application/vnd.api+json", "Authorization": "Bearer " + token,
	}}
}

// The API wants what Isabel's wants: the client certificate in the handshake, a live token, the media type.
// The journal tells who called and keeps the token to itself.
func TestIsabelAPI(t *testing.T) {
	b := sandboxtest.New(t)
	for _, provider := range []string{"isabel-connect", "isabel-connect-v1"} {
		token := b.Want(200, "", b.Good(provider, b.Initial(provider))).Text("access_token")
		got := b.Want(200, "", accounts(token))
		if data, _ := got.Body["data"].([]any); len(data) != 1 || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/vnd.api+json") {
			t.Errorf("%s: %v %v", provider, got.Header, got.Body)
		}
		e := b.Last()
		if e.Provider != provider || e.Endpoint != "api" || !strings.Contains(e.ClientCert, sandbox.ClientName) || e.Status != 200 {
			t.Errorf("in the journal: %+v", e)
		}
		if shown := e.Headers["Authorization"]; !strings.HasPrefix(shown, "Bearer sha256:") || strings.Contains(shown+b.Log.String(), token) {
			t.Errorf("the journal shows %q", shown)
		}
		if s := b.Stats(provider); s.Requests != 1 || s.APICalls != 1 || s.APIRefused != 0 {
			t.Errorf("%s: %+v", provider, s)
		}
	}
}

func TestIsabelAPIRefuses(t *testing.T) {
	b := sandboxtest.New(t)
	token := b.Want(200, "", b.Good("isabel-connect", b.Initial("isabel-connect"))).Text("access_token")
	for name, c := range map[string]struct {
		status int
		spoil  func(*sandboxtest.Request)
	}{
		"no token":      {401, func(r *sandboxtest.Request) { delete(r.Header, "Authorization") }},
		"unknown token": {401, func(r *sandboxtest.Request) { r.Header["Authorization"] = "Bearer unknown" }},
		"refresh token": {401, func(r *sandboxtest.Request) { r.Header["Authorization"] = "Bearer valid_refresh_token" }},
		"other scheme":  {401, func(r *sandboxtest.Request) { r.Header["Authorization"] = "Token " + token }},
		"client secret": {401, func(r *sandboxtest.Request) { r.Basic = "valid_client_id:valid_client_secret" }},
		"no Accept":     {400, func(r *sandboxtest.Request) { delete(r.Header, "Accept") }},
		"other Accept":  {400, func(r *sandboxtest.Request) { r.Header["Accept"] = "application/json" }},
		"parameters":    {400, func(r *sandboxtest.Request) { r.URL += "?size=1" }},
		"POST":          {405, func(r *sandboxtest.Request) { r.Method = "POST" }},
		"a body":        {415, func(r *sandboxtest.Request) { r.Form = "a=b" }},
	} {
		r := accounts(token)
		c.spoil(&r)
		got := b.Send(r)
		if got.Status != c.status || got.Body["errors"] == nil || got.Header.Get("Ibanity-Request-Id") == "" {
			t.Errorf("%s: want %d and a JSON:API error: %d %v", name, c.status, got.Status, got.Body)
		}
		if challenge := got.Header.Get("WWW-Authenticate"); (c.status == 401) != (challenge != "") {
			t.Errorf("%s: WWW-Authenticate: %q", name, challenge)
		}
	}
	if got, err := b.Do(b.Bare, accounts(token)); err == nil {
		t.Errorf("without a certificate: %d", got.Status)
	}
	direct := accounts(token)
	direct.URL = b.Env["SANDBOX_URL"] + "/isabel-connect/accounts"
	if got, err := b.Do(b.Bare, direct); err != nil || got.Status != 401 || got.Body["errors"] == nil {
		t.Errorf("without a certificate on 127.0.0.1: %v %+v", err, got)
	}
	b.Want(200, "", direct)
	b.Advance(1799 * time.Second)
	b.Want(401, "", accounts(token))
}
