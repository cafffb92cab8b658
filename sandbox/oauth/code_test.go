package oauth_test

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// What makes a code no good, and that nothing is spent by it: the good request passes afterwards.
func TestCodeRefusals(t *testing.T) {
	for _, p := range sandboxtest.Asking {
		t.Run(p, func(t *testing.T) {
			b := sandboxtest.New(t)
			code := b.Agree(b.Ask(p)).Get("code")
			with := func(more ...string) sandboxtest.Request { return b.CodeRequest(p, code, more...) }
			for name, c := range map[string]struct {
				code string
				r    sandboxtest.Request
			}{
				"unknown code":        {"invalid_grant", with("code", "unknown")},
				"no code":             {"invalid_request", with("code", "")},
				"other redirect_uri":  {"invalid_grant", with("redirect_uri", "http://127.0.0.1:2/callback")},
				"no redirect_uri":     {"invalid_request", with("redirect_uri", "")},
				"no verifier":         {"invalid_grant", with("code_verifier", "")},
				"short verifier":      {"invalid_request", with("code_verifier", "short")},
				"other verifier":      {"invalid_grant", with("code_verifier", strings.Repeat("x", 43))},
				"refresh token along": {"invalid_request", with("refresh_token", b.Initial(p))},
				"unknown parameter":   {"invalid_request", with("state", "a-state")},
				"code on a refresh":   {"invalid_request", with("grant_type", "refresh_token", "refresh_token", b.Initial(p), "scope", refreshScope(p))},
			} {
				b.T.Log(name)
				b.Want(400, c.code, c.r)
			}
			noSecret := with()
			noSecret.Basic = ""
			noSecret.Form = strings.Replace(noSecret.Form, "client_secret", "x_secret", 1)
			if got := b.Send(noSecret); got.Status < 400 {
				t.Errorf("without the client's secret: %d", got.Status)
			}
			b.Advance(59 * time.Second)
			b.Want(200, "", with())
		})
	}
}

// refreshScope is what a refresh has to send, where it has to.
func refreshScope(provider string) string {
	if provider == "pandadoc" {
		return "read+write"
	}
	return ""
}

// The second use of a code is refused and ends what the first brought (RFC 6749 section 4.1.2).
func TestACodeIsGoodOnce(t *testing.T) {
	for _, p := range sandboxtest.Asking {
		b := sandboxtest.New(t)
		r := b.CodeRequest(p, b.Agree(b.Ask(p)).Get("code"))
		got := b.Want(200, "", r)
		b.Want(400, "invalid_grant", r)
		if b.Live(p, got.Text("access_token")) {
			t.Errorf("%s: the access token survived", p)
		}
		b.Want(400, "invalid_grant", b.Good(p, got.Text("refresh_token")))
		b.Want(200, "", b.Good(p, b.Initial(p))) // another grant of the same client
	}
}

func TestACodeLivesAMinute(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.CodeRequest("pandadoc", b.Agree(b.Ask("pandadoc")).Get("code"))
	b.Advance(time.Minute)
	b.Want(400, "invalid_grant", r)
}

// A code is the client's that asked for it.
func TestACodeOfAnotherClient(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.CodeRequest("pingone", b.Agree(b.Ask("pingone")).Get("code"))
	other := r
	other.Basic, other.Form = "", r.Form+"&"+sandboxtest.Form("client_id", b.Env["PINGONE_POST_CLIENT_ID"], "client_secret", b.Env["PINGONE_POST_CLIENT_SECRET"])
	b.Want(400, "invalid_grant", other)
	b.Want(200, "", r)
}

// PKCE is for those that begin with it; PingOne wants it of everybody. A verifier out of nowhere is no good.
func TestWithoutPKCE(t *testing.T) {
	b := sandboxtest.New(t)
	none := []string{"code_challenge", "", "code_challenge_method", ""}
	if back := b.Agree(b.Ask("pingone", none...)); back.Get("error") != "invalid_request" {
		t.Errorf("pingone: %v", back)
	}
	for _, p := range []string{"salesforce", "pandadoc"} {
		code := b.Agree(b.Ask(p, none...)).Get("code")
		b.Want(400, "invalid_grant", b.CodeRequest(p, code))
		b.Want(200, "", b.CodeRequest(p, code, "code_verifier", ""))
	}
}

// Faults go with the endpoint that they are ordered for: the person's pages take none of the token endpoint's.
func TestFaultsOfOneEndpoint(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"provider": "pingone", "endpoint": "token", "drop": 1}, nil)
	r := b.CodeRequest("pingone", b.Agree(b.Ask("pingone")).Get("code"))
	if got, err := b.Do(b.Client, r); err == nil {
		t.Fatalf("answered %d", got.Status)
	}
	b.Want(400, "invalid_grant", r)
	b.Order("/control", map[string]any{"provider": "pingone", "endpoint": "authorize", "fail": 1, "status": 503}, nil)
	b.Want(200, "", b.Good("pingone", b.Initial("pingone")))
	if end := b.Visit("alice@example.test", b.Ask("pingone")); end.Status != 503 || end.Through() {
		t.Errorf("%+v", end)
	}
	b.Order("/control", map[string]any{"provider": "pingone", "client_id": b.Env["PINGONE_CLIENT_ID"], "endpoint": "par", "fail": 1}, nil)
	if back := b.Agree(b.Ask("pingone")); back.Get("code") == "" {
		t.Errorf("%v", back)
	}
	if status := b.Order("/control", map[string]any{"provider": "pingone", "endpoint": "tokens", "fail": 1}, nil); status != 400 {
		t.Errorf("an unknown endpoint: %d", status)
	}
}
