package oauth_test

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

func TestCertificateAsCredential(t *testing.T) {
	b := sandboxtest.New(t)
	r := sandboxtest.Request{URL: b.Env["GENERIC_TOKEN_ENDPOINT"], Form: sandboxtest.Form("grant_type", "refresh_token",
		"client_id", b.Env["GENERIC_MTLS_CLIENT_ID"], "refresh_token", b.Env["GENERIC_MTLS_REFRESH_TOKEN"])}
	got, err := b.Do(b.Bare, r)
	if err != nil || got.Status != 401 {
		t.Errorf("without a certificate: %v %d", err, got.Status)
	}
	another := b.NewClient(sandboxtest.Identity(t, b.Sandbox.Authority, "another-application"))
	defer another.CloseIdleConnections()
	got, err = b.Do(another, r)
	if err != nil || got.Status != 401 {
		t.Errorf("with another application's certificate: %v %d", err, got.Status)
	}
	b.Want(200, "", r)
}
