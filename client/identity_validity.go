package client

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// renewalNotice is how long before its end a certificate draws a warning. CAs issue in minutes,
// but registering the new certificate with the provider can take a bank days.
const renewalNotice = 30 * 24 * time.Hour

// Check returns an error when the leaf is expired or not yet valid at now, with the date (UTC).
func (i *Identity) Check(now time.Time) error {
	leaf := i.pair().Leaf
	switch {
	case now.After(leaf.NotAfter):
		return errors.New("the client certificate expired on " + date(leaf.NotAfter) + ": write its successor")
	case now.Before(leaf.NotBefore):
		return errors.New("the client certificate is not valid before " + date(leaf.NotBefore) +
			": wait until then, or check this machine's clock")
	}
	return nil
}

// Warnings says, as sentences for the operator, what is wrong now or will be soon: a certificate
// that Check refuses, one that expires within 30 days, a leaf that may not act as a client.
func (i *Identity) Warnings(now time.Time) []string {
	var warnings []string
	leaf := i.pair().Leaf
	if err := i.Check(now); err != nil {
		warnings = append(warnings, err.Error())
	} else if leaf.NotAfter.Sub(now) <= renewalNotice {
		warnings = append(warnings, "the client certificate expires on "+date(leaf.NotAfter)+
			": write its successor before then")
	}
	if !allowsClientAuth(leaf) {
		// Go's and other strict servers enforce this; public CAs have stopped issuing clientAuth.
		warnings = append(warnings, "the client certificate's extended key usage lacks clientAuth: "+
			"strict servers will refuse it, ask the CA for one with clientAuth")
	}
	if leaf.IsCA {
		warnings = append(warnings, "the client certificate is self-signed and marked as a CA: "+
			"servers take it only if it was registered with them as it is (self_signed_tls_client_auth)")
	}
	return warnings
}

// allowsClientAuth follows RFC 5280 section 4.2.1.12: no extended key usage means any.
func allowsClientAuth(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
