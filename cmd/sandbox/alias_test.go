package main

import (
	"crypto/tls"
	"encoding/pem"
	"testing"
)

// At the mTLS alias nobody gets through the handshake but whose certificate is registered, and then only as
// the application that it is registered for.
func TestCertificatesAtTheAlias(t *testing.T) {
	b := newBench(t)
	at := b.env["GENERIC_MTLS_TOKEN_ENDPOINT"]
	refresh := func(prefix string) request {
		return request{url: at, form: form("grant_type", "refresh_token", "client_id", b.env[prefix+"_CLIENT_ID"], "refresh_token", b.env[prefix+"_REFRESH_TOKEN"])}
	}
	own := tls.Certificate{Certificate: [][]byte{b.s.keys.certificate.Raw}, PrivateKey: b.s.keys.key}
	selfSigned, stranger := b.newClient(own), b.newClient(identity(t, b.s.authority, "somebody else"))
	for name, c := range map[string]struct {
		ok  bool
		try func() (result, error)
	}{
		"none":                      {false, func() (result, error) { return b.do(b.bare, refresh("GENERIC_MTLS")) }},
		"another subject":           {false, func() (result, error) { return b.do(stranger, refresh("GENERIC_MTLS")) }},
		"of another application":    {false, func() (result, error) { return b.do(selfSigned, refresh("GENERIC_MTLS")) }},
		"of another application, 2": {false, func() (result, error) { return b.do(b.client, refresh("GENERIC_SELF_SIGNED")) }},
		"the authority's":           {true, func() (result, error) { return b.do(b.client, refresh("GENERIC_MTLS")) }},
		"self-signed":               {true, func() (result, error) { return b.do(selfSigned, refresh("GENERIC_SELF_SIGNED")) }},
	} {
		if got, err := c.try(); c.ok != (err == nil && got.status == 200) {
			t.Errorf("%s: %d %v %v\n%s", name, got.status, got.body, err, b.log)
		}
	}
	r := refresh("GENERIC_MTLS")
	r.form += "&client_secret=x"
	b.want(401, "invalid_client", r)

	// Another certificate is registered: the old one is no longer let in.
	registered := identity(t, b.s.authority, "somebody else")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: registered.Certificate[0]})
	b.order("/control", map[string]any{"provider": "generic", "client_id": "generic-mtls", "client_certificate": string(block)}, nil)
	var grant map[string]string
	b.order("/grant", map[string]string{"provider": "generic", "client_id": "generic-mtls"}, &grant)
	r = refresh("GENERIC_MTLS")
	r.form = form("grant_type", "refresh_token", "client_id", "generic-mtls", "refresh_token", grant["refresh_token"])
	b.client.CloseIdleConnections()
	if got, err := b.do(b.client, r); err == nil {
		t.Errorf("the old certificate gets %d", got.status)
	}
	if got, err := b.do(stranger, r); err != nil || got.status != 200 {
		t.Errorf("the new one: %v %v", got.body, err)
	}
}
