package front

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// Keys are what an operator holds of the generic server's applications: a key to sign assertions with, and
// a certificate for it that no authority vouches for.
type Keys struct {
	Key         *ecdsa.PrivateKey
	DER         []byte            // the key in PKCS #8
	Certificate *x509.Certificate // signed with the key itself
}

// NewKeys makes both.
func NewKeys() (*Keys, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the signing key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "generic-sandbox-application"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing the client's own certificate: %w", err)
	}
	k := &Keys{Key: key}
	if k.Certificate, err = x509.ParseCertificate(der); err == nil {
		k.DER, err = x509.MarshalPKCS8PrivateKey(key)
	}
	return k, err
}
