package oauthrefresh

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
)

// Each form reaches the TLS handshake, and what was needed to open it is not kept.
func TestCertificateForms(t *testing.T) {
	c := acceptedCertificate(t)
	for name, f := range map[string]fields{
		"PFX":                {"pfx": c.pfx, "pfx_password": certificatePassword},
		"PFX in lines":       {"pfx": wrap(c.pfx, "\n"), "pfx_password": certificatePassword + "\n"},
		"PFX in CRLF lines":  {"pfx": wrap(c.pfx, "\r\n"), "pfx_password": certificatePassword + "\r\n"},
		"PEM":                {"client_certificate": c.certificate, "client_private_key": c.key},
		"PEM, encrypted key": {"client_certificate": c.certificate, "client_private_key": c.encryptedKey, "client_private_key_password": certificatePassword + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
			newGrant(server)
			b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
			b.write("providers/test", fields{"token_endpoint": server.URL() + "/token", "requires_certificate": true})
			if got := b.refused(writeOp, "roles/r", roleOf("test")); !strings.Contains(got, "needs a client certificate: give pfx and pfx_password, or") {
				t.Error(got)
			}
			if resp := b.write("roles/r", roleOf("test", f)); resp != nil {
				t.Errorf("%v", resp.Warnings)
			}
			b.read("creds/r")
			if got := server.Requests()[0].PeerCertificates[0].Subject.CommonName; got != "application" {
				t.Errorf("the server saw %q", got)
			}
			stored := b.storage.contents(t)["role/r"]
			if strings.Contains(stored, certificatePassword) || strings.Contains(stored, c.pfx[:76]) || strings.Contains(stored, "ENCRYPTED") {
				t.Errorf("stored is %s", stored)
			}
			checkCertificateShown(t, b, c)
		})
	}
}

