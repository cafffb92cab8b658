package main

import (
	"strings"
	"testing"
)

// The metadata are where RFC 8414 has them, name the issuer and endpoints that exist, and want nothing.
func TestMetadata(t *testing.T) {
	b := newBench(t)
	issuer := b.env["GENERIC_ISSUER"]
	good := request{method: "GET", url: strings.TrimSuffix(issuer, "/generic") + metadataPath + "/generic"}
	doc := b.want(200, "", good)
	for field, want := range map[string]string{
		"issuer": issuer, "token_endpoint": b.env["GENERIC_TOKEN_ENDPOINT"],
		"revocation_endpoint": b.env["GENERIC_REVOCATION_ENDPOINT"], "introspection_endpoint": b.env["GENERIC_INTROSPECTION_ENDPOINT"],
	} {
		if got := doc.text(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	for name, spoil := range map[string]func(*request){
		"POST":           func(r *request) { r.method = "POST" },
		"a query":        func(r *request) { r.url += "?a=b" },
		"a body":         func(r *request) { r.form = "a=b" },
		"credentials":    func(r *request) { r.basic = "a:b" },
		"another server": func(r *request) { r.url = strings.Replace(r.url, "/generic", "/keliweb", 1) },
		"no server":      func(r *request) { r.url = strings.TrimSuffix(r.url, "/generic") },
	} {
		r := good
		spoil(&r)
		if got := b.send(r); got.status < 400 || b.last().Refusal == "" {
			t.Errorf("%s: answered %d", name, got.status)
		}
	}
}
