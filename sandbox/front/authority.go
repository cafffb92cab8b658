package front

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// Authority is the sandbox's own CA. Its key never leaves the process: whoever trusts ca.pem trusts it for
// as long as this sandbox runs and for nothing else.
type Authority struct {
	Cert *x509.Certificate // its own
	key  *ecdsa.PrivateKey
	Pool *x509.CertPool // whose client certificates count: its own, and of whoever was added

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// lifetime of everything that is issued; longer than the 30 days from which on a client should warn.
const certificateLife = 90 * 24 * time.Hour

// NewAuthority makes one, with a key that nobody has had.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the CA key: %w", err)
	}
	a := &Authority{key: key, leaves: map[string]*tls.Certificate{}, Pool: x509.NewCertPool()}
	a.Cert, err = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "OAuth sandbox CA"},
		IsCA:    true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, key.Public())
	if err != nil {
		return nil, err
	}
	a.Pool.AddCert(a.Cert)
	return a, nil
}

// sign issues a certificate; the first one signs itself.
func (a *Authority) sign(t *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	t.SerialNumber = serial
	t.NotBefore, t.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(certificateLife)
	parent := a.Cert
	if parent == nil {
		parent = t
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate for %s: %w", t.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// leaf gives the server certificate for a host name or address, made on first use.
func (a *Authority) leaf(host string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.leaves[host]; c != nil {
		return c, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: host},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		t.IPAddresses, t.DNSNames = []net.IP{ip, net.IPv6loopback}, []string{"localhost"}
	} else {
		t.DNSNames = []string{host}
	}
	cert, err := a.sign(t, key.Public())
	if err != nil {
		return nil, err
	}
	// The authority goes along: who knows it by its key alone, as a browser may, looks for that in what is shown.
	c := &tls.Certificate{Certificate: [][]byte{cert.Raw, a.Cert.Raw}, PrivateKey: key, Leaf: cert}
	a.leaves[host] = c
	return c, nil
}

// SPKI is the digest of the authority's key by which Chromium can be told to trust it, and nothing else, for one run
// (--ignore-certificate-errors-spki-list).
func (a *Authority) SPKI() string {
	sum := sha256.Sum256(a.Cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Subject is how the subject of a client certificate reads that Client issues for a name.
func Subject(name string) pkix.Name {
	return pkix.Name{CommonName: name, Organization: []string{"Sandbox"}}
}

// Client issues a client certificate for the holder of a key.
func (a *Authority) Client(name string, key crypto.Signer) (*x509.Certificate, error) {
	return a.sign(&x509.Certificate{
		Subject:     Subject(name),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, key.Public())
}
