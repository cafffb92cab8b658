package client

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"errors"

	"software.sslmate.com/src/go-pkcs12"
)

// KeyType returns the kind of the private key: rsa, ec or ed25519.
func (i *Identity) KeyType() string {
	switch i.pair().PrivateKey.(type) {
	case *ecdsa.PrivateKey:
		return "ec"
	case ed25519.PrivateKey:
		return "ed25519"
	}
	return "rsa"
}

// PFX returns key, leaf and intermediates as a PKCS #12 file (RFC 7292) in DER under a password, which must be set:
// some programs don't open a file without one. It is encrypted with AES-256 and HMAC-SHA-256, which OpenSSL,
// Java and Windows have read for years. The error holds nothing of the identity.
func (i *Identity) PFX(password Secret) ([]byte, error) {
	errUnwritable := errors.New("the client certificate can't be written as a PFX: use it as PEM")
	if !password.IsSet() {
		return nil, errUnwritable
	}
	var chain []*x509.Certificate
	for _, der := range i.pair().Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, errUnwritable
		}
		chain = append(chain, c)
	}
	pfx, err := pkcs12.Modern2023.Encode(i.pair().PrivateKey, i.pair().Leaf, chain, password.Reveal())
	if err != nil {
		return nil, errUnwritable
	}
	return pfx, nil
}
