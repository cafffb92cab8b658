package main

import "testing"

func TestCertificateAsCredential(t *testing.T) {
	b := newBench(t)
	r := request{url: b.env["GENERIC_TOKEN_ENDPOINT"], form: form("grant_type", "refresh_token",
		"client_id", b.env["GENERIC_MTLS_CLIENT_ID"], "refresh_token", b.env["GENERIC_MTLS_REFRESH_TOKEN"])}
	got, err := b.do(b.bare, r)
	if err != nil || got.status != 401 {
		t.Errorf("without a certificate: %v %d", err, got.status)
	}
	another := b.newClient(identity(t, b.s.authority, "another-application"))
	defer another.CloseIdleConnections()
	got, err = b.do(another, r)
	if err != nil || got.status != 401 {
		t.Errorf("with another application's certificate: %v %d", err, got.status)
	}
	b.want(200, "", r)
}
