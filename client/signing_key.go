package client

import (
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SigningKey is a private key that signs assertions (RFC 7523), with the certificate that was made for
// it if there is one. Make one with ParseSigningKey, LoadSigningKey or Identity.SigningKey; the zero
// value is of no use. It never prints its key, see Identity.
type SigningKey struct{ contents **signingKey }

type signingKey struct {
	signer crypto.Signer
	leaf   *x509.Certificate // nil for none
	above  [][]byte          // its issuers as far as they are known, in DER
	text   Secret            // the same key as unencrypted PKCS #8 PEM
}

func wrapKey(k *signingKey) *SigningKey { return &SigningKey{&k} }

// ParseSigningKey decodes a PEM private key, in the clear or encrypted as ParsePEM takes it. The password
// is unset for a key in the clear. A certificate of this key in the same text is kept: servers that know
// the client by its certificate want to be told which. The errors are sentences that say what to do and
// hold nothing of the input.
func ParseSigningKey(text, password Secret) (*SigningKey, error) {
	k, err := parseSigningKey(text.Reveal(), password.Reveal())
	if e, ok := errors.AsType[FieldError](err); ok {
		e.key = "assertion_private_key"
		return nil, e
	}
	return k, err
}

func parseSigningKey(text, password string) (*SigningKey, error) {
	if len(text) > maxPEM {
		return nil, FieldError{Text: "{client_private_key} is larger than 128 KiB: pass the key, and its certificate at most"}
	}
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return nil, FieldError{Text: "{client_private_key} is JSON: pass the PEM key in it alone, as in " +
			"{client_private_key}=\"$(jq -r .private_key service-account.json)\"; a JWK has to be converted to PEM"}
	}
	blocks, err := pemBlocks("client_private_key", text)
	if err != nil {
		return nil, err
	}
	var ders [][]byte
	private := 0
	for _, block := range blocks {
		if strings.HasSuffix(block.Type, pemPKCS8) {
			private++
		}
		if block.Type == pemCertificate {
			ders = append(ders, block.Bytes)
		}
	}
	if private > 1 {
		return nil, FieldError{Text: "{client_private_key} holds several private keys: pass the one that is registered with the provider"}
	}
	if len(blocks) > 0 && private == 0 {
		return nil, FieldError{Text: "{client_private_key} has no private part: the public key or certificate is for the provider, " +
			"pass the private key that belongs to it"}
	}
	block, err := keyBlock(text)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(block, password)
	if err != nil {
		return nil, err
	}
	certs, dropped, err := parseCertificates(ders)
	if err != nil {
		return nil, err
	}
	if len(certs) == 0 && len(dropped) > 0 {
		return nil, noLeaf(dropped, "")
	}
	k, err := newSigningKey(key, certs)
	if errors.Is(err, errNoLeaf) && len(dropped) > 0 {
		return nil, noLeaf(dropped, "")
	}
	return k, err
}

func newSigningKey(key crypto.PrivateKey, certs []*x509.Certificate) (*SigningKey, error) {
	public, err := usablePublicKey(key)
	if err != nil {
		return nil, err
	}
	k := &signingKey{signer: key.(crypto.Signer)} // usablePublicKey knows no others
	if len(certs) > 0 {
		if k.leaf, err = findLeaf(public, certs); err != nil {
			return nil, err
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errKeyKind
	}
	k.text = NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: pemPKCS8, Bytes: der})))
	return wrapKey(k), nil
}

// LoadSigningKey reads back what PEM returned. The error says that what is stored is unusable and holds
// none of it.
func LoadSigningKey(key Secret, certificate string) (*SigningKey, error) {
	k, err := parseSigningKey(key.Reveal()+certificate, "")
	if err != nil {
		return nil, FieldError{Text: "the stored {assertion_private_key} is unusable: write it again"}
	}
	return k, nil
}

// SigningKey returns the key of a client certificate, for the clients that sign with it.
func (i *Identity) SigningKey() *SigningKey {
	return wrapKey(&signingKey{signer: i.pair().PrivateKey.(crypto.Signer), leaf: i.pair().Leaf, above: i.pair().Certificate[1:], text: (*i.contents).key})
}

// PEM returns the key as unencrypted PKCS #8, and its certificate or "": the one form to store.
func (k *SigningKey) PEM() (key Secret, certificate string) {
	if leaf := (*k.contents).leaf; leaf != nil {
		certificate = string(pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: leaf.Raw}))
	}
	return (*k.contents).text, certificate
}

// NotAfter returns when the key's certificate expires, zero when it has none.
func (k *SigningKey) NotAfter() time.Time {
	if leaf := (*k.contents).leaf; leaf != nil {
		return leaf.NotAfter
	}
	return time.Time{}
}

// certificateHeader is the value of a header that names the key's certificate, which there is.
func (k *SigningKey) certificateHeader(name string) any {
	leaf := (*k.contents).leaf.Raw
	switch name {
	case HeaderX5T:
		sum := sha1.Sum(leaf)
		return base64.RawURLEncoding.EncodeToString(sum[:])
	case HeaderX5C:
		chain := []string{base64.StdEncoding.EncodeToString(leaf)}
		for _, der := range (*k.contents).above {
			chain = append(chain, base64.StdEncoding.EncodeToString(der))
		}
		return chain
	}
	return k.thumbprint()
}

// thumbprint is the certificate's x5t#S256 (RFC 7515 section 4.1.8), "" without a certificate.
func (k *SigningKey) thumbprint() string {
	leaf := (*k.contents).leaf
	if leaf == nil {
		return ""
	}
	sum := sha256.Sum256(leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// String implements fmt.Stringer and shows nothing of the key.
func (k SigningKey) String() string { return "signing key " + redacted }

// Format implements fmt.Formatter, so that no verb reaches the key by reflection.
func (k SigningKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// MarshalText implements encoding.TextMarshaler, for JSON and loggers; see Secret.MarshalText.
func (k SigningKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
