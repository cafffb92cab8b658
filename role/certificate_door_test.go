package role_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Each form reaches the TLS handshake, and what was needed to open it is not kept.
func TestCertificateForms(t *testing.T) {
	c := enginetest.AcceptedCertificate(t)
	for name, f := range map[string]enginetest.Fields{
		"PFX":                {"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword},
		"PFX in lines":       {"pfx": enginetest.Wrap(c.Pfx, "\n"), "pfx_password": enginetest.CertificatePassword + "\n"},
		"PFX in CRLF lines":  {"pfx": enginetest.Wrap(c.Pfx, "\r\n"), "pfx_password": enginetest.CertificatePassword + "\r\n"},
		"PEM":                {"client_certificate": c.Certificate, "client_private_key": c.Key},
		"PEM, encrypted key": {"client_certificate": c.Certificate, "client_private_key": c.EncryptedKey, "client_private_key_password": enginetest.CertificatePassword + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
			enginetest.NewGrant(server)
			b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
			b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token", "requires_certificate": true})
			if got := b.Refused(enginetest.WriteOp, "roles/r", enginetest.RoleOf("test")); !strings.Contains(got, "needs a client certificate: give pfx and pfx_password, or") {
				t.Error(got)
			}
			if resp := b.Write("roles/r", enginetest.RoleOf("test", f)); resp != nil {
				t.Errorf("%v", resp.Warnings)
			}
			b.Read("creds/r")
			if got := server.Requests()[0].PeerCertificates[0].Subject.CommonName; got != "application" {
				t.Errorf("the server saw %q", got)
			}
			stored := b.Storage.Contents(t)["role/r"]
			if strings.Contains(stored, enginetest.CertificatePassword) || strings.Contains(stored, c.Pfx[:76]) || strings.Contains(stored, "ENCRYPTED") {
				t.Errorf("stored is %s", stored)
			}
			checkCertificateShown(t, b, c)
		})
	}
}

