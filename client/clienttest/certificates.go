package clienttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"sync"
	"time"
)

// authority is the CA of all servers of one test binary, made on first use: key generation would
// otherwise be most of what a test costs.
var authority = sync.OnceValue(func() *tls.Certificate {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "clienttest CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	return issue(template, nil)
})

// leaf is the certificate of every server that brings no own one.
var leaf = sync.OnceValue(func() *tls.Certificate {
	return ServerCertificate("localhost", "127.0.0.1", "::1")
})

// CAPEM is the CA certificate that signs the servers' certificates and ClientCertificate.
func CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority().Certificate[0]})
}

// Pool holds the CA of CAPEM.
func Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(authority().Leaf)
	return pool
}

// CAPEM is the package's CAPEM, for callers that hold a server.
func (s *Server) CAPEM() []byte { return CAPEM() }

// Pool is the package's Pool, for callers that hold a server.
func (s *Server) Pool() *x509.CertPool { return Pool() }

// ServerCertificate issues a certificate for host names and IP addresses, such as one that a
// server does not have.
func ServerCertificate(names ...string) *tls.Certificate {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return issue(template, authority())
}

// ClientCertificate issues a client certificate that servers with RequireClientCertificate
// accept, as PEM certificate and PKCS #8 key.
func ClientCertificate(commonName string) (certificate, key []byte) {
	return encode(issue(clientTemplate(commonName), authority()))
}

// StrangeCertificate makes a self-signed client certificate, which those servers refuse.
func StrangeCertificate(commonName string) (certificate, key []byte) {
	return encode(issue(clientTemplate(commonName), nil))
}

func clientTemplate(commonName string) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: commonName},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

func encode(c *tls.Certificate) (certificate, key []byte) {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// issue signs the template with the CA, or with its own key when there is none. It panics on
// errors, which on these inputs are bugs in this file.
func issue(template *x509.Certificate, by *tls.Certificate) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(365 * 24 * time.Hour)
	template.KeyUsage |= x509.KeyUsageDigitalSignature
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}
}

func (s *Server) tlsConfig() *tls.Config {
	certificate := s.options.Certificate
	if certificate == nil {
		certificate = leaf()
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{*certificate},
		MinVersion:   tls.VersionTLS12,
		MaxVersion:   s.options.MaxTLSVersion,
		// h2 is on offer, so that a client that would take it is seen to.
		NextProtos: []string{"h2", "http/1.1"},
	}
	if s.options.AskForClientCertificate {
		config.ClientAuth = tls.RequestClientCert
	}
	if s.options.RequireClientCertificate {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, Pool()
	}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		known := s.known
		if known == nil {
			return nil, nil
		}
		own := config.Clone()
		own.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 || !state.PeerCertificates[0].Equal(known) {
				_ = hello.Conn.Close()
				return errors.New("clienttest: another certificate")
			}
			return nil
		}
		return own, nil
	}
	return config
}
