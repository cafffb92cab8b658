package main

import (
	"strings"
	"testing"
	"time"
)

// accounts is a good call to Isabel's API.
func accounts(token string) request {
	return request{method: "GET", url: "https://api.ibanity.com/isabel-connect/accounts", header: map[string]string{
		"Accept": "application/vnd.api+json", "Authorization": "Bearer " + token,
	}}
}

// The API wants what Isabel's wants: the client certificate in the handshake, a live token, the media type.
// The journal tells who called and keeps the token to itself.
func TestIsabelAPI(t *testing.T) {
	b := newBench(t)
	for _, provider := range []string{"isabel-connect", "isabel-connect-v1"} {
		token := b.want(200, "", b.good(provider, b.initial(provider))).text("access_token")
		got := b.want(200, "", accounts(token))
		if data, _ := got.body["data"].([]any); len(data) != 1 || !strings.HasPrefix(got.header.Get("Content-Type"), "application/vnd.api+json") {
			t.Errorf("%s: %v %v", provider, got.header, got.body)
		}
		e := b.last()
		if e.Provider != provider || e.Endpoint != "api" || !strings.Contains(e.ClientCert, clientName) || e.Status != 200 {
			t.Errorf("in the journal: %+v", e)
		}
		if shown := e.Headers["Authorization"]; !strings.HasPrefix(shown, "Bearer sha256:") || strings.Contains(shown+b.log.String(), token) {
			t.Errorf("the journal shows %q", shown)
		}
		if s := b.stats(provider); s.Requests != 1 || s.APICalls != 1 || s.APIRefused != 0 {
			t.Errorf("%s: %+v", provider, s)
		}
	}
}

func TestIsabelAPIRefuses(t *testing.T) {
	b := newBench(t)
	token := b.want(200, "", b.good("isabel-connect", b.initial("isabel-connect"))).text("access_token")
	for name, c := range map[string]struct {
		status int
		spoil  func(*request)
	}{
		"no token":      {401, func(r *request) { delete(r.header, "Authorization") }},
		"unknown token": {401, func(r *request) { r.header["Authorization"] = "Bearer unknown" }},
		"refresh token": {401, func(r *request) { r.header["Authorization"] = "Bearer valid_refresh_token" }},
		"other scheme":  {401, func(r *request) { r.header["Authorization"] = "Token " + token }},
		"client secret": {401, func(r *request) { r.basic = "valid_client_id:valid_client_secret" }},
		"no Accept":     {400, func(r *request) { delete(r.header, "Accept") }},
		"other Accept":  {400, func(r *request) { r.header["Accept"] = "application/json" }},
		"parameters":    {400, func(r *request) { r.url += "?size=1" }},
		"POST":          {405, func(r *request) { r.method = "POST" }},
		"a body":        {415, func(r *request) { r.form = "a=b" }},
	} {
		r := accounts(token)
		c.spoil(&r)
		got := b.send(r)
		if got.status != c.status || got.body["errors"] == nil || got.header.Get("Ibanity-Request-Id") == "" {
			t.Errorf("%s: want %d and a JSON:API error: %d %v", name, c.status, got.status, got.body)
		}
		if challenge := got.header.Get("WWW-Authenticate"); (c.status == 401) != (challenge != "") {
			t.Errorf("%s: WWW-Authenticate: %q", name, challenge)
		}
	}
	if got, err := b.do(b.bare, accounts(token)); err == nil {
		t.Errorf("without a certificate: %d", got.status)
	}
	direct := accounts(token)
	direct.url = b.env["SANDBOX_URL"] + "/isabel-connect/accounts"
	if got, err := b.do(b.bare, direct); err != nil || got.status != 401 || got.body["errors"] == nil {
		t.Errorf("without a certificate on 127.0.0.1: %v %+v", err, got)
	}
	b.want(200, "", direct)
	b.advance(1799 * time.Second)
	b.want(401, "", accounts(token))
}