// checkCertificateShown wants a read to show what is public of the certificate.
func checkCertificateShown(t *testing.T, b *testBackend, c *clientCertificate) {
	t.Helper()
	block, _ := pem.Decode([]byte(c.certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	fingerprint, got := sha256.Sum256(leaf.Raw), b.data("roles/r")
	shown := fields{
		"client_certificate_set": true, "client_certificate_subject": "CN=application",
		"client_certificate_fingerprint": hex.EncodeToString(fingerprint[:]),
		"client_certificate_not_after":   leaf.NotAfter.UTC().Format(time.RFC3339),
	}
	for field, want := range shown {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
	if got := b.data("status/r")["client_certificate_not_after"]; got != shown["client_certificate_not_after"] {
		t.Errorf("the status says %v", got)
	}
}

// Each is a 400 that says what to do, and the certificate that the role had stays.
func TestBadCertificatesAreRefused(t *testing.T) {
	const password = "pa55word" // of the fixtures
	pfx := func(name string) string { return base64.StdEncoding.EncodeToString([]byte(fixture(t, name+".pfx"))) }
	binary := fixture(t, "p256.pfx")
	leaf, key := fixture(t, "p256.pem"), fixture(t, "p256.key")
	good, expired := acceptedCertificate(t), newClientCertificate(t, -2*time.Hour, -time.Hour, x509.ExtKeyUsageClientAuth)
	future := newClientCertificate(t, time.Hour, 2*time.Hour, x509.ExtKeyUsageClientAuth)

	b := newTestBackend(t)
	newEndpoint(t, b, fields{"requires_certificate": true})
	b.writeRole("r", fields{"client_certificate": good.certificate, "client_private_key": good.key})
	for name, c := range map[string]struct {
		f    fields
		want string
	}{
		"no base64":        {fields{"pfx": "zzz!zzz"}, `pfx is not base64`},
		"cut base64":       {fields{"pfx": pfx("p256")[:1001], "pfx_password": password}, "pfx is not base64"},
		"no PFX":           {fields{"pfx": "enp6enp6", "pfx_password": password}, "not a PKCS #12 file"},
		"binary PFX":       {fields{"pfx": strings.ToValidUTF8(binary, "\ufffd"), "pfx_password": password}, `pass it as pfx="$(base64 -w0 cert.pfx)"`},
		"PEM as PFX":       {fields{"pfx": leaf}, "pfx holds PEM"},
		"cut PFX":          {fields{"pfx": base64.StdEncoding.EncodeToString([]byte(binary[:900]))}, "not a PKCS #12 file"},
		"wrong password":   {fields{"pfx": pfx("p256"), "pfx_password": "zzz"}, "is not the password"},
		"legacy, wrong":    {fields{"pfx": pfx("legacy"), "pfx_password": "zzz"}, "is not the password"},
		"no password":      {fields{"pfx": pfx("p256")}, "pass it as pfx_password"},
		"needless":         {fields{"pfx": pfx("empty-password"), "pfx_password": "zzz"}, "leave pfx_password out"},
		"no key":           {fields{"pfx": pfx("no-key"), "pfx_password": password}, "pfx holds no private key"},
		"no certificate":   {fields{"pfx": pfx("no-certificate"), "pfx_password": password}, "pfx holds no certificate"},
		"slow":             {fields{"pfx": pfx("slow"), "pfx_password": password}, "key derivation iterations"},
		"strange curve":    {fields{"pfx": pfx("secp256k1"), "pfx_password": password}, "curve is not supported"},
		"huge PFX":         {fields{"pfx": strings.Repeat("zzzz", 50<<10)}, "larger than 128 KiB"},
		"key alone":        {fields{"client_private_key": key}, "client_private_key needs its client_certificate in the same write"},
		"certificate only": {fields{"client_certificate": leaf}, "client_certificate needs its client_private_key in the same write"},
		"mismatch":         {fields{"client_certificate": fixture(t, "rsa.pem"), "client_private_key": key}, "belongs to none of the certificates"},
		"CA's key":         {fields{"client_certificate": leaf + fixture(t, "root.pem"), "client_private_key": fixture(t, "root.key")}, "belongs to a CA certificate"},
		"key in the open":  {fields{"client_certificate": leaf + key, "client_private_key": key}, "client_certificate holds a private key"},
		"no PEM":           {fields{"client_certificate": "zzz", "client_private_key": key}, "client_certificate holds no PEM certificate"},
		"no PEM key":       {fields{"client_certificate": leaf, "client_private_key": "zzz"}, "client_private_key holds no PEM private key"},
		"lines lost":       {fields{"client_certificate": strings.ReplaceAll(leaf, "\n", " "), "client_private_key": key}, "keep its line breaks"},
		"locked key":       {fields{"client_certificate": fixture(t, "rsa.pem"), "client_private_key": fixture(t, "rsa-pkcs8-aes.key")}, "pass its password as client_private_key_password"},
		"locked key, wrong": {fields{
			"client_certificate": fixture(t, "rsa.pem"), "client_private_key": fixture(t, "rsa-rfc1423-aes.key"), "client_private_key_password": "zzz",
		}, "is not the password"},
		"both forms":     {fields{"pfx": pfx("p256"), "client_certificate": leaf, "client_private_key": key}, "not both"},
		"only password":  {fields{"pfx_password": "zzz"}, "a password was given without what it opens"},
		"other password": {fields{"client_private_key_password": "zzz"}, "a password was given without what it opens"},
		"expired":        {fields{"client_certificate": expired.certificate, "client_private_key": expired.key}, "the client certificate expired on"},
		"expired PFX":    {fields{"pfx": expired.pfx, "pfx_password": certificatePassword}, "the client certificate expired on"},
		"not yet valid":  {fields{"client_certificate": future.certificate, "client_private_key": future.key}, "not valid before"},
		"cleared":        {fields{"pfx": ""}, "needs a client certificate"},
		"cleared PEM":    {fields{"client_certificate": "", "client_private_key": ""}, "needs a client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.in(t)
			b.rejects(writeOp, "roles/r", c.f, c.want)
			b.rejects(patchOp, "roles/r", c.f, c.want)
			b.refusedNewRole(c.f, c.want)
		})
	}
}

// A certificate goes as it came: with a field of it that is empty, or null in a patch.
func TestCertificatesAreCleared(t *testing.T) {
	c := acceptedCertificate(t)
	for _, clearing := range []struct {
		request
		f fields
	}{
		{request{writeOp, "roles/r"}, fields{"pfx": ""}},
		{request{writeOp, "roles/r"}, fields{"client_certificate": "", "client_private_key": ""}},
		{request{patchOp, "roles/r"}, fields{"pfx": nil}},
		{request{patchOp, "roles/r"}, fields{"client_certificate": nil}},
	} {
		b := newTestBackend(t)
		newEndpoint(t, b)
		b.writeRole("r", fields{"pfx": c.pfx, "pfx_password": certificatePassword})
		b.write("roles/r", fields{"scope": "read"})
		if got := b.data("roles/r")["client_certificate_set"]; got != true {
			t.Error("another field's write takes the certificate away")
		}
		b.do(clearing.op, clearing.path, clearing.f)
		if got := b.data("roles/r"); got["client_certificate_set"] != false || got["client_certificate_subject"] != nil {
			t.Errorf("%v leaves %v", clearing.f, got)
		}
		if strings.Contains(b.storage.contents(t)["role/r"], "PRIVATE KEY") {
			t.Errorf("%v leaves the key in storage", clearing.f)
		}
	}
}

// A client that has to show a certificate goes to the alias that is there for it (RFC 8705 section 5), with
// its revocations too; any other goes to the plain endpoint. Both are bound by allowed_hosts.
func TestCertificatesGoToTheAlias(t *testing.T) {
	b := newTestBackend(t)
	plain := newEndpoint(t, b)
	newGrant(plain)
	mutual := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
	newGrant(mutual)
	b.write("providers/test", fields{"mtls_endpoint_aliases": fields{
		"token_endpoint": mutual.URL() + "/token", "revocation_endpoint": mutual.URL() + "/revoke",
	}})
	c := acceptedCertificate(t)
	b.writeRole("without")
	b.writeRole("with", fields{
		"client_secret": nil, "token_endpoint_auth_method": "tls_client_auth", "client_certificate": c.certificate, "client_private_key": c.key,
	})
	b.read("creds/without")
	b.read("creds/with")
	b.write("revoke/with", nil)
	if n, m := len(plain.Requests()), len(mutual.Requests()); n != 1 || m != 2 {
		t.Errorf("%d requests at the endpoint, %d at its alias", n, m)
	}
	b.write("config", fields{"allowed_hosts": "127.0.0.1"})
	b.rejects(writeOp, "providers/test", fields{"mtls_endpoint_aliases": fields{"token_endpoint": "https://zzz.example/token"}}, "allowed_hosts")
}
