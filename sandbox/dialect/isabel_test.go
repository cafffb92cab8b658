package dialect_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox"
	"vault-plugin-secrets-oauthrefresh/sandbox/front"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// A real handshake through the CONNECT proxy: no certificate and one of another CA don't get in, and the
// journal says so.
func TestIsabelHandshake(t *testing.T) {
	b := sandboxtest.New(t)
	other, err := front.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	stranger := b.NewClient(sandboxtest.Identity(t, other, sandbox.ClientName))
	defer stranger.CloseIdleConnections()
	r := b.Good("isabel-connect", b.Initial("isabel-connect"))
	if got, err := b.Do(b.Bare, r); err == nil {
		t.Errorf("without a certificate: %d", got.Status)
	}
	// A client may know of a failed handshake before the server has written it down.
	b.Arrived(1)
	if e := b.Last(); e.Method != "TLS" || e.Provider != "isabel-connect" || e.Refusal == "" {
		t.Errorf("not in the journal: %+v", e)
	}
	if got, err := b.Do(stranger, r); err == nil {
		t.Errorf("with another CA's certificate: %d", got.Status)
	}
	b.Arrived(2)
	b.Want(200, "", r)
	if e := b.Last(); !strings.Contains(e.ClientCert, sandbox.ClientName) || e.Via != "proxy" {
		t.Errorf("%+v", e)
	}
}

// On 127.0.0.1 the port is everybody's, so the certificate is missed after the handshake.
func TestIsabelDirect(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.Good("isabel-connect", b.Initial("isabel-connect"))
	r.URL = b.Env["SANDBOX_URL"] + "/isabel-connect/oauth2/token"
	got, err := b.Do(b.Bare, r)
	if err != nil || got.Status != 401 || got.Body["errors"] == nil {
		t.Fatalf("%v %+v", err, got)
	}
	b.Want(200, "", r)
}

func TestIsabelShapes(t *testing.T) {
	b := sandboxtest.New(t)
	for name, spoil := range map[string]func(*sandboxtest.Request){
		"no Accept":     func(r *sandboxtest.Request) { r.Header = nil },
		"other Accept":  func(r *sandboxtest.Request) { r.Header = map[string]string{"Accept": "application/json"} },
		"key no UUID":   func(r *sandboxtest.Request) { r.Header["Ibanity-Idempotency-Key"] = "generation-7" },
		"other method":  func(r *sandboxtest.Request) { r.Method = "GET" },
		"other content": func(r *sandboxtest.Request) { r.ContentType = "application/json" },
	} {
		r := b.Good("isabel-connect", b.Initial("isabel-connect"))
		spoil(&r)
		got := b.Send(r)
		if got.Status < 400 || got.Body["errors"] == nil || got.Header.Get("Ibanity-Request-Id") == "" {
			t.Errorf("%s: want a JSON:API error with a request id: %d %v", name, got.Status, got.Body)
		}
	}
	bad := b.Want(400, "invalid_grant", b.Good("isabel-connect", "unknown"))
	if bad.Body["error_hint"] == nil || bad.Header.Get("Ibanity-Request-Id") == "" {
		t.Errorf("want an OAuth error with a hint and a request id: %v", bad.Body)
	}
	v2 := b.Want(200, "", b.Good("isabel-connect", b.Initial("isabel-connect")))
	if v2.Body["refresh_expires_in"] != 1800.0 || v2.Text("scope") != "AI PI offline_access" {
		t.Errorf("v2: %v", v2.Body)
	}
	v1 := b.Want(200, "", b.Good("isabel-connect-v1", b.Initial("isabel-connect-v1")))
	if v1.Body["refresh_expires_in"] != nil || v1.Text("scope") != "cloudconnect" {
		t.Errorf("v1: %v", v1.Body)
	}
}

// Basic as the SDKs send it: nothing encoded before base64; a client_id in the body beside it is fine.
func TestIsabelBasic(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.Good("isabel-connect", b.Env["ISABEL_RAW_REFRESH_TOKEN"])
	id, secret := b.Env["ISABEL_RAW_CLIENT_ID"], b.Env["ISABEL_RAW_CLIENT_SECRET"]
	r.Basic = id + ":" + url.QueryEscape(secret)
	b.Want(401, "invalid_client", r)
	r.Basic = id + ":" + secret
	r.Form += "&client_id=valid_client_id"
	b.Want(400, "invalid_request", r)
	r.Form = strings.Replace(r.Form, "valid_client_id", id, 1)
	b.Want(200, "", r)
}

// One key, one execution: the resent request gets the first answer, another request under the same key
// none, and after half an hour the key means nothing.
func TestIsabelIdempotency(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.Good("isabel-connect", b.Initial("isabel-connect"))
	r.Header["Ibanity-Idempotency-Key"] = "94c5586e-e15e-4bae-a1fe-fdbefe1f11d3"
	b.Order("/control", map[string]any{"provider": "isabel-connect", "drop": 1}, nil)
	if got, err := b.Do(b.Client, r); err == nil {
		t.Fatalf("the answer was to be lost: %d", got.Status)
	}
	again := b.Want(200, "", r)
	if e := b.Last(); !e.Resent {
		t.Errorf("%+v", e)
	}
	if b.Want(200, "", r).Text("access_token") != again.Text("access_token") {
		t.Error("a resent request was executed again")
	}
	changed := b.Good("isabel-connect", again.Text("refresh_token"))
	changed.Header = r.Header
	if got := b.Send(changed); got.Status != 409 || got.Body["errors"] == nil {
		t.Errorf("another body under the same key: %d %v", got.Status, got.Body)
	}
	b.Advance(30 * time.Minute)
	b.Want(400, "invalid_grant", r)
	if s := b.Stats("isabel-connect"); s.Resends != 2 || s.Generation != 1 || s.Replays != 1 {
		t.Errorf("%+v", s)
	}
}
