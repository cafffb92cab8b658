package oauthrefresh_test

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"software.sslmate.com/src/go-pkcs12"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// newIdentity is a mount with a role r whose certificate may be read, and has an intermediate.
func newIdentity(t *testing.T) *enginetest.Mount {
	t.Helper()
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{
		"client_certificate": enginetest.Fixture(t, "p256.pem") + enginetest.Fixture(t, "chain.pem"), "client_private_key": enginetest.Fixture(t, "p256.key"),
		"identity_readable": true,
	})
	return b
}

// What is read authenticates in TLS: chain and key belong together, and the PFX holds the same.
func TestIdentity(t *testing.T) {
	b := newIdentity(t)
	resp := b.Read("identity/r")
	got := func(field string) string { return resp.Data[field].(string) }
	pair, err := tls.X509KeyPair([]byte(got("certificate_chain")), []byte(got("private_key")))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(pair.Certificate[0])
	want := enginetest.Fields{
		"private_key_type": "ec", "fingerprint": hex.EncodeToString(sum[:]), "not_after": pair.Leaf.NotAfter.UTC().Format(time.RFC3339),
	}
	for field, value := range want {
		if got(field) != value {
			t.Errorf("%s is %s, want %s", field, got(field), value)
		}
	}
	if len(pair.Certificate) != 2 || got("fingerprint") != b.Data("roles/r")["client_certificate_fingerprint"] {
		t.Errorf("a chain of %d, fingerprint %s", len(pair.Certificate), got("fingerprint"))
	}
	if !strings.HasSuffix(got("certificate_chain"), "-----END CERTIFICATE-----\n") || !strings.HasPrefix(got("private_key"), "-----BEGIN PRIVATE KEY-----\n") {
		t.Error("chain and key can't stand in one file")
	}
	if resp.Data["certificate"] != nil || len(resp.Data) != 7 {
		t.Errorf("%d fields, among them certificate: %v", len(resp.Data), resp.Data["certificate"])
	}
	checkPFX(t, resp.Data, pair)
	again := b.Data("identity/r")
	if again["pfx_password"] == got("pfx_password") || again["pfx"] == got("pfx") || again["private_key"] != got("private_key") {
		t.Error("another read gives the same password, or another key")
	}
	checkPFX(t, again, pair)
}

func checkPFX(t *testing.T, data map[string]any, pair tls.Certificate) {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(data["pfx"].(string))
	if err != nil {
		t.Fatal(err)
	}
	password := data["pfx_password"].(string)
	key, leaf, chain, err := pkcs12.DecodeChain(der, password)
	if err != nil || len(password) < 26 {
		t.Fatalf("a password of %d characters: %v", len(password), err)
	}
	if !pair.PrivateKey.(interface{ Equal(crypto.PrivateKey) bool }).Equal(key) || !leaf.Equal(pair.Leaf) || len(chain) != len(pair.Certificate)-1 {
		t.Error("the PFX holds something else")
	}
	if _, _, _, err := pkcs12.DecodeChain(der, ""); err == nil {
		t.Error("the PFX opens without its password")
	}
}

// Who may read the path gets nothing before an operator says so for the role.
func TestIdentityIsRefusedByDefault(t *testing.T) {
	b := newIdentity(t)
	b.WriteRole("without")
	b.Rejects(enginetest.ReadOp, "identity/without", nil, "identity_readable=true on roles/without")
	b.Rejects(enginetest.ReadOp, "identity/zzz", nil, "there is no role of this name")
	for _, f := range []enginetest.Fields{{"identity_readable": true}, {"pfx": "", "identity_readable": true}} {
		b.Rejects(enginetest.WriteOp, "roles/without", f, "the role has none")
		b.Rejects(enginetest.PatchOp, "roles/without", f, "the role has none")
	}
	for _, field := range []string{"pfx", "client_certificate"} {
		b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{field: ""}, "the role has none")
	}
	b.Write("roles/r", enginetest.Fields{"scope": "read"})
	if got := b.Data("roles/r")["identity_readable"]; got != true {
		t.Errorf("after another field's write identity_readable is %v", got)
	}
	b.Read("identity/r")
	b.Write("roles/r", enginetest.Fields{"identity_readable": false})
	b.Rejects(enginetest.ReadOp, "identity/r", nil, "identity_readable=true on roles/r")
	b.Patch("roles/r", enginetest.Fields{"identity_readable": true})
	b.Read("identity/r")
	b.Patch("roles/r", enginetest.Fields{"identity_readable": nil})
	b.Rejects(enginetest.ReadOp, "identity/r", nil, "identity_readable=true on roles/r")
	b.Write("roles/r", enginetest.Fields{"identity_readable": false, "pfx": ""})
	b.Patch("roles/r", enginetest.Fields{"identity_readable": false})
	b.Delete("roles/r")
	b.Rejects(enginetest.ReadOp, "identity/r", nil, "there is no role of this name")
}

