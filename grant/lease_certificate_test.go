package grant_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// boundToken is an answer whose access token, a JWT, is bound to the certificate with the fingerprint, or for ""
// to none.
func boundToken(t *testing.T, fingerprint string) clienttest.Answer {
	t.Helper()
	if fingerprint == "" {
		return enginetest.TokenAnswer("opaque", "")
	}
	sum, err := hex.DecodeString(fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(enginetest.Fields{"cnf": enginetest.Fields{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum)}})
	if err != nil {
		t.Fatal(err)
	}
	return enginetest.TokenAnswer("e30."+base64.RawURLEncoding.EncodeToString(claims)+".c2ln", "")
}

// A reader learns from the answer which certificate the API will want to see with the token.
func TestCredsNameTheCertificate(t *testing.T) {
	const warning = "bound to another client certificate"
	c := enginetest.AcceptedCertificate(t)
	own, other := client.Fingerprint(c.Certificate), strings.Repeat("0f", 32)
	certificate := enginetest.Fields{"client_certificate": c.Certificate, "client_private_key": c.Key}
	wanted := enginetest.Fields{"api_requires_certificate": true}
	for name, c := range map[string]struct {
		definition, role      enginetest.Fields
		bound                 string
		required, fingerprint any
		warning               string
	}{
		"not bound":                 {nil, certificate, "", nil, nil, ""},
		"the API wants it":          {wanted, certificate, "", true, own, ""},
		"and there is none":         {wanted, nil, "", true, nil, ""},
		"bound to the role's":       {nil, certificate, own, true, own, ""},
		"both":                      {wanted, certificate, own, true, own, ""},
		"without a lease":           {nil, enginetest.With(certificate, enginetest.Fields{"lease": false}), own, true, own, ""},
		"bound to another":          {nil, certificate, other, true, other, warning},
		"the same, without a lease": {nil, enginetest.With(certificate, enginetest.Fields{"lease": false}), other, true, other, warning},
		"bound to another, wanted":  {wanted, certificate, other, true, other, warning},
		"bound, and there is none":  {nil, nil, other, true, other, "the role has none to present"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b, c.definition)
			b.WriteRole("r", c.role)
			server.Enqueue(boundToken(t, c.bound))
			b.WantCertificate(c.required, c.fingerprint, c.warning)
		})
	}
}

// The token at hand stays bound to the certificate that it was got with. Whoever writes another one is told how
// to get a token for that.
func TestATokenBoundToTheCertificateBefore(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	first, second := enginetest.AcceptedCertificate(t), enginetest.AcceptedCertificate(t)
	use := func(c *enginetest.ClientCertificate) string {
		b.Write("roles/r", enginetest.Fields{"client_certificate": c.Certificate, "client_private_key": c.Key})
		return b.Data("roles/r")["client_certificate_fingerprint"].(string)
	}
	b.WriteRole("r")
	before := use(first)
	server.Enqueue(boundToken(t, before))
	b.WantCertificate(true, before, "")
	after := use(second)
	b.WantCertificate(true, before, "bound to another client certificate than the role has now")
	server.Enqueue(boundToken(t, after))
	b.Write("refresh/r", nil)
	b.WantCertificate(true, after, "")
	server.Enqueue(boundToken(t, ""))
	b.Write("refresh/r", nil)
	b.WantCertificate(nil, nil, "")
}

// What the engine says of certificates itself, no provider says under the same name.
func TestCertificateFieldsAreTheEngines(t *testing.T) {
	b := enginetest.New(t)
	for _, name := range []string{"client_certificate_required", "client_certificate_fingerprint"} {
		b.Rejects(enginetest.WriteOp, "providers/test", enginetest.Fields{"token_endpoint": "https://example.com/", "extra_fields": "/a/" + name}, "extra_fields can't name "+name)
	}
}

// The certificate that has worked is the one to present, also while the role can't be told so.
func TestCredsNameTheCertificateThatWorked(t *testing.T) {
	b := enginetest.New(t)
	server := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
	enginetest.NewGrant(server)
	b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
	b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token", "api_requires_certificate": true})
	stranger, accepted := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.AcceptedCertificate(t)
	b.WriteRole("r", enginetest.Fields{
		"client_certificate": stranger.Certificate, "client_private_key": stranger.Key, "identity_readable": true,
		"next_pfx": accepted.Pfx, "next_pfx_password": enginetest.CertificatePassword,
	})
	b.Storage.FailPuts("role/r", errors.New("no"), func(int) bool { return true })
	for range 3 {
		if got, want := b.Data("creds/r")["client_certificate_fingerprint"], b.Data("identity/r")["fingerprint"]; got != want {
			t.Errorf("creds name %v, identity hands out %v", got, want)
		}
	}
}
