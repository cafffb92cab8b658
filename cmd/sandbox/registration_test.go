package main

import (
	"net/url"
	"testing"
)

// What POST /control registers is what counts from then on, and a reset takes it back.
func TestRegistration(t *testing.T) {
	b := newBench(t)
	refresh := func(secret string) request {
		r := b.good("generic", b.initial("generic"))
		r.basic = url.QueryEscape(b.env["GENERIC_CLIENT_ID"]) + ":" + url.QueryEscape(secret)
		return r
	}
	b.order("/control", map[string]any{"provider": "generic", "client_id": b.env["GENERIC_CLIENT_ID"], "client_secret": "new secret"}, nil)
	b.want(401, "invalid_client", refresh(b.env["GENERIC_CLIENT_SECRET"]))
	b.want(200, "", refresh("new secret"))
	b.order("/reset", map[string]any{}, nil)
	b.want(200, "", refresh(b.env["GENERIC_CLIENT_SECRET"]))
	for _, body := range []map[string]any{
		{"provider": "generic", "client_secret": "whose?"},
		{"provider": "generic", "client_id": "generic-jwt", "public_key": "no PEM"},
		{"provider": "generic", "client_id": "generic-mtls", "client_certificate": "no PEM"},
	} {
		if status := b.order("/control", body, nil); status != 400 {
			t.Errorf("%v: %d", body, status)
		}
	}
	if status := b.order("/control", map[string]any{"provider": "generic", "client_id": "nobody", "client_secret": "x"}, nil); status != 404 {
		t.Errorf("unknown client: %d", status)
	}
}
