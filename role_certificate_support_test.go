package oauthrefresh

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

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

const certificatePassword = canary + "password"

// clientCertificate is a certificate with its key in all the forms that a role takes.
type clientCertificate struct{ certificate, key, encryptedKey, pfx string }

// newClientCertificate makes one that is valid from and until so long after now, for the usages.
func newClientCertificate(t *testing.T, from, until time.Duration, usages ...x509.ExtKeyUsage) *clientCertificate {
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

func encodeCertificate(t *testing.T, der []byte, key crypto.PrivateKey) *clientCertificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := pkcs8.MarshalPrivateKey(key, []byte(certificatePassword), nil)
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := pkcs12.Modern2023.Encode(key, leaf, nil, certificatePassword)
	if err != nil {
		t.Fatal(err)
	}
	c := &clientCertificate{
		certificate:  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		key:          string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain})),
		encryptedKey: string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: encrypted})),
		pfx:          base64.StdEncoding.EncodeToString(pfx),
	}
	for line := range strings.Lines(c.key) {
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

// acceptedCertificate is one that clienttest's servers accept, in all forms.
func acceptedCertificate(t *testing.T) *clientCertificate {
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

// wrap breaks a text into lines, as base64 without -w0 does.
func wrap(text, end string) string {
	var b strings.Builder
	for i := 0; i < len(text); i += 76 {
		b.WriteString(text[i:min(i+76, len(text))] + end)
	}
	return b.String()
}

// fixture reads one of the files that client/testdata/identity/README explains.
func fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("client/testdata/identity/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// derOf is the first block of a PEM text.
func derOf(text string) []byte {
	block, _ := pem.Decode([]byte(text))
	return block.Bytes
}
