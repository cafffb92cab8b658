package main

import (
	"maps"
	"net/url"
	"strings"
	"testing"
)

// What every provider refuses, and that nothing is spent by it: the good request passes afterwards.
func TestRefusals(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.provider, func(t *testing.T) {
			b := newBench(t)
			good := b.good(d.provider, b.initial(d.provider))
			for name, spoil := range map[string]func(*request){
				"GET":                 func(r *request) { r.method = "GET" },
				"PUT":                 func(r *request) { r.method = "PUT" },
				"JSON":                func(r *request) { r.contentType = "application/json" },
				"text":                func(r *request) { r.contentType = "text/plain" },
				"multipart":           func(r *request) { r.asMultipart() },
				"parameter in URL":    func(r *request) { r.url += "?grant_type=refresh_token" },
				"parameter twice":     func(r *request) { r.form += "&grant_type=refresh_token" },
				"unknown parameter":   func(r *request) { r.form += "&client_secert=x" },
				"no grant_type":       func(r *request) { r.form = strings.Replace(r.form, "grant_type=refresh_token", "", 1) },
				"other grant_type":    func(r *request) { r.form = strings.Replace(r.form, "=refresh_token", "=password", 1) },
				"unknown token":       func(r *request) { *r = b.good(d.provider, "unknown") },
				"empty token":         func(r *request) { *r = b.good(d.provider, "") },
				"other path":          func(r *request) { r.url += "x" },
				"credentials two way": func(r *request) { bothWays(r) },
				"no credentials":      func(r *request) { noSecret(r) },
				"wrong secret":        func(r *request) { wrongSecret(r) },
			} {
				r := good
				r.header = maps.Clone(good.header)
				if name == "multipart" && d.provider == "keliweb" {
					continue // the one that takes it
				}
				spoil(&r)
				if got := b.send(r); got.status < 400 {
					t.Errorf("%s: answered %d", name, got.status)
				}
				if e := b.last(); e.Refusal == "" {
					t.Errorf("%s: no reason in the journal", name)
				}
			}
			b.want(200, "", good)
		})
	}
}

func bothWays(r *request) {
	if r.basic == "" {
		r.basic = "x:y"
		return
	}
	r.form += "&client_secret=y"
}

func noSecret(r *request) {
	r.basic = ""
	v, _ := url.ParseQuery(r.form)
	v.Del("client_secret")
	r.form = v.Encode()
}

func wrongSecret(r *request) {
	if r.basic != "" {
		r.basic += "x"
		return
	}
	v, _ := url.ParseQuery(r.form)
	v.Set("client_secret", "wrong")
	r.form = v.Encode()
}

func TestClientCredentials(t *testing.T) {
	b := newBench(t)
	grant := form("grant_type", "client_credentials")
	for _, p := range []string{"pingone", "generic"} {
		r := b.good(p, "")
		r.form = grant
		if got := b.want(200, "", r); got.body["refresh_token"] != nil || !b.live(p, got.text("access_token")) {
			t.Errorf("%s: %v", p, got.body)
		}
	}
	sf := form("grant_type", "client_credentials", "client_id", b.env["SALESFORCE_CLIENT_ID"], "client_secret", b.env["SALESFORCE_CLIENT_SECRET"])
	b.want(200, "", request{url: "https://" + b.env["SALESFORCE_DOMAIN"] + "/services/oauth2/token", form: sf})
	b.want(400, "invalid_grant", request{url: "https://login.salesforce.com/services/oauth2/token", form: sf})
	none := form("grant_type", "client_credentials", "client_id", b.env["PINGONE_NONE_CLIENT_ID"])
	b.want(400, "unauthorized_client", request{url: "https://" + b.env["PINGONE_CUSTOM_DOMAIN"] + "/as/token", form: none})
}