// checkCertificateShown wants a read to show what is public of the certificate.
func checkCertificateShown(t *testing.T, b *enginetest.Mount, c *enginetest.ClientCertificate) {
	t.Helper()
	block, _ := pem.Decode([]byte(c.Certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	fingerprint, got := sha256.Sum256(leaf.Raw), b.Data("roles/r")
	shown := enginetest.Fields{
		"client_certificate_set": true, "client_certificate_subject": "CN=application",
		"client_certificate_fingerprint": hex.EncodeToString(fingerprint[:]),
		"client_certificate_not_after":   leaf.NotAfter.UTC().Format(time.RFC3339),
	}
	for field, want := range shown {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
	if got := b.Data("status/r")["client_certificate_not_after"]; got != shown["client_certificate_not_after"] {
		t.Errorf("the status says %v", got)
	}
}

// Each is a 400 that says what to do, and the certificate that the role had stays.
func TestBadCertificatesAreRefused(t *testing.T) {
	const password = "pa55word" // of the fixtures
	pfx := func(name string) string {
		return base64.StdEncoding.EncodeToString([]byte(enginetest.Fixture(t, name+".pfx")))
	}
	binary := enginetest.Fixture(t, "p256.pfx")
	leaf, key := enginetest.Fixture(t, "p256.pem"), enginetest.Fixture(t, "p256.key")
	good, expired := enginetest.AcceptedCertificate(t), enginetest.NewClientCertificate(t, -2*time.Hour, -time.Hour, x509.ExtKeyUsageClientAuth)
	future := enginetest.NewClientCertificate(t, time.Hour, 2*time.Hour, x509.ExtKeyUsageClientAuth)

	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b, enginetest.Fields{"requires_certificate": true})
	b.WriteRole("r", enginetest.Fields{"client_certificate": good.Certificate, "client_private_key": good.Key})
	for name, c := range map[string]struct {
		f    enginetest.Fields
		want string
	}{
		"no base64":        {enginetest.Fields{"pfx": "zzz!zzz"}, `pfx is not base64`},
		"cut base64":       {enginetest.Fields{"pfx": pfx("p256")[:1001], "pfx_password": password}, "pfx is not base64"},
		"no PFX":           {enginetest.Fields{"pfx": "enp6enp6", "pfx_password": password}, "not a PKCS #12 file"},
		"binary PFX":       {enginetest.Fields{"pfx": strings.ToValidUTF8(binary, "\ufffd"), "pfx_password": password}, `pass it as pfx="$(base64 -w0 cert.pfx)"`},
		"PEM as PFX":       {enginetest.Fields{"pfx": leaf}, "pfx holds PEM"},
		"cut PFX":          {enginetest.Fields{"pfx": base64.StdEncoding.EncodeToString([]byte(binary[:900]))}, "not a PKCS #12 file"},
		"wrong password":   {enginetest.Fields{"pfx": pfx("p256"), "pfx_password": "zzz"}, "is not the password"},
		"legacy, wrong":    {enginetest.Fields{"pfx": pfx("legacy"), "pfx_password": "zzz"}, "is not the password"},
		"no password":      {enginetest.Fields{"pfx": pfx("p256")}, "pass it as pfx_password"},
		"needless":         {enginetest.Fields{"pfx": pfx("empty-password"), "pfx_password": "zzz"}, "leave pfx_password out"},
		"no key":           {enginetest.Fields{"pfx": pfx("no-key"), "pfx_password": password}, "pfx holds no private key"},
		"no certificate":   {enginetest.Fields{"pfx": pfx("no-certificate"), "pfx_password": password}, "pfx holds no certificate"},
		"slow":             {enginetest.Fields{"pfx": pfx("slow"), "pfx_password": password}, "key derivation iterations"},
		"strange curve":    {enginetest.Fields{"pfx": pfx("secp256k1"), "pfx_password": password}, "curve is not supported"},
		"huge PFX":         {enginetest.Fields{"pfx": strings.Repeat("zzzz", 50<<10)}, "larger than 128 KiB"},
		"key alone":        {enginetest.Fields{"client_private_key": key}, "client_private_key needs its client_certificate in the same write"},
		"certificate only": {enginetest.Fields{"client_certificate": leaf}, "client_certificate needs its client_private_key in the same write"},
		"mismatch":         {enginetest.Fields{"client_certificate": enginetest.Fixture(t, "rsa.pem"), "client_private_key": key}, "belongs to none of the certificates"},
		"CA's key":         {enginetest.Fields{"client_certificate": leaf + enginetest.Fixture(t, "root.pem"), "client_private_key": enginetest.Fixture(t, "root.key")}, "belongs to a CA certificate"},
		"key in the open":  {enginetest.Fields{"client_certificate": leaf + key, "client_private_key": key}, "client_certificate holds a private key"},
		"no PEM":           {enginetest.Fields{"client_certificate": "zzz", "client_private_key": key}, "client_certificate holds no PEM certificate"},
		"no PEM key":       {enginetest.Fields{"client_certificate": leaf, "client_private_key": "zzz"}, "client_private_key holds no PEM private key"},
		"lines lost":       {enginetest.Fields{"client_certificate": strings.ReplaceAll(leaf, "\n", " "), "client_private_key": key}, "keep its line breaks"},
		"locked key":       {enginetest.Fields{"client_certificate": enginetest.Fixture(t, "rsa.pem"), "client_private_key": enginetest.Fixture(t, "rsa-pkcs8-aes.key")}, "pass its password as client_private_key_password"},
		"locked key, wrong": {enginetest.Fields{
			"client_certificate": enginetest.Fixture(t, "rsa.pem"), "client_private_key": enginetest.Fixture(t, "rsa-rfc1423-aes.key"), "client_private_key_password": "zzz",
		}, "is not the password"},
		"both forms":     {enginetest.Fields{"pfx": pfx("p256"), "client_certificate": leaf, "client_private_key": key}, "not both"},
		"only password":  {enginetest.Fields{"pfx_password": "zzz"}, "a password was given without what it opens"},
		"other password": {enginetest.Fields{"client_private_key_password": "zzz"}, "a password was given without what it opens"},
		"expired":        {enginetest.Fields{"client_certificate": expired.Certificate, "client_private_key": expired.Key}, "the client certificate expired on"},
		"expired PFX":    {enginetest.Fields{"pfx": expired.Pfx, "pfx_password": enginetest.CertificatePassword}, "the client certificate expired on"},
		"not yet valid":  {enginetest.Fields{"client_certificate": future.Certificate, "client_private_key": future.Key}, "not valid before"},
		"cleared":        {enginetest.Fields{"pfx": ""}, "needs a client certificate"},
		"cleared PEM":    {enginetest.Fields{"client_certificate": "", "client_private_key": ""}, "needs a client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.In(t)
			b.Rejects(enginetest.WriteOp, "roles/r", c.f, c.want)
			b.Rejects(enginetest.PatchOp, "roles/r", c.f, c.want)
			b.RefusedNewRole(c.f, c.want)
		})
	}
}

// A certificate goes as it came: with a field of it that is empty, or null in a patch.
func TestCertificatesAreCleared(t *testing.T) {
	c := enginetest.AcceptedCertificate(t)
	for _, clearing := range []struct {
		enginetest.Request
		f enginetest.Fields
	}{
		{enginetest.Request{Op: enginetest.WriteOp, Path: "roles/r"}, enginetest.Fields{"pfx": ""}},
		{enginetest.Request{Op: enginetest.WriteOp, Path: "roles/r"}, enginetest.Fields{"client_certificate": "", "client_private_key": ""}},
		{enginetest.Request{Op: enginetest.PatchOp, Path: "roles/r"}, enginetest.Fields{"pfx": nil}},
		{enginetest.Request{Op: enginetest.PatchOp, Path: "roles/r"}, enginetest.Fields{"client_certificate": nil}},
	} {
		b := enginetest.New(t)
		enginetest.NewEndpoint(t, b)
		b.WriteRole("r", enginetest.Fields{"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword})
		b.Write("roles/r", enginetest.Fields{"scope": "read"})
		if got := b.Data("roles/r")["client_certificate_set"]; got != true {
			t.Error("another field's write takes the certificate away")
		}
		b.Do(clearing.Op, clearing.Path, clearing.f)
		if got := b.Data("roles/r"); got["client_certificate_set"] != false || got["client_certificate_subject"] != nil {
			t.Errorf("%v leaves %v", clearing.f, got)
		}
		if strings.Contains(b.Storage.Contents(t)["role/r"], "PRIVATE KEY") {
			t.Errorf("%v leaves the key in storage", clearing.f)
		}
	}
}

// A client that has to show a certificate goes to the alias that is there for it (RFC 8705 section 5), with
// its revocations too; any other goes to the plain endpoint. Both are bound by allowed_hosts.
func TestCertificatesGoToTheAlias(t *testing.T) {
	b := enginetest.New(t)
	plain := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(plain)
	mutual := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
	enginetest.NewGrant(mutual)
	b.Write("providers/test", enginetest.Fields{"mtls_endpoint_aliases": enginetest.Fields{
		"token_endpoint": mutual.URL() + "/token", "revocation_endpoint": mutual.URL() + "/revoke",
	}})
	c := enginetest.AcceptedCertificate(t)
	b.WriteRole("without")
	b.WriteRole("with", enginetest.Fields{
		"client_secret": nil, "token_endpoint_auth_method": "tls_client_auth", "client_certificate": c.Certificate, "client_private_key": c.Key,
	})
	b.Read("creds/without")
	b.Read("creds/with")
	b.Write("revoke/with", nil)
	if n, m := len(plain.Requests()), len(mutual.Requests()); n != 1 || m != 2 {
		t.Errorf("%d requests at the endpoint, %d at its alias", n, m)
	}
	b.Write("config", enginetest.Fields{"allowed_hosts": "127.0.0.1"})
	b.Rejects(enginetest.WriteOp, "providers/test", enginetest.Fields{"mtls_endpoint_aliases": enginetest.Fields{"token_endpoint": "https://zzz.example/token"}}, "allowed_hosts")
}
