package client

import (
	"crypto/tls"
	"time"
)

// Identity is a client certificate with its key. (stub)
type Identity struct{ cert tls.Certificate }

// ParsePFX decodes base64-encoded PKCS #12.
func ParsePFX(base64 string, password Secret) (*Identity, error) { return nil, nil }

// ParsePEM decodes a certificate chain and a key, which may be encrypted.
func ParsePEM(certificate string, key, password Secret) (*Identity, error) { return nil, nil }

// PEM returns the leaf-first chain and the unencrypted PKCS #8 key.
func (i *Identity) PEM() (chain string, key Secret) { return "", Secret{} }

// Certificate returns the pair for crypto/tls.
func (i *Identity) Certificate() tls.Certificate { return i.cert }

// Subject returns the leaf's subject in RFC 2253 form.
func (i *Identity) Subject() string { return "" }

// Fingerprint returns the SHA-256 of the leaf in lower-case hex.
func (i *Identity) Fingerprint() string { return "" }

// NotAfter returns when the leaf expires.
func (i *Identity) NotAfter() time.Time { return time.Time{} }

// Warnings says what will go wrong soon: expiry within 30 days, no clientAuth EKU.
func (i *Identity) Warnings(now time.Time) []string { return nil }

// Check returns an error when the leaf is expired or not yet valid.
func (i *Identity) Check(now time.Time) error { return nil }
