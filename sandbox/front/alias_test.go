package front_test

import (
	"crypto/tls"
	"encoding/pem"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// At the mTLS alias nobody gets through the handshake but whose certificate is registered, and then only as
// the application that it is registered for.
func TestCertificatesAtTheAlias(t *testing.T) {
	b := sandboxtest.New(t)
	at := b.Env["GENERIC_MTLS_TOKEN_ENDPOINT"]
	refresh := func(prefix string) sandboxtest.Request {
		return sandboxtest.Request{URL: at, Form: sandboxtest.Form("grant_type", "refresh_token", "client_id", b.Env[prefix+"_CLIENT_ID"], "refresh_token", b.Env[prefix+"_REFRESH_TOKEN"])}
	}
	own := tls.Certificate{Certificate: [][]byte{b.Sandbox.Keys.Certificate.Raw}, PrivateKey: b.Sandbox.Keys.Key}
	selfSigned, stranger := b.NewClient(own), b.NewClient(sandboxtest.Identity(t, b.Sandbox.Authority, "somebody else"))
	for name, c := range map[string]struct {
		ok  bool
		try func() (sandboxtest.Result, error)
	}{
		"none":                      {false, func() (sandboxtest.Result, error) { return b.Do(b.Bare, refresh("GENERIC_MTLS")) }},
		"another subject":           {false, func() (sandboxtest.Result, error) { return b.Do(stranger, refresh("GENERIC_MTLS")) }},
		"of another application":    {false, func() (sandboxtest.Result, error) { return b.Do(selfSigned, refresh("GENERIC_MTLS")) }},
		"of another application, 2": {false, func() (sandboxtest.Result, error) { return b.Do(b.Client, refresh("GENERIC_SELF_SIGNED")) }},
		"the authority's":           {true, func() (sandboxtest.Result, error) { return b.Do(b.Client, refresh("GENERIC_MTLS")) }},
		"self-signed":               {true, func() (sandboxtest.Result, error) { return b.Do(selfSigned, refresh("GENERIC_SELF_SIGNED")) }},
	} {
		if got, err := c.try(); c.ok != (err == nil && got.Status == 200) {
			t.Errorf("%s: %d %v %v\n%s", name, got.Status, got.Body, err, b.Log)
		}
	}
	r := refresh("GENERIC_MTLS")
	r.Form += "&client_secret=x"
	b.Want(401, "invalid_client", r)

	// Another certificate is registered: the old one is no longer let in.
	registered := sandboxtest.Identity(t, b.Sandbox.Authority, "somebody else")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: registered.Certificate[0]})
	b.Order("/control", map[string]any{"provider": "generic", "client_id": "generic-mtls", "client_certificate": string(block)}, nil)
	var grant map[string]string
	b.Order("/grant", map[string]string{"provider": "generic", "client_id": "generic-mtls"}, &grant)
	r = refresh("GENERIC_MTLS")
	r.Form = sandboxtest.Form("grant_type", "refresh_token", "client_id", "generic-mtls", "refresh_token", grant["refresh_token"])
	b.Client.CloseIdleConnections()
	if got, err := b.Do(b.Client, r); err == nil {
		t.Errorf("the old certificate gets %d", got.Status)
	}
	if got, err := b.Do(stranger, r); err != nil || got.Status != 200 {
		t.Errorf("the new one: %v %v", got.Body, err)
	}
}
