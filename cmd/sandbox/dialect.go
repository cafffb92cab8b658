package main

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
)

// clients are what the generic server is told of its clients when they are registered.
type clients struct {
	roots       *x509.CertPool    // authorities of their certificates
	subject     pkix.Name         // of the certificate that one of these authorities vouches for
	certificate *x509.Certificate // that nobody vouches for
	key         crypto.PublicKey  // of whoever signs assertions, under genericKeyID
}

// providers gives all that the sandbox stands in for, in the order in which they are shown.
func providers(registered clients) []*provider {
	return []*provider{isabel(), isabelV1(), salesforce(), pandadoc(), pingone(), keliweb(), generic(registered)}
}
