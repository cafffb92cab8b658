package main

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// A real handshake through the CONNECT proxy: no certificate and one of another CA don't get in, and the
// journal says so.
func TestIsabelHandshake(t *testing.T) {
	b := newBench(t)
	other, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	stranger := b.newClient(identity(t, other, clientName))
	defer stranger.CloseIdleConnections()
	r := b.good("isabel-connect", b.initial("isabel-connect"))
	if got, err := b.do(b.bare, r); err == nil {
		t.Errorf("without a certificate: %d", got.status)
	}
	// A client may know of a failed handshake before the server has written it down.
	b.arrived(1)
	if e := b.last(); e.Method != "TLS" || e.Provider != "isabel-connect" || e.Refusal == "" {
		t.Errorf("not in the journal: %+v", e)
	}
	if got, err := b.do(stranger, r); err == nil {
		t.Errorf("with another CA's certificate: %d", got.status)
	}
	b.arrived(2)
	b.want(200, "", r)
	if e := b.last(); !strings.Contains(e.ClientCert, clientName) || e.Via != "proxy" {
		t.Errorf("%+v", e)
	}
}

// On 127.0.0.1 the port is everybody's, so the certificate is missed after the handshake.
func TestIsabelDirect(t *testing.T) {
	b := newBench(t)
	r := b.good("isabel-connect", b.initial("isabel-connect"))
	r.url = b.env["SANDBOX_URL"] + "/isabel-connect/oauth2/token"
	got, err := b.do(b.bare, r)
	if err != nil || got.status != 401 || got.body["errors"] == nil {
		t.Fatalf("%v %+v", err, got)
	}
	b.want(200, "", r)
}

func TestIsabelShapes(t *testing.T) {
	b := newBench(t)
	for name, spoil := range map[string]func(*request){
		"no Accept":     func(r *request) { r.header = nil },
		"other Accept":  func(r *request) { r.header = map[string]string{"Accept": "application/json"} },
		"key no UUID":   func(r *request) { r.header["Ibanity-Idempotency-Key"] = "generation-7" },
		"other method":  func(r *request) { r.method = "GET" },
		"other content": func(r *request) { r.contentType = "application/json" },
	} {
		r := b.good("isabel-connect", b.initial("isabel-connect"))
		spoil(&r)
		got := b.send(r)
		if got.status < 400 || got.body["errors"] == nil || got.header.Get("Ibanity-Request-Id") == "" {
			t.Errorf("%s: want a JSON:API error with a request id: %d %v", name, got.status, got.body)
		}
	}
	bad := b.want(400, "invalid_grant", b.good("isabel-connect", "unknown"))
	if bad.body["error_hint"] == nil || bad.header.Get("Ibanity-Request-Id") == "" {
		t.Errorf("want an OAuth error with a hint and a request id: %v", bad.body)
	}
	v2 := b.want(200, "", b.good("isabel-connect", b.initial("isabel-connect")))
	if v2.body["refresh_expires_in"] != 1800.0 || v2.text("scope") != "AI PI offline_access" {
		t.Errorf("v2: %v", v2.body)
	}
	v1 := b.want(200, "", b.good("isabel-connect-v1", b.initial("isabel-connect-v1")))
	if v1.body["refresh_expires_in"] != nil || v1.text("scope") != "cloudconnect" {
		t.Errorf("v1: %v", v1.body)
	}
}

// Basic as the SDKs send it: nothing encoded before base64; a client_id in the body beside it is fine.
func TestIsabelBasic(t *testing.T) {
	b := newBench(t)
	r := b.good("isabel-connect", b.env["ISABEL_RAW_REFRESH_TOKEN"])
	id, secret := b.env["ISABEL_RAW_CLIENT_ID"], b.env["ISABEL_RAW_CLIENT_SECRET"]
	r.basic = id + ":" + url.QueryEscape(secret)
	b.want(401, "invalid_client", r)
	r.basic = id + ":" + secret
	r.form += "&client_id=valid_client_id"
	b.want(400, "invalid_request", r)
	r.form = strings.Replace(r.form, "valid_client_id", id, 1)
	b.want(200, "", r)
}

// One key, one execution: the resent request gets the first answer, another request under the same key
// none, and after half an hour the key means nothing.
func TestIsabelIdempotency(t *testing.T) {
	b := newBench(t)
	r := b.good("isabel-connect", b.initial("isabel-connect"))
	r.header["Ibanity-Idempotency-Key"] = "94c5586e-e15e-4bae-a1fe-fdbefe1f11d3"
	b.order("/control", map[string]any{"provider": "isabel-connect", "drop": 1}, nil)
	if got, err := b.do(b.client, r); err == nil {
		t.Fatalf("the answer was to be lost: %d", got.status)
	}
	again := b.want(200, "", r)
	if e := b.last(); !e.Resent {
		t.Errorf("%+v", e)
	}
	if b.want(200, "", r).text("access_token") != again.text("access_token") {
		t.Error("a resent request was executed again")
	}
	changed := b.good("isabel-connect", again.text("refresh_token"))
	changed.header = r.header
	if got := b.send(changed); got.status != 409 || got.body["errors"] == nil {
		t.Errorf("another body under the same key: %d %v", got.status, got.body)
	}
	b.advance(30 * time.Minute)
	b.want(400, "invalid_grant", r)
	if s := b.stats("isabel-connect"); s.Resends != 2 || s.Generation != 1 || s.Replays != 1 {
		t.Errorf("%+v", s)
	}
}
