package oauthrefresh

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/role"
)

// What is wrong soon is said where an operator looks, and stops nothing.
func TestCertificateWarnings(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		left  time.Duration
		usage x509.ExtKeyUsage
		want  string // "" for no warning
	}{
		"31 days left":      {31 * day, x509.ExtKeyUsageClientAuth, ""},
		"29 days left":      {29 * day, x509.ExtKeyUsageClientAuth, "the client certificate expires on"},
		"an hour left":      {time.Hour, x509.ExtKeyUsageClientAuth, "the client certificate expires on"},
		"the wrong purpose": {365 * day, x509.ExtKeyUsageServerAuth, "lacks clientAuth"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			newEndpoint(t, b)
			made := newClientCertificate(t, -time.Hour, c.left, c.usage)
			written := b.write("roles/r", roleOf("test", fields{"client_certificate": made.certificate, "client_private_key": made.key}))
			edited := b.write("roles/r", fields{"scope": "read"})
			for where, warnings := range map[string][]string{
				"the write": warningsOf(written), "another write": warningsOf(edited),
				"the read": b.read("roles/r").Warnings, "the status": b.read("status/r").Warnings,
			} {
				if got := strings.Join(warnings, "\n"); c.want == "" && got != "" || !strings.Contains(got, c.want) {
					t.Errorf("%s warns %q, want %q", where, got, c.want)
				}
			}
		})
	}
}

func warningsOf(resp *logical.Response) []string {
	if resp == nil {
		return nil
	}
	return resp.Warnings
}

// A certificate that has expired since it was written must not keep the operator from anything else.
func TestExpiredCertificatesWarn(t *testing.T) {
	b := newTestBackend(t)
	newEndpoint(t, b)
	c := acceptedCertificate(t)
	b.writeRole("r", fields{"client_certificate": c.certificate, "client_private_key": c.key})
	expired := newClientCertificate(t, -2*time.Hour, -time.Hour, x509.ExtKeyUsageClientAuth)
	r, err := role.Get(t.Context(), b.storage, "r")
	if err != nil {
		t.Fatal(err)
	}
	r.CertificateChain = expired.certificate
	r.PrivateKey = client.NewSecret(expired.key)
	if err := role.Put(t.Context(), b.storage, "r", r); err != nil {
		t.Fatal(err)
	}
	edited := b.write("roles/r", fields{"scope": "read"})
	for _, warnings := range [][]string{warningsOf(edited), b.read("roles/r").Warnings, b.read("status/r").Warnings} {
		if got := strings.Join(warnings, "\n"); !strings.Contains(got, "the client certificate expired on") {
			t.Errorf("warned of %q", got)
		}
	}
	b.write("roles/r", fields{"client_certificate": c.certificate, "client_private_key": c.key})
	if got := b.read("roles/r").Warnings; len(got) > 0 {
		t.Errorf("warned of %q", got)
	}
}
