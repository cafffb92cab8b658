package oauth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// From the page to a second refresh, at each provider; and who agreed to what.
func TestAPersonAgreesAndTheGrantLives(t *testing.T) {
	for _, p := range sandboxtest.Asking {
		t.Run(p, func(t *testing.T) {
			b := sandboxtest.New(t)
			back := b.AgreeAs("bob@example.test", b.Ask(p))
			if back.Get("state") != "a-state" || back.Get("code") == "" {
				t.Fatalf("%v", back)
			}
			got := b.Want(200, "", b.CodeRequest(p, back.Get("code")))
			if !b.Live(p, got.Text("access_token")) {
				t.Error("the access token is not live")
			}
			next := got.Text("refresh_token")
			for range 2 {
				refreshed := b.Want(200, "", b.Good(p, next))
				if rotated := refreshed.Text("refresh_token"); rotated != "" {
					next = rotated
				}
			}
			grants := b.Stats(p).Grants
			if g := grants[len(grants)-1]; g.User != "bob@example.test" || g.Scope == "" || g.Generation != 2 {
				t.Errorf("%+v", g)
			}
		})
	}
}

// Before the redirect URI is known to be the application's nobody is sent anywhere; what is known by then is told there.
func TestAuthorizationRefusals(t *testing.T) {
	for _, p := range sandboxtest.Asking {
		t.Run(p, func(t *testing.T) {
			b := sandboxtest.New(t)
			for name, address := range map[string]string{
				"unknown client":       b.Ask(p, "client_id", "nobody"),
				"no client":            b.Ask(p, "client_id", ""),
				"no redirect_uri":      b.Ask(p, "redirect_uri", ""),
				"unknown redirect_uri": b.Ask(p, "redirect_uri", "https://evil.example/callback"),
				"other path":           b.Ask(p, "redirect_uri", sandboxtest.Redirect+"/x"),
				"path added":           b.Ask(p, "redirect_uri", sandboxtest.Redirect+"?a=b"),
				"fragment":             b.Ask(p, "redirect_uri", sandboxtest.Redirect+"#"),
				"user info":            b.Ask(p, "redirect_uri", "http://127.0.0.1:1@evil.example/callback"),
				"other loopback":       b.Ask(p, "redirect_uri", "http://localhost:1/callback"),
				"https":                b.Ask(p, "redirect_uri", "https://127.0.0.1:1/callback"),
				"unknown parameter":    b.Ask(p) + "&scpoe=x",
				"parameter twice":      b.Ask(p) + "&state=x",
				"no query":             strings.SplitN(b.Ask(p), "?", 2)[0],
			} {
				if end := b.Visit("alice@example.test", address); !end.Opened || end.Status != 400 || b.Last().Refusal == "" {
					t.Errorf("%s: %+v", name, end)
				}
			}
			for name, c := range map[string]struct{ address, code string }{
				"no response_type":    {b.Ask(p, "response_type", ""), "invalid_request"},
				"implicit":            {b.Ask(p, "response_type", "token"), "unsupported_response_type"},
				"no state":            {b.Ask(p, "state", ""), "invalid_request"},
				"unknown scope":       {b.Ask(p, "scope", "everything"), "invalid_scope"},
				"plain":               {b.Ask(p, "code_challenge_method", "plain"), "invalid_request"},
				"plain by default":    {b.Ask(p, "code_challenge_method", ""), "invalid_request"},
				"method alone":        {b.Ask(p, "code_challenge", ""), "invalid_request"},
				"challenge too short": {b.Ask(p, "code_challenge", "short"), "invalid_request"},
			} {
				back := b.Agree(c.address)
				if state := back.Get("state"); back.Get("error") != c.code || back.Has("code") || state != "a-state" && name != "no state" {
					t.Errorf("%s: %v", name, back)
				}
				if b.Last().Refusal == "" {
					t.Errorf("%s: no reason in the journal", name)
				}
			}
			if back := b.Deny(b.Ask(p)); back.Get("error") != "access_denied" || back.Get("state") != "a-state" {
				t.Errorf("denied: %v", back)
			}
			for _, method := range []string{"PUT", "HEAD"} {
				if got := b.Send(sandboxtest.Request{Method: method, URL: b.Ask(p)}); got.Status != 405 {
					t.Errorf("%s: %d", method, got.Status)
				}
			}
		})
	}
}

