package watch_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// Of a consent the journal shows who agreed, at which endpoint, for which client; no code, state, verifier or user code.
func TestJournalOfAConsent(t *testing.T) {
	b := sandboxtest.New(t)
	address := b.Ask("pingone", "state", "secret-state", "nonce", "secret-nonce")
	back := b.Agree(address)
	b.Want(200, "", b.CodeRequest("pingone", back.Get("code")))
	b.Want(400, "", b.CodeRequest("pingone", back.Get("code"), "cod", back.Get("code")))
	push := b.Good("pingone", "")
	_, push.Form, _ = strings.Cut(address, "?")
	push.URL = b.Env["PINGONE_ISSUER"] + "/par"
	pushed := b.Want(201, "", push)
	b.Visit("bob@example.test", b.Env["PINGONE_ISSUER"]+"/authorize?"+sandboxtest.Form("client_id", b.Env["PINGONE_CLIENT_ID"], "request_uri", pushed.Text("request_uri")))
	device := push
	device.URL, device.Form = b.Env["PINGONE_ISSUER"]+"/device_authorization", sandboxtest.Form("scope", "openid")
	begun := b.Want(200, "", device)
	b.Type(begun.Text("verification_uri"), begun.Text("user_code"), false)
	device.URL, device.Form = b.Env["PINGONE_ISSUER"]+"/token", sandboxtest.Form("grant_type", oauth.GrantDevice, "device_code", begun.Text("device_code"))
	b.Want(200, "", device)

	resp, err := http.Get(b.Env["SANDBOX_API"] + "/requests")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	journal, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(journal), b.Log.String()} {
		for _, secret := range []string{
			back.Get("code"), "secret-state", "secret-nonce", sandboxtest.Verifier, sandboxtest.Challenge(),
			pushed.Text("request_uri"), begun.Text("user_code"), begun.Text("device_code"),
		} {
			if strings.Contains(text, secret) {
				t.Errorf("%s can be read", secret)
			}
		}
	}
	endpoints := []string{oauth.EndpointAuthorize, oauth.EndpointPushed, oauth.EndpointDevice, oauth.EndpointVerify, oauth.EndpointToken}
	for _, endpoint := range endpoints {
		if !strings.Contains(string(journal), `"endpoint":"`+endpoint+`"`) {
			t.Errorf("nothing of %s", endpoint)
		}
	}
	for _, shown := range []string{`"username":"bob@example.test"`, `"decision":"allow"`, `"client_id":"` + b.Env["PINGONE_CLIENT_ID"] + `"`} {
		if !strings.Contains(string(journal), shown) {
			t.Errorf("%s is not shown", shown)
		}
	}
	if s := b.Stats("pingone"); !slices.ContainsFunc(s.Grants, func(g oauth.GrantState) bool { return g.User == "alice@example.test" }) {
		t.Errorf("%+v", s.Grants)
	}
}
