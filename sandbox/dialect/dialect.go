package dialect

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// Clients are what the generic server is told of its clients when they are registered.
type Clients struct {
	Roots       *x509.CertPool    // authorities of their certificates
	Subject     pkix.Name         // of the certificate that one of these authorities vouches for
	Certificate *x509.Certificate // that nobody vouches for
	Key         crypto.PublicKey  // of whoever signs assertions, under genericKeyID
}

// All gives all that the sandbox stands in for, in the order in which they are shown.
func All(registered Clients) []*oauth.Provider {
	return []*oauth.Provider{isabel(), isabelV1(), salesforce(), pandadoc(), pingone(), keliweb(), generic(registered)}
}
