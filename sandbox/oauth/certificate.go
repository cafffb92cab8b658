package oauth

import (
	"crypto/x509"
	"slices"
)

// certified checks the client certificate of an application that authenticates by it.
func (c *Call) certified(a *App) *Refusal {
	if t := c.Req.TLS; t == nil || !a.shownBy(t.PeerCertificates, c.Roots) {
		return Refuse("invalid_client", "the client certificate is missing or not the registered one")
	}
	return nil
}

// shownBy tells whether a chain is that of the application's certificate: the very one where no authority
// vouches for it (RFC 8705 section 2.2), else one of an authority for the registered subject (section 2.1).
func (a *App) shownBy(chain []*x509.Certificate, roots *x509.CertPool) bool {
	switch {
	case len(chain) == 0 || a.Certificate == nil:
		return false
	case a.Method == "self_signed_tls_client_auth":
		return chain[0].Equal(a.Certificate)
	case a.Method != "tls_client_auth" || chain[0].Subject.String() != a.Certificate.Subject.String():
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

// IsRegistered tells whether a chain is that of an application's certificate.
func (l *Ledger) IsRegistered(chain []*x509.Certificate) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.Apps, func(a App) bool { return a.shownBy(chain, l.Roots) })
}
