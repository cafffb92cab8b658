package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// signer is a certificate with the key that signs others.
type signer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate, signed by another or by itself.
func issue(t *testing.T, name string, by *signer, change func(*x509.Certificate)) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	s := &signer{template, key}
	if by == nil {
		by = s
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if s.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return s
}

// listen accepts TLS connections until the test ends, and shows the chain.
func listen(t *testing.T, config *tls.Config, chain ...*signer) string {
	t.Helper()
	var c tls.Certificate
	for _, s := range chain {
		c.Certificate = append(c.Certificate, s.certificate.Raw)
	}
	if len(chain) > 0 {
		c.PrivateKey = chain[0].key
		config.Certificates = []tls.Certificate{c}
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).Handshake()
			_ = c.Close()
		}
	}()
	return "https://" + l.Addr().String()
}

// reasonOf is what an exchange with the endpoint says, which must not have been sent.
func reasonOf(t *testing.T, endpoint string, o Options) string {
	t.Helper()
	_, err := Exchange(t.Context(), o, withEndpoint(refresh(clienttest.New(t, clienttest.Options{})), endpoint))
	e := asError(t, err)
	if e.Class != NotProcessed {
		t.Errorf("%+v", e)
	}
	return e.Reason
}

// What is wrong with a server's certificate is named, and what is said to help does.
func TestWhatIsWrongWithAServersCertificate(t *testing.T) {
	here := func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}; c.IsCA = false }
	root := issue(t, "root", nil, nil)
	middle := issue(t, "middle", root, nil)
	lower := issue(t, "lower", middle, nil)
	leaf := issue(t, "leaf", lower, here)
	alone := issue(t, "alone", nil, here)
	bare := issue(t, "127.0.0.1", root, func(c *x509.Certificate) { c.IsCA = false })
	elsewhere := issue(t, "elsewhere", root, func(c *x509.Certificate) { c.DNSNames = []string{"elsewhere.example"}; c.IsCA = false })
	trusts := func(signers ...*signer) Options {
		pool := x509.NewCertPool()
		for _, s := range signers {
			pool.AddCert(s.certificate)
		}
		return Options{RootCAs: pool}
	}
	for name, c := range map[string]struct {
		chain       []*signer
		trusted     *signer
		want, never string
		helps       *signer // in ca_certificate
	}{
		"without any intermediate":     {[]*signer{leaf}, root, "does not send its intermediate certificate", "another host name", lower},
		"without one of two":           {[]*signer{leaf, lower}, root, "does not send all its intermediate certificates", "", middle},
		"of an unknown root, in whole": {[]*signer{leaf, lower, middle, root}, alone, "the last of the chain", "intermediate", root},
		"signed by itself":             {[]*signer{alone}, root, ", itself:", "intermediate", alone},
		"with a common name only":      {[]*signer{bare}, root, "no subjectAltName", "check token_endpoint", nil},
		"for another host":             {[]*signer{elsewhere}, root, "for another host name: check token_endpoint", "subjectAltName", nil},
	} {
		endpoint := listen(t, &tls.Config{}, c.chain...)
		if got := reasonOf(t, endpoint, trusts(c.trusted)); !strings.Contains(got, c.want) || c.never != "" && strings.Contains(got, c.never) {
			t.Errorf("%s: %s", name, got)
		}
		if c.helps == nil {
			continue
		}
		_, err := Exchange(t.Context(), trusts(c.trusted, c.helps), withEndpoint(refresh(clienttest.New(t, clienttest.Options{})), endpoint))
		if e := asError(t, err); e.Class != OutcomeUnknown { // it was sent, to a server that answers nothing
			t.Errorf("%s: what it says does not help: %s", name, e.Reason)
		}
	}
}

// What Go's TLS leaves out by default is named with the word that brings it back, and that word does.
func TestWhatGoLeavesOutOfTLS(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	o := Options{RootCAs: pool}
	config := func() *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	}
	static := config()
	static.MaxVersion, static.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_256_GCM_SHA384}
	old := config()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11

	for _, c := range []struct{ endpoint, want, remedy string }{
		{listen(t, static), "RSA key exchange", "tlsrsakex=1"},
		{listen(t, old), "speaks 1.2 and 1.3", ""},
		{onePacket(t, config(), true), "larger than one packet", "tlsmlkem=0"},
		{onePacket(t, config(), false), "larger than one packet", "tlsmlkem=0"},
	} {
		got := reasonOf(t, c.endpoint, o)
		if !strings.Contains(got, c.want) || !strings.Contains(got, c.remedy) {
			t.Errorf("want %q: %s", c.want, got)
		}
		if c.remedy == "" {
			continue
		}
		t.Setenv("GODEBUG", c.remedy)
		_, err := Exchange(t.Context(), o, withEndpoint(refresh(clienttest.New(t, clienttest.Options{})), c.endpoint))
		if e := asError(t, err); e.Class != OutcomeUnknown {
			t.Errorf("%s does not help: %s", c.remedy, e.Reason)
		}
		t.Setenv("GODEBUG", "")
	}
}

// A hello that is swallowed shows as a handshake that does not end.
func TestAHelloThatIsSwallowed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // connects, and never reads
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"https", "http"} {
		o := Options{Timeout: 50 * time.Millisecond}
		_, err := Exchange(t.Context(), o, withEndpoint(refresh(clienttest.New(t, clienttest.Options{})), scheme+"://"+l.Addr().String()))
		if e := asError(t, err); strings.Contains(e.Reason, "TLS handshake") != (scheme == "https") || strings.Contains(e.Reason, "tlsmlkem=0") != (scheme == "https") {
			t.Errorf("%s: %s", scheme, e.Reason)
		}
	}
}

// onePacket is a server that resets, or closes, a connection whose hello does not come in its first 1400 bytes.
func onePacket(t *testing.T, config *tls.Config, resets bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			hello := make([]byte, 1400)
			n, _ := c.Read(hello)
			if n < 5 || n < 5+int(hello[3])<<8+int(hello[4]) {
				if resets {
					_ = c.(*net.TCPConn).SetLinger(0)
				} else {
					_, _ = c.Read(make([]byte, 1<<14)) // what is unread would make a reset of it
				}
				_ = c.Close()
				continue
			}
			_ = tls.Server(&readFirst{c, hello[:n]}, config).Handshake()
			_ = c.Close()
		}
	}()
	return "https://" + l.Addr().String()
}

// readFirst is a connection of which some has been read.
type readFirst struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (c *readFirst) Read(p []byte) (int, error) {
	if len(c.first) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.first)
	c.first = c.first[n:]
	return n, nil
}
