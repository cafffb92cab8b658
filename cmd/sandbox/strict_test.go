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
				"multipart":           func(r *request) { asMultipart(r) },
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

func TestKeliweb(t *testing.T) {
	b := newBench(t)
	r := b.good("keliweb", b.initial("keliweb"))
	r.header = nil
	b.want(400, "invalid_request", r)

	r = b.good("keliweb", b.initial("keliweb"))
	asMultipart(&r)
	got := b.want(200, "", r)
	replay := b.want(401, "invalid_request", r)
	if replay.text("hint") != "Token has been revoked" || replay.text("message") != "The refresh token is invalid." {
		t.Errorf("not in Passport's words: %v", replay.body)
	}
	b.want(200, "", b.good("keliweb", got.text("refresh_token")))
}

// asMultipart sends the same parameters as multipart/form-data.
func asMultipart(r *request) {
	v, _ := url.ParseQuery(r.form)
	var body strings.Builder
	for name := range v {
		body.WriteString("--xx\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + v.Get(name) + "\r\n")
	}
	r.form, r.contentType = body.String()+"--xx--\r\n", "multipart/form-data; boundary=xx"
}

// The scope as the document spells it, encoded once; and as a form that was not encoded turns it.
func TestPandaDocScope(t *testing.T) {
	for raw, ok := range map[string]bool{
		"read%2Bwrite": true, "read+write": true, "read%20write": true,
		"read%252Bwrite": false, "read%2520write": false, "": false, "read": false, "read%2Cwrite": false,
	} {
		b := newBench(t)
		good := b.good("pandadoc", b.initial("pandadoc"))
		r := good
		r.form = strings.Replace(good.form, "scope=read%2Bwrite", "scope="+raw, 1)
		if ok {
			b.want(200, "", r)
			continue
		}
		b.want(400, "invalid_scope", r)
		r.form = strings.Replace(good.form, "scope=read%2Bwrite", "", 1)
		b.want(400, "invalid_scope", r)
	}
}

// One application per authentication method, each refused under another's.
func TestPingOneMethods(t *testing.T) {
	b := newBench(t)
	at := "https://" + pingoneCustomDomain + "/as/token"
	grant := func(prefix string, more ...string) string {
		return form(append([]string{"grant_type", "refresh_token", "refresh_token", b.env[prefix+"_REFRESH_TOKEN"]}, more...)...)
	}
	id, secret := b.env["PINGONE_CLIENT_ID"], b.env["PINGONE_CLIENT_SECRET"]
	b.want(401, "invalid_client", request{url: at, form: grant("PINGONE"), basic: id + ":" + secret}) // not form-encoded first
	b.want(401, "invalid_client", request{url: at, form: grant("PINGONE", "client_id", id, "client_secret", secret)})
	b.want(400, "invalid_request", request{url: at, form: grant("PINGONE", "client_id", id), basic: id + ":" + url.QueryEscape(secret)})
	b.want(200, "", request{url: at, form: grant("PINGONE"), basic: id + ":" + url.QueryEscape(secret)})

	id, secret = b.env["PINGONE_POST_CLIENT_ID"], b.env["PINGONE_POST_CLIENT_SECRET"]
	b.want(401, "invalid_client", request{url: at, form: grant("PINGONE_POST"), basic: id + ":" + url.QueryEscape(secret)})
	b.want(200, "", request{url: at, form: grant("PINGONE_POST", "client_id", id, "client_secret", secret)})

	id = b.env["PINGONE_NONE_CLIENT_ID"]
	b.want(401, "invalid_client", request{url: at, form: grant("PINGONE_NONE", "client_id", id, "client_secret", "x")})
	b.want(200, "", request{url: at, form: grant("PINGONE_NONE", "client_id", id)})

	// Another application's refresh token is none.
	b.order("/reset", map[string]any{}, nil)
	b.want(400, "invalid_grant", request{url: at, form: grant("PINGONE", "client_id", id)})
	b.want(200, "", b.good("pingone", b.initial("pingone")))

	b.want(404, "", request{url: "https://auth.pingone.com/11111111-1111-4111-8111-111111111111/as/token", form: grant("PINGONE")})
	b.want(404, "", request{url: "https://auth.pingone.com/as/token", form: grant("PINGONE")})
}

func TestPingOneGrace(t *testing.T) {
	b := newBench(t)
	b.order("/control", map[string]any{"provider": "pingone", "reuse_grace": 60}, nil)
	r := b.good("pingone", b.initial("pingone"))
	b.want(200, "", r)
	b.want(200, "", r)
	b.advance(60e9)
	b.want(400, "invalid_grant", r)
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
	b.want(400, "unauthorized_client", request{url: "https://" + pingoneCustomDomain + "/as/token", form: none})
}
