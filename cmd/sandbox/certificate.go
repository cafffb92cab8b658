package main

import (
	"crypto/x509"
	"slices"
)

// certified checks the client certificate of an application that authenticates by it.
func (c *call) certified(a *app) *refusal {
	if t := c.req.TLS; t == nil || !a.shownBy(t.PeerCertificates, c.roots) {
		return refuse("invalid_client", "the client certificate is missing or not the registered one")
	}
	return nil
}

// shownBy tells whether a chain is that of the application's certificate: the very one where no authority
// vouches for it (RFC 8705 section 2.2), else one of an authority for the registered subject (section 2.1).
func (a *app) shownBy(chain []*x509.Certificate, roots *x509.CertPool) bool {
	switch {
	case len(chain) == 0 || a.certificate == nil:
		return false
	case a.method == "self_signed_tls_client_auth":
		return chain[0].Equal(a.certificate)
	case a.method != "tls_client_auth" || chain[0].Subject.String() != a.certificate.Subject.String():
		return false
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}

// isRegistered tells whether a chain is that of an application's certificate.
func (l *ledger) isRegistered(chain []*x509.Certificate) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.apps, func(a app) bool { return a.shownBy(chain, l.roots) })
}