// The lease brings its reader back for a new certificate, and never outlives the one it has.
func TestIdentityLease(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		left, mount, want time.Duration
		warning, refusal  string
	}{
		"long":              {left: 90 * day, mount: 768 * time.Hour, want: time.Hour},
		"ends soon":         {left: 30 * time.Minute, mount: 768 * time.Hour, want: 30 * time.Minute, warning: "expires on"},
		"the mount's limit": {left: 90 * day, mount: 10 * time.Minute, want: 10 * time.Minute},
		"ends now":          {left: 4 * time.Second, mount: 768 * time.Hour, refusal: "less than 5s"},
		"a tiny limit":      {left: 90 * day, mount: 4 * time.Second, refusal: "less than 5s"},
		"expired":           {left: -time.Second, mount: 768 * time.Hour, refusal: "the client certificate expired on"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newIdentity(t)
			b.Write("roles/r", enginetest.Fields{"ttl": "5m", "lease": false}) // about tokens
			b.SetCertificate("r", enginetest.NewClientCertificate(t, -day, c.left, x509.ExtKeyUsageClientAuth))
			b.View.MaxLeaseTTLVal = c.mount
			if c.refusal != "" {
				b.Rejects(enginetest.ReadOp, "identity/r", nil, c.refusal)
				return
			}
			resp := b.Read("identity/r")
			if got := resp.Secret.TTL; got > c.want || got < c.want-10*time.Second || got%time.Second != 0 || resp.Secret.Renewable {
				t.Errorf("the lease is %s, want %s; renewable %v", got, c.want, resp.Secret.Renewable)
			}
			if got := strings.Join(resp.Warnings, "\n"); !strings.Contains(got, c.warning) || c.warning == "" && got != "" {
				t.Errorf("warned of %q, want %q", got, c.warning)
			}
		})
	}
}

// As with tokens: a lease that can't be revoked would keep the mount from being disabled.
func TestRevokingAnIdentityNeedsNothing(t *testing.T) {
	b := newIdentity(t)
	lease := b.Read("identity/r")
	b.Delete("roles/r")
	req := &logical.Request{Operation: logical.RevokeOperation, Path: "identity/r", Secret: lease.Secret} // no Storage
	if resp, err := b.HandleRequest(t.Context(), req); err != nil || resp.IsError() {
		t.Errorf("%v, %v", resp, err)
	}
	renewal := &logical.Request{Operation: logical.RenewOperation, Path: "identity/r", Secret: lease.Secret, Storage: b.Storage}
	if _, err := b.HandleRequest(t.Context(), renewal); err == nil {
		t.Error("a lease was renewed that shall bring its reader back")
	}
}

// What can't be read out of storage is said, and not repeated.
func TestADamagedIdentity(t *testing.T) {
	b := newIdentity(t)
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	c.Certificate = "zzz"
	b.SetCertificate("r", c)
	b.Rejects(enginetest.ReadOp, "identity/r", nil, "the stored client certificate and key are unusable: write them again")
}

// When the certificate in use has ended, nobody takes it any more: the one to come is handed out, if its time has
// come, although no refresh has been made with it yet.
func TestIdentityAfterTheEnd(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	next, ended := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.NewClientCertificate(t, -2*time.Hour, -time.Hour)
	b.WriteRole("r", enginetest.Fields{"pfx": next.Pfx, "pfx_password": enginetest.CertificatePassword, "identity_readable": true})
	r, err := role.Get(t.Context(), b.Storage, "r")
	if err != nil {
		t.Fatal(err)
	}
	r.Next = role.NextCredentials{Credentials: r.Credentials, ID: "next"}
	r.CertificateChain, r.PrivateKey = ended.Certificate, client.NewSecret(ended.Key)
	for from, want := range map[time.Time]bool{{}: true, time.Now().Add(time.Hour): false} {
		r.Next.From = from
		if err := role.Put(t.Context(), b.Storage, "r", r); err != nil {
			t.Fatal(err)
		}
		resp, err := b.Try(t.Context(), enginetest.ReadOp, "identity/r", nil)
		if err != nil || resp.IsError() == want {
			t.Errorf("next_from %v: %v %v", from, resp, err)
		}
	}
}
