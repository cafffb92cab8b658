package oauth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// deviceRequest is a request of PingOne's first application to an endpoint of the device flow.
func deviceRequest(b *sandboxtest.Bench, endpoint string, pairs ...string) sandboxtest.Request {
	r := b.Good("pingone", "")
	r.URL, r.Form = b.Env["PINGONE_ISSUER"]+endpoint, sandboxtest.Form(pairs...)
	return r
}

func poll(b *sandboxtest.Bench, begun sandboxtest.Result) sandboxtest.Request {
	return deviceRequest(b, "/token", "grant_type", oauth.GrantDevice, "device_code", begun.Text("device_code"))
}

// The whole of RFC 8628: a code that a person types as they like, a wait that grows when it is not kept, one answer.
func TestDeviceFlow(t *testing.T) {
	b := sandboxtest.New(t)
	begun := b.Want(200, "", deviceRequest(b, "/device_authorization", "scope", "openid offline_access"))
	if begun.Body["interval"] != 5.0 || begun.Body["expires_in"] != 600.0 || begun.Text("verification_uri_complete") == "" {
		t.Errorf("%v", begun.Body)
	}
	ask := poll(b, begun)
	b.Want(400, "authorization_pending", ask)
	b.Advance(4 * time.Second)
	b.Want(400, "slow_down", ask)
	b.Advance(6 * time.Second)
	b.Want(400, "slow_down", ask) // ten seconds now
	b.Advance(15 * time.Second)
	b.Want(400, "authorization_pending", ask) // fifteen
	typed := strings.ToLower(strings.ReplaceAll(begun.Text("user_code"), "-", ""))
	if end := b.Type(begun.Text("verification_uri"), typed, false); !end.Through() || !strings.Contains(end.Text, "go back to the device") {
		t.Errorf("%+v", end)
	}
	b.Advance(15 * time.Second)
	got := b.Want(200, "", ask)
	if got.Text("refresh_token") == "" || got.Text("id_token") == "" || got.Text("scope") != "openid offline_access" {
		t.Errorf("%v", got.Body)
	}
	b.Want(200, "", b.Good("pingone", got.Text("refresh_token")))
	b.Advance(15 * time.Second)
	b.Want(400, "invalid_grant", ask)
}

func TestDeviceFlowRefuses(t *testing.T) {
	b := sandboxtest.New(t)
	begin := deviceRequest(b, "/device_authorization", "scope", "openid")
	b.Want(400, "invalid_scope", deviceRequest(b, "/device_authorization"))
	b.Want(400, "invalid_scope", deviceRequest(b, "/device_authorization", "scope", "everything"))
	b.Want(400, "invalid_request", deviceRequest(b, "/device_authorization", "scope", "openid", "state", "x"))
	stranger := begin
	stranger.Basic = "nobody:x"
	b.Want(401, "invalid_client", stranger)
	get := begin
	get.Method = "GET"
	b.Want(405, "", get)

	begun := b.Want(200, "", begin)
	ask := poll(b, begun)
	b.Want(400, "invalid_request", deviceRequest(b, "/token", "grant_type", oauth.GrantDevice))
	b.Want(400, "invalid_grant", deviceRequest(b, "/token", "grant_type", oauth.GrantDevice, "device_code", "x"))
	other := ask
	other.Basic, other.Form = "", ask.Form+"&"+sandboxtest.Form("client_id", b.Env["PINGONE_NONE_CLIENT_ID"])
	b.Want(400, "invalid_grant", other)
	if end := b.Type(begun.Text("verification_uri"), "BBBB-BBBB", false); end.Through() || b.Last().Refusal == "" {
		t.Errorf("an unknown code: %+v", end)
	}
	browser := b.Browser("eve@example.test")
	if end, err := browser.Open(t.Context(), begun.Text("verification_uri_complete")); err != nil || end.Through() {
		t.Errorf("a stranger: %+v %v", end, err)
	}
	b.Want(400, "authorization_pending", ask)
	b.Type(begun.Text("verification_uri"), begun.Text("user_code"), true)
	if end := b.Type(begun.Text("verification_uri"), begun.Text("user_code"), false); end.Through() {
		t.Errorf("answered twice: %+v", end)
	}
	b.Advance(5 * time.Second)
	b.Want(400, "access_denied", ask)

	b.Order("/control", map[string]any{"provider": "pingone", "device_interval": 1}, nil)
	begun = b.Want(200, "", begin)
	if begun.Body["interval"] != 1.0 {
		t.Errorf("as ordered: %v", begun.Body)
	}
	b.Advance(10 * time.Minute)
	b.Want(400, "expired_token", poll(b, begun))
	if end := b.Type(begun.Text("verification_uri"), begun.Text("user_code"), false); end.Through() {
		t.Errorf("an expired code: %+v", end)
	}
}

// The page refuses what is not its form, and nobody else has a device flow.
func TestVerificationPage(t *testing.T) {
	b := sandboxtest.New(t)
	at := b.Env["PINGONE_VERIFICATION_URI"]
	for name, r := range map[string]sandboxtest.Request{
		"unknown parameter": {Method: "GET", URL: at + "?x=y"},
		"no decision":       {URL: at, Form: sandboxtest.Form("user_code", "x", "username", "alice@example.test")},
		"a query":           {URL: at + "?user_code=x", Form: sandboxtest.Form("decision", "allow")},
		"twice":             {URL: at, Form: "decision=allow&decision=deny"},
	} {
		if got := b.SendStill(r); got.Status != 400 || b.Last().Refusal == "" {
			t.Errorf("%s: %d", name, got.Status)
		}
	}
	r := b.Good("pandadoc", "")
	v, _ := url.ParseQuery(r.Form)
	v.Set("grant_type", oauth.GrantDevice)
	v.Del("refresh_token")
	r.Form = v.Encode()
	b.Want(400, "unsupported_grant_type", r)
}
