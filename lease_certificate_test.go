package oauthrefresh

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// boundToken is an answer whose access token, a JWT, is bound to the certificate with the fingerprint, or for ""
// to none.
func boundToken(t *testing.T, fingerprint string) clienttest.Answer {
	t.Helper()
	if fingerprint == "" {
		return tokenAnswer("opaque", "")
	}
	sum, err := hex.DecodeString(fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(fields{"cnf": fields{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum)}})
	if err != nil {
		t.Fatal(err)
	}
	return tokenAnswer("e30."+base64.RawURLEncoding.EncodeToString(claims)+".c2ln", "")
}

// wantCertificate reads creds/r as a refresh, storage and memory answer it, and wants the three to name the same
// certificate and to warn alike.
func (b *testBackend) wantCertificate(required, fingerprint any, warning string) {
	b.t.Helper()
	answers := map[string]*logical.Response{"first": b.read("creds/r"), "second": b.read("creds/r")}
	if n := b.gets(func() { answers["warm"] = b.read("creds/r") }); n != 0 {
		b.t.Errorf("a warm read looks into storage %d times", n)
	}
	for which, resp := range answers {
		if got := resp.Data["client_certificate_required"]; got != required {
			b.t.Errorf("%s: required is %v, want %v", which, got, required)
		}
		if got := resp.Data["client_certificate_fingerprint"]; got != fingerprint {
			b.t.Errorf("%s: the fingerprint is %v, want %v", which, got, fingerprint)
		}
		if got := strings.Join(resp.Warnings, "\n"); !strings.Contains(got, warning) || warning == "" && got != "" {
			b.t.Errorf("%s: warned of %q, want %q", which, got, warning)
		}
	}
}

// A reader learns from the answer which certificate the API will want to see with the token.
func TestCredsNameTheCertificate(t *testing.T) {
	const warning = "bound to another client certificate"
	c := acceptedCertificate(t)
	own, other := client.Fingerprint(c.certificate), strings.Repeat("0f", 32)
	certificate := fields{"client_certificate": c.certificate, "client_private_key": c.key}
	wanted := fields{"api_requires_certificate": true}
	for name, c := range map[string]struct {
		definition, role      fields
		bound                 string
		required, fingerprint any
		warning               string
	}{
		"not bound":                 {nil, certificate, "", nil, nil, ""},
		"the API wants it":          {wanted, certificate, "", true, own, ""},
		"and there is none":         {wanted, nil, "", true, nil, ""},
		"bound to the role's":       {nil, certificate, own, true, own, ""},
		"both":                      {wanted, certificate, own, true, own, ""},
		"without a lease":           {nil, with(certificate, fields{"lease": false}), own, true, own, ""},
		"bound to another":          {nil, certificate, other, true, other, warning},
		"the same, without a lease": {nil, with(certificate, fields{"lease": false}), other, true, other, warning},
		"bound to another, wanted":  {wanted, certificate, other, true, other, warning},
		"bound, and there is none":  {nil, nil, other, true, other, "the role has none to present"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b, c.definition)
			b.writeRole("r", c.role)
			server.Enqueue(boundToken(t, c.bound))
			b.wantCertificate(c.required, c.fingerprint, c.warning)
		})
	}
}

// The token at hand stays bound to the certificate that it was got with. Whoever writes another one is told how
// to get a token for that.
func TestATokenBoundToTheCertificateBefore(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	first, second := acceptedCertificate(t), acceptedCertificate(t)
	use := func(c *clientCertificate) string {
		b.write("roles/r", fields{"client_certificate": c.certificate, "client_private_key": c.key})
		return b.data("roles/r")["client_certificate_fingerprint"].(string)
	}
	b.writeRole("r")
	before := use(first)
	server.Enqueue(boundToken(t, before))
	b.wantCertificate(true, before, "")
	after := use(second)
	b.wantCertificate(true, before, "bound to another client certificate than the role has now")
	server.Enqueue(boundToken(t, after))
	b.write("refresh/r", nil)
	b.wantCertificate(true, after, "")
	server.Enqueue(boundToken(t, ""))
	b.write("refresh/r", nil)
	b.wantCertificate(nil, nil, "")
}

// What the engine says of certificates itself, no provider says under the same name.
func TestCertificateFieldsAreTheEngines(t *testing.T) {
	b := newTestBackend(t)
	for _, name := range []string{"client_certificate_required", "client_certificate_fingerprint"} {
		b.rejects(writeOp, "providers/test", fields{"token_endpoint": "https://example.com/", "extra_fields": "/a/" + name}, "extra_fields can't name "+name)
	}
}

// The certificate that has worked is the one to present, also while the role can't be told so.
func TestCredsNameTheCertificateThatWorked(t *testing.T) {
	b := newTestBackend(t)
	server := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
	newGrant(server)
	b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
	b.write("providers/test", fields{"token_endpoint": server.URL() + "/token", "api_requires_certificate": true})
	stranger, accepted := newClientCertificate(t, -time.Hour, time.Hour), acceptedCertificate(t)
	b.writeRole("r", fields{
		"client_certificate": stranger.certificate, "client_private_key": stranger.key, "identity_readable": true,
		"next_pfx": accepted.pfx, "next_pfx_password": certificatePassword,
	})
	b.storage.failPuts("role/r", errors.New("no"), func(int) bool { return true })
	for range 3 {
		if got, want := b.data("creds/r")["client_certificate_fingerprint"], b.data("identity/r")["fingerprint"]; got != want {
			t.Errorf("creds name %v, identity hands out %v", got, want)
		}
	}
}
