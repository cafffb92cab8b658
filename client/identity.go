package client

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Identity is a client certificate with its chain and its private key, checked to belong
// together. Make one with ParsePFX, ParsePEM or LoadIdentity; the zero value is of no use.
//
// Like a Secret it never prints its key: every formatting verb and every encoder shows only the
// leaf's fingerprint. As an unexported field of another struct its methods are not called, so
// the contents sit behind two pointers: fmt follows one to a struct (for a wrong verb, even one
// that is nested), two it shows as an address.
type Identity struct{ contents **identity }

type identity struct {
	pair tls.Certificate // leaf first, without the root; Leaf is set
	key  Secret          // the same key as unencrypted PKCS #8 PEM
	// dropped are the certificates that could not be read, known to the parsers only.
	dropped []unreadable
}

func wrap(i *identity) *Identity { return &Identity{&i} }

func (i Identity) pair() *tls.Certificate { return &(*i.contents).pair }

// newIdentity picks the leaf that belongs to key out of certs, which may come in any order and
// with strangers among them, and puts its issuers behind it.
func newIdentity(key crypto.PrivateKey, certs []*x509.Certificate) (*Identity, error) {
	public, err := usablePublicKey(key)
	if err != nil {
		return nil, err
	}
	leaf, err := findLeaf(public, certs)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errKeyKind
	}
	id := &identity{key: NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: pemPKCS8, Bytes: der})))}
	id.pair = tls.Certificate{PrivateKey: key, Leaf: leaf}
	for _, c := range orderChain(leaf, certs) {
		id.pair.Certificate = append(id.pair.Certificate, c.Raw)
	}
	return wrap(id), nil
}

// LoadIdentity reads back what PEM returned: a leaf-first chain and an unencrypted PKCS #8 key.
// It costs no key derivation, so it suits every start and every exchange. The error says that
// the stored pair is unusable and holds none of it.
func LoadIdentity(chainPEM string, key Secret) (*Identity, error) {
	pair, err := tls.X509KeyPair([]byte(chainPEM), []byte(key.Reveal()))
	if err != nil {
		return nil, errors.New("the stored client certificate and key are unusable: write them again")
	}
	return wrap(&identity{pair: pair, key: key}), nil
}

// PEM returns the leaf-first chain without the root, and the key as unencrypted PKCS #8: the one
// form to store, whatever was written, so that passwords are needed once and never kept.
func (i *Identity) PEM() (chain string, key Secret) {
	var b bytes.Buffer
	for _, der := range i.pair().Certificate {
		_ = pem.Encode(&b, &pem.Block{Type: pemCertificate, Bytes: der}) // a Buffer does not fail
	}
	return b.String(), (*i.contents).key
}

// Certificate returns the pair for crypto/tls: the leaf and its intermediates, not the root.
// Some banks answer 403 when the intermediates are absent from the handshake.
func (i *Identity) Certificate() tls.Certificate { return *i.pair() }

// Subject returns the leaf's subject in RFC 2253 form.
func (i *Identity) Subject() string { return i.pair().Leaf.Subject.String() }

// Fingerprint returns the SHA-256 of the leaf's DER in lower-case hex.
func (i *Identity) Fingerprint() string {
	sum := sha256.Sum256(i.pair().Leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// Fingerprint is that of the Identity whose leaf-first chain this is, "" when there is none. It looks at
// no key, so it costs little.
func Fingerprint(chainPEM string) string {
	block, _ := pem.Decode([]byte(chainPEM))
	if block == nil {
		return ""
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

// NotAfter returns when the leaf expires.
func (i *Identity) NotAfter() time.Time { return i.pair().Leaf.NotAfter }

// NotBefore returns from when on the leaf is valid.
func (i *Identity) NotBefore() time.Time { return i.pair().Leaf.NotBefore }

// String implements fmt.Stringer: the fingerprint, which is public, and nothing of the key.
func (i Identity) String() string { return "client certificate " + i.Fingerprint() }

// Format implements fmt.Formatter, so that no verb (%#v, %x) reaches the key by reflection.
func (i Identity) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(i.String())) }

// MarshalText implements encoding.TextMarshaler, for JSON and loggers; see Secret.MarshalText.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }
