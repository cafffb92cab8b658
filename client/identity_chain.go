package client

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
)

// maxCertificates bounds one file: real chains have up to five certificates, and each may cost
// a signature check against each.
const maxCertificates = 32

var (
	errKeyKind = FieldError{Text: "the private key is of a kind that TLS client certificates can't use here: use RSA, " +
		"ECDSA on P-256, P-384 or P-521, or Ed25519; " + newKey}
	errCurve = FieldError{Text: "the key's elliptic curve is not supported: use P-256, P-384 or P-521, " +
		"or an RSA or Ed25519 key; " + newKey}
)

// maxRSABits is what crypto/tls takes of others. A signature costs the third power of the length: seconds above
// this, and minutes soon after.
const maxRSABits = 8192

var errRSALength = fmt.Errorf("the RSA key is longer than %d bits, which takes too long to sign with: use one of 2048 to 4096 bits", maxRSABits)

// publicKey is what every public key of the standard library offers.
type publicKey interface{ Equal(crypto.PublicKey) bool }

// usablePublicKey returns the public half of a key that crypto/tls can sign a handshake with.
// Without this check the first exchange would fail, long after the write.
func usablePublicKey(key crypto.PrivateKey) (publicKey, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 1024 { // crypto/rsa refuses to sign with less
			return nil, errors.New("the RSA key is shorter than 1024 bits: use one of at least 2048 bits")
		}
		if k.N.BitLen() > maxRSABits {
			return nil, errRSALength
		}
		return &k.PublicKey, nil
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P224() { // parsed by crypto/x509, unknown to TLS
			return nil, errCurve
		}
		return &k.PublicKey, nil
	case ed25519.PrivateKey:
		return k.Public().(ed25519.PublicKey), nil
	}
	return nil, errKeyKind
}

// findLeaf returns the certificate for the public key. Files exist that start with the CA, so
// the position says nothing. Of several for one key, as after a renewal, the last to expire wins.
func findLeaf(public publicKey, certs []*x509.Certificate) (*x509.Certificate, error) {
	if len(certs) > maxCertificates {
		return nil, errors.New("there are too many certificates: keep the client certificate and its intermediates")
	}
	var leaf *x509.Certificate
	for _, c := range certs {
		if public.Equal(c.PublicKey) && (leaf == nil || better(c, leaf)) {
			leaf = c
		}
	}
	switch {
	case leaf == nil:
		return nil, errNoLeaf
	case leaf.IsCA && !(selfSigned(leaf) && alone(leaf, certs)):
		return nil, errors.New("the private key belongs to a CA certificate: pass the client certificate " +
			"with its own key, the CA only as part of the chain")
	}
	return leaf, nil
}

func better(c, than *x509.Certificate) bool {
	if c.IsCA != than.IsCA {
		return than.IsCA
	}
	return c.NotAfter.After(than.NotAfter)
}

// alone tells whether leaf is the only certificate. A lone self-signed one may call itself a CA:
// `openssl req -x509` makes such certificates, and RFC 8705 section 2.2 clients use them.
func alone(leaf *x509.Certificate, certs []*x509.Certificate) bool {
	for _, c := range certs {
		if !c.Equal(leaf) {
			return false
		}
	}
	return true
}

// orderChain returns leaf, its issuer, the issuer's issuer and so on. The self-signed root is
// left out (RFC 8446 section 4.4.2: the peer has its own) and so is whatever is not an issuer.
func orderChain(leaf *x509.Certificate, certs []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for next := leaf; next != nil; {
		child := next
		next = nil
		for _, c := range certs {
			if issued(c, child) && !selfSigned(c) && !contains(chain, c) {
				chain, next = append(chain, c), c
				break
			}
		}
	}
	return chain
}

// issued checks the signature too, since test CAs get made again under the same name. A signature
// that crypto/x509 does not check, with SHA-1 or by a key for RSA-PSS only, passes on the name alone.
func issued(issuer, child *x509.Certificate) bool {
	if !bytes.Equal(issuer.RawSubject, child.RawIssuer) {
		return false
	}
	return mayBeRight(child.CheckSignatureFrom(issuer))
}

func selfSigned(c *x509.Certificate) bool {
	if !bytes.Equal(c.RawSubject, c.RawIssuer) {
		return false
	}
	return mayBeRight(c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature))
}

// mayBeRight tells whether a signature is right, or such that nobody here can tell.
func mayBeRight(err error) bool {
	var insecure x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &insecure) || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

func contains(chain []*x509.Certificate, c *x509.Certificate) bool {
	for _, have := range chain {
		if have.Equal(c) {
			return true
		}
	}
	return false
}