// question opens a page as a browser does and gives the address and the values of its form.
func question(b *sandboxtest.Bench, address string) (action string, form url.Values) {
	b.T.Helper()
	req := sandboxtest.Request{Method: "GET", URL: address}
	page := b.Page(req)
	hidden := func(name string) string {
		_, rest, _ := strings.Cut(page, `name="`+name+`" value="`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	action, _, _ = strings.Cut(address, "?")
	return action, url.Values{"transaction": {hidden("transaction")}, "client_id": {hidden("client_id")}, "username": {"alice@example.test"}, "decision": {"allow"}}
}

// A question is answered once, by somebody who is known, with one of two answers, within ten minutes.
func TestAnswersOfAPerson(t *testing.T) {
	b := sandboxtest.New(t)
	action, form := question(b, b.Ask("pandadoc"))
	post := func(change func(url.Values)) int {
		v, _ := url.ParseQuery(form.Encode())
		change(v)
		return b.SendStill(sandboxtest.Request{URL: action, Form: v.Encode()}).Status
	}
	for name, change := range map[string]func(url.Values){
		"stranger":          func(v url.Values) { v.Set("username", "eve@example.test") },
		"no answer":         func(v url.Values) { v.Del("decision") },
		"other client":      func(v url.Values) { v.Set("client_id", "x") },
		"other question":    func(v url.Values) { v.Set("transaction", "x") },
		"unknown parameter": func(v url.Values) { v.Set("x", "x") },
		"parameter twice":   func(v url.Values) { v.Add("decision", "deny") },
	} {
		if status := post(change); status != 400 || b.Last().Refusal == "" {
			t.Errorf("%s: %d", name, status)
		}
	}
	if got := b.SendStill(sandboxtest.Request{URL: action + "?a=b", Form: form.Encode()}); got.Status != 400 {
		t.Errorf("a query: %d", got.Status)
	}
	if got := b.SendStill(sandboxtest.Request{URL: action, Form: "{}", ContentType: "application/json"}); got.Status != 415 {
		t.Errorf("JSON: %d", got.Status)
	}
	if status := post(func(url.Values) {}); status != 303 {
		t.Errorf("answered: %d", status)
	}
	if status := post(func(url.Values) {}); status != 400 {
		t.Errorf("answered twice: %d", status)
	}
	_, form = question(b, b.Ask("pandadoc"))
	b.Advance(10 * time.Minute)
	if status := post(func(url.Values) {}); status != 400 {
		t.Errorf("after ten minutes: %d", status)
	}
	b.Order("/control", map[string]any{"provider": "pandadoc", "user": "carol@example.test"}, nil)
	if back := b.AgreeAs("carol@example.test", b.Ask("pandadoc")); back.Get("code") == "" {
		t.Errorf("somebody new: %v", back)
	}
}

func TestRedirectURIs(t *testing.T) {
	b := sandboxtest.New(t)
	for uri, ok := range map[string]bool{
		"http://127.0.0.1:8200/v1/oauth/callback/pandadoc": true, "http://127.0.0.1/callback": true, "http://127.0.0.1:65000/": true,
		"http://127.0.0.1:8400": false, "http://127.0.0.1:8200/v1/oauth/callback/pingone": false,
		"https://vault.example.com/v1/team/oauth/callback/pandadoc": false,
	} {
		if page := b.Page(sandboxtest.Request{Method: "GET", URL: b.Ask("pandadoc", "redirect_uri", uri)}); strings.Contains(page, "decision") != ok {
			t.Errorf("%s: %s", uri, page)
		}
	}
	const added = "https://vault.example.com/v1/team/oauth/callback/pandadoc?a=b"
	b.Register("pandadoc", added)
	end := b.Visit("alice@example.test", b.Ask("pandadoc", "redirect_uri", added))
	if end.Opened || !strings.HasPrefix(end.URL, added+"&") || !end.Through() {
		t.Errorf("%+v", end)
	}
	for _, uri := range []string{"http://vault.example.com/", "https://vault.example.com/#there"} {
		order := map[string]any{"provider": "pandadoc", "client_id": b.Env["PANDADOC_CLIENT_ID"], "redirect_uri": uri}
		if status := b.Order("/control", order, nil); status != 400 {
			t.Errorf("%s: %d", uri, status)
		}
	}
}
