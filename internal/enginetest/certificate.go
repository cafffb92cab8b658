package enginetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/role"
)

const CertificatePassword = Canary + "password"

// ClientCertificate is a certificate with its key in all the forms that a role takes.
type ClientCertificate struct{ Certificate, Key, EncryptedKey, Pfx string }

// NewClientCertificate makes one that is valid from and until so long after now, for the usages.
func NewClientCertificate(t *testing.T, from, until time.Duration, usages ...x509.ExtKeyUsage) *ClientCertificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "application"}, ExtKeyUsage: usages,
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return encodeCertificate(t, der, key)
}

func encodeCertificate(t *testing.T, der []byte, key crypto.PrivateKey) *ClientCertificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := pkcs8.MarshalPrivateKey(key, []byte(CertificatePassword), nil)
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := pkcs12.Modern2023.Encode(key, leaf, nil, CertificatePassword)
	if err != nil {
		t.Fatal(err)
	}
	c := &ClientCertificate{
		Certificate:  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key:          string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain})),
		EncryptedKey: string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: encrypted})),
		Pfx:          base64.StdEncoding.EncodeToString(pfx),
	}
	for line := range strings.Lines(c.Key) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") && len(line) >= 8 {
			privateKeys.Store(line, true)
		}
	}
	return c
}

// privateKeys are the lines of all private keys that were made: a fragment of one is a leak too.
var privateKeys sync.Map

// holdsPrivateKey tells whether a text has a private key, or a line of one that was made, in it.
func holdsPrivateKey(text string) (holds bool) {
	privateKeys.Range(func(line, _ any) bool {
		holds = strings.Contains(text, line.(string))
		return !holds
	})
	return holds || strings.Contains(text, "PRIVATE KEY")
}

// AcceptedCertificate is one that clienttest's servers accept, in all forms.
func AcceptedCertificate(t *testing.T) *ClientCertificate {
	t.Helper()
	certificate, key := clienttest.ClientCertificate("application")
	block, _ := pem.Decode(key)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	block, _ = pem.Decode(certificate)
	return encodeCertificate(t, block.Bytes, private)
}

// Wrap breaks a text into lines, as base64 without -w0 does.
func Wrap(text, end string) string {
	var b strings.Builder
	for i := 0; i < len(text); i += 76 {
		b.WriteString(text[i:min(i+76, len(text))] + end)
	}
	return b.String()
}

// Fixture reads one of the files that client/testdata/identity/README explains.
func Fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(InTree(t, "client/testdata/identity/"+name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// DerOf is the first block of a PEM text.
func DerOf(text string) []byte {
	block, _ := pem.Decode([]byte(text))
	return block.Bytes
}

// SetCertificate puts a certificate into storage that a write would refuse.
func (b *Mount) SetCertificate(name string, c *ClientCertificate) {
	b.T.Helper()
	r, err := role.Get(b.T.Context(), b.Storage, name)
	if err != nil {
		b.T.Fatal(err)
	}
	r.CertificateChain, r.PrivateKey = c.Certificate, client.NewSecret(c.Key)
	if err := role.Put(b.T.Context(), b.Storage, name, r); err != nil {
		b.T.Fatal(err)
	}
}

// Signed makes a role's fields those of a client that signs with a key.
func Signed(key string, others ...Fields) Fields {
	return With(Fields{
		"client_secret": "", "token_endpoint_auth_method": "private_key_jwt", "assertion_private_key": key,
	}, others...)
}

// Decoded is a part of a JWT.
func Decoded(t *testing.T, text string) string {
	t.Helper()
	out, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// MustParse is the certificate in this DER.
func MustParse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
