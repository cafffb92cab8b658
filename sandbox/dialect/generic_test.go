package dialect_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// The metadata are where RFC 8414 has them, name the issuer and endpoints that exist, and want nothing.
func TestMetadata(t *testing.T) {
	b := sandboxtest.New(t)
	issuer := b.Env["GENERIC_ISSUER"]
	good := sandboxtest.Request{Method: "GET", URL: strings.TrimSuffix(issuer, "/generic") + oauth.MetadataPath + "/generic"}
	doc := b.Want(200, "", good)
	for field, want := range map[string]string{
		"issuer": issuer, "token_endpoint": b.Env["GENERIC_TOKEN_ENDPOINT"],
		"revocation_endpoint": b.Env["GENERIC_REVOCATION_ENDPOINT"], "introspection_endpoint": b.Env["GENERIC_INTROSPECTION_ENDPOINT"],
	} {
		if got := doc.Text(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	for name, spoil := range map[string]func(*sandboxtest.Request){
		"POST":           func(r *sandboxtest.Request) { r.Method = "POST" },
		"a query":        func(r *sandboxtest.Request) { r.URL += "?a=b" },
		"a body":         func(r *sandboxtest.Request) { r.Form = "a=b" },
		"credentials":    func(r *sandboxtest.Request) { r.Basic = "a:b" },
		"another server": func(r *sandboxtest.Request) { r.URL = strings.Replace(r.URL, "/generic", "/keliweb", 1) },
		"no server":      func(r *sandboxtest.Request) { r.URL = strings.TrimSuffix(r.URL, "/generic") },
	} {
		r := good
		spoil(&r)
		if got := b.Send(r); got.Status < 400 || b.Last().Refusal == "" {
			t.Errorf("%s: answered %d", name, got.Status)
		}
	}
}
