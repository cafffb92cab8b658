// Package dialect holds the servers that the sandbox imitates, a file each: Isabel Connect, Salesforce, PandaDoc,
// PingOne, Keliweb, and a strict one of nobody's. Each is a value of oauth.Provider, written from the provider's own
// documents: its hosts and paths, its applications, its tokens' looks and lives, and its words for yes and no.
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
	Key         crypto.PublicKey  // of whoever signs assertions, under GenericKeyID
}

// All gives all that the sandbox stands in for, in the order in which they are shown.
func All(registered Clients) []*oauth.Provider {
	return []*oauth.Provider{isabel(), isabelV1(), salesforce(), pandadoc(), pingone(), keliweb(), generic(registered)}
}

// loopbackRedirects are the redirect URIs of an application whose people sit at this machine: of a Vault that has the
// engine at oauth/, and of whatever listens on a port. Others are added with an order.
func loopbackRedirects(provider string) []string {
	return []string{"http://127.0.0.1/v1/oauth/callback/" + provider, "http://127.0.0.1/callback", "http://127.0.0.1/"}
}
