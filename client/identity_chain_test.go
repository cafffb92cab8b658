package client

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// makeCertificate signs a certificate for key, with the validity in days; parent nil is itself.
func makeCertificate(t *testing.T, name string, days int, ca bool, key *ecdsa.PrivateKey,
	parent *x509.Certificate, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(days)), Subject: pkix.Name{CommonName: name},
		NotBefore: start, NotAfter: start.AddDate(0, 0, days), IsCA: ca, BasicConstraintsValid: true,
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func makeKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A renewal may keep its key, and a CA may share one with a client; then several certificates match.
func TestIdentityPrefersTheLastingLeaf(t *testing.T) {
	key := makeKey(t)
	last := makeCertificate(t, "new", 20, false, key, nil, key)
	old := makeCertificate(t, "old", 10, false, key, nil, key)
	ca := makeCertificate(t, "ca", 30, true, key, nil, key)
	for _, certs := range [][]*x509.Certificate{{old, last, ca}, {ca, last, old}, {last, ca, old}} {
		id, err := newIdentity(key, certs)
		if err != nil {
			t.Fatal(err)
		}
		if got := chainNames(t, id); got != "new" {
			t.Errorf("chain %q, want the certificate that expires last", got)
		}
	}
}

// Test CAs are made again under the same name: only the signature tells which one issued.
func TestIdentityPicksTheIssuerBySignature(t *testing.T) {
	key, root, right, wrong := makeKey(t), makeKey(t), makeKey(t), makeKey(t)
	rootCert := makeCertificate(t, "root", 40, true, root, nil, root)
	rightCert := makeCertificate(t, "issuer", 30, true, right, rootCert, root)
	wrongCert := makeCertificate(t, "issuer", 31, true, wrong, rootCert, root)
	leaf := makeCertificate(t, "leaf", 10, false, key, rightCert, right)
	id, err := newIdentity(key, []*x509.Certificate{wrongCert, rightCert, leaf})
	if err != nil {
		t.Fatal(err)
	}
	if sent := id.Certificate().Certificate; len(sent) != 2 || !bytes.Equal(sent[1], rightCert.Raw) {
		t.Errorf("%d certificates, the second not the issuer", len(sent))
	}
}
