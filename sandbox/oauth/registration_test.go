package oauth_test

import (
	"net/url"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// What POST /control registers is what counts from then on, and a reset takes it back.
func TestRegistration(t *testing.T) {
	b := sandboxtest.New(t)
	refresh := func(secret string) sandboxtest.Request {
		r := b.Good("generic", b.Initial("generic"))
		r.Basic = url.QueryEscape(b.Env["GENERIC_CLIENT_ID"]) + ":" + url.QueryEscape(secret)
		return r
	}
	b.Order("/control", map[string]any{"provider": "generic", "client_id": b.Env["GENERIC_CLIENT_ID"], "client_secret": "new secret"}, nil)
	b.Want(401, "invalid_client", refresh(b.Env["GENERIC_CLIENT_SECRET"]))
	b.Want(200, "", refresh("new secret"))
	b.Order("/reset", map[string]any{}, nil)
	b.Want(200, "", refresh(b.Env["GENERIC_CLIENT_SECRET"]))
	for _, body := range []map[string]any{
		{"provider": "generic", "client_secret": "whose?"},
		{"provider": "generic", "client_id": "generic-jwt", "public_key": "no PEM"},
		{"provider": "generic", "client_id": "generic-mtls", "client_certificate": "no PEM"},
	} {
		if status := b.Order("/control", body, nil); status != 400 {
			t.Errorf("%v: %d", body, status)
		}
	}
	if status := b.Order("/control", map[string]any{"provider": "generic", "client_id": "nobody", "client_secret": "x"}, nil); status != 404 {
		t.Errorf("unknown client: %d", status)
	}
}
