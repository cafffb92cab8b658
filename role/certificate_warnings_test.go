package role_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
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
			b := enginetest.New(t)
			enginetest.NewEndpoint(t, b)
			made := enginetest.NewClientCertificate(t, -time.Hour, c.left, c.usage)
			written := b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"client_certificate": made.Certificate, "client_private_key": made.Key}))
			edited := b.Write("roles/r", enginetest.Fields{"scope": "read"})
			for where, warnings := range map[string][]string{
				"the write": warningsOf(written), "another write": warningsOf(edited),
				"the read": b.Read("roles/r").Warnings, "the status": b.Read("status/r").Warnings,
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
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	c := enginetest.AcceptedCertificate(t)
	b.WriteRole("r", enginetest.Fields{"client_certificate": c.Certificate, "client_private_key": c.Key})
	expired := enginetest.NewClientCertificate(t, -2*time.Hour, -time.Hour, x509.ExtKeyUsageClientAuth)
	r, err := role.Get(t.Context(), b.Storage, "r")
	if err != nil {
		t.Fatal(err)
	}
	r.CertificateChain = expired.Certificate
	r.PrivateKey = client.NewSecret(expired.Key)
	if err := role.Put(t.Context(), b.Storage, "r", r); err != nil {
		t.Fatal(err)
	}
	edited := b.Write("roles/r", enginetest.Fields{"scope": "read"})
	for _, warnings := range [][]string{warningsOf(edited), b.Read("roles/r").Warnings, b.Read("status/r").Warnings} {
		if got := strings.Join(warnings, "\n"); !strings.Contains(got, "the client certificate expired on") {
			t.Errorf("warned of %q", got)
		}
	}
	b.Write("roles/r", enginetest.Fields{"client_certificate": c.Certificate, "client_private_key": c.Key})
	if got := b.Read("roles/r").Warnings; len(got) > 0 {
		t.Errorf("warned of %q", got)
	}
}
