package dialect_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// The scope as the document spells it, encoded once; and as a form that was not encoded turns it.
func TestPandaDocScope(t *testing.T) {
	for raw, ok := range map[string]bool{
		"read%2Bwrite": true, "read+write": true, "read%20write": true,
		"read%252Bwrite": false, "read%2520write": false, "": false, "read": false, "read%2Cwrite": false,
	} {
		b := sandboxtest.New(t)
		good := b.Good("pandadoc", b.Initial("pandadoc"))
		r := good
		r.Form = strings.Replace(good.Form, "scope=read%2Bwrite", "scope="+raw, 1)
		if ok {
			b.Want(200, "", r)
			continue
		}
		b.Want(400, "invalid_scope", r)
		r.Form = strings.Replace(good.Form, "scope=read%2Bwrite", "", 1)
		b.Want(400, "invalid_scope", r)
	}
}

// People are asked on a host of its own, tokens are given on the other; a year of them, and a refresh token each time.
func TestPandaDocConsent(t *testing.T) {
	b := sandboxtest.New(t)
	back := b.Agree(b.Ask("pandadoc"))
	for name, r := range map[string]sandboxtest.Request{
		"asked at the API":      {Method: "GET", URL: strings.Replace(b.Ask("pandadoc"), "app.", "api.", 1)},
		"tokens where it asks":  {URL: "https://app.pandadoc.com/oauth2/access_token"},
		"another address there": {Method: "GET", URL: "https://app.pandadoc.com/"},
	} {
		if got := b.SendStill(r); got.Status != 404 {
			t.Errorf("%s: %d", name, got.Status)
		}
	}
	got := b.Want(200, "", b.CodeRequest("pandadoc", back.Get("code"), "scope", "read+write"))
	if got.Body["expires_in"] != 31535999.0 || got.Text("refresh_token") == "" || got.Text("scope") != "read write" {
		t.Errorf("%v", got.Body)
	}
	for _, scope := range []string{"read+write", ""} { // as on a refresh, where the plus is no space; and none
		if back := b.Agree(b.Ask("pandadoc", "scope", scope)); back.Get("error") != "invalid_scope" {
			t.Errorf("%q: %v", scope, back)
		}
	}
	b.Want(400, "invalid_scope", b.CodeRequest("pandadoc", b.Agree(b.Ask("pandadoc")).Get("code"), "scope", "everything"))
	if back := b.Visit("alice@example.test", b.Ask("pandadoc", "response_mode", "form_post")); !back.Opened || back.Status != 400 {
		t.Errorf("form_post: %+v", back)
	}
}
