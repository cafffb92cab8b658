package oauth_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// What every provider refuses, and that nothing is spent by it: the good request passes afterwards.
func TestRefusals(t *testing.T) {
	for _, d := range sandboxtest.Dialects {
		t.Run(d.Provider, func(t *testing.T) {
			b := sandboxtest.New(t)
			good := b.Good(d.Provider, b.Initial(d.Provider))
			for name, spoil := range map[string]func(*sandboxtest.Request){
				"GET":                 func(r *sandboxtest.Request) { r.Method = "GET" },
				"PUT":                 func(r *sandboxtest.Request) { r.Method = "PUT" },
				"JSON":                func(r *sandboxtest.Request) { r.ContentType = "application/json" },
				"text":                func(r *sandboxtest.Request) { r.ContentType = "text/plain" },
				"multipart":           func(r *sandboxtest.Request) { r.AsMultipart() },
				"parameter in URL":    func(r *sandboxtest.Request) { r.URL += "?grant_type=refresh_token" },
				"parameter twice":     func(r *sandboxtest.Request) { r.Form += "&grant_type=refresh_token" },
				"unknown parameter":   func(r *sandboxtest.Request) { r.Form += "&client_secert=x" },
				"no grant_type":       func(r *sandboxtest.Request) { r.Form = strings.Replace(r.Form, "grant_type=refresh_token", "", 1) },
				"other grant_type":    func(r *sandboxtest.Request) { r.Form = strings.Replace(r.Form, "=refresh_token", "=password", 1) },
				"unknown token":       func(r *sandboxtest.Request) { *r = b.Good(d.Provider, "unknown") },
				"empty token":         func(r *sandboxtest.Request) { *r = b.Good(d.Provider, "") },
				"other path":          func(r *sandboxtest.Request) { r.URL += "x" },
				"credentials two way": func(r *sandboxtest.Request) { bothWays(r) },
				"no credentials":      func(r *sandboxtest.Request) { noSecret(r) },
				"wrong secret":        func(r *sandboxtest.Request) { wrongSecret(r) },
			} {
				r := good
				r.Header = maps.Clone(good.Header)
				if name == "multipart" && d.Provider == "keliweb" {
					continue // the one that takes it
				}
				spoil(&r)
				if got := b.Send(r); got.Status < 400 {
					t.Errorf("%s: answered %d", name, got.Status)
				}
				if e := b.Last(); e.Refusal == "" {
					t.Errorf("%s: no reason in the journal", name)
				}
			}
			b.Want(200, "", good)
		})
	}
}

func bothWays(r *sandboxtest.Request) {
	if r.Basic == "" {
		r.Basic = "x:y"
		return
	}
	r.Form += "&client_secret=y"
}

func noSecret(r *sandboxtest.Request) {
	r.Basic = ""
	v, _ := url.ParseQuery(r.Form)
	v.Del("client_secret")
	r.Form = v.Encode()
}

func wrongSecret(r *sandboxtest.Request) {
	if r.Basic != "" {
		r.Basic += "x"
		return
	}
	v, _ := url.ParseQuery(r.Form)
	v.Set("client_secret", "wrong")
	r.Form = v.Encode()
}

func TestClientCredentials(t *testing.T) {
	b := sandboxtest.New(t)
	grant := sandboxtest.Form("grant_type", "client_credentials")
	for _, p := range []string{"pingone", "generic"} {
		r := b.Good(p, "")
		r.Form = grant
		if got := b.Want(200, "", r); got.Body["refresh_token"] != nil || !b.Live(p, got.Text("access_token")) {
			t.Errorf("%s: %v", p, got.Body)
		}
	}
	sf := sandboxtest.Form("grant_type", "client_credentials", "client_id", b.Env["SALESFORCE_CLIENT_ID"], "client_secret", b.Env["SALESFORCE_CLIENT_SECRET"])
	b.Want(200, "", sandboxtest.Request{URL: "https://" + b.Env["SALESFORCE_DOMAIN"] + "/services/oauth2/token", Form: sf})
	b.Want(400, "invalid_grant", sandboxtest.Request{URL: "https://login.salesforce.com/services/oauth2/token", Form: sf})
	none := sandboxtest.Form("grant_type", "client_credentials", "client_id", b.Env["PINGONE_NONE_CLIENT_ID"])
	b.Want(400, "unauthorized_client", sandboxtest.Request{URL: "https://" + b.Env["PINGONE_CUSTOM_DOMAIN"] + "/as/token", Form: none})
}
