package role

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// Credentials are what a client proves with who it is. A role has those that are in use and, while they are being
// replaced, their successors.
type Credentials struct {
	ClientSecret client.Secret

	CertificateChain string        // PEM, leaf first; "" for no client certificate
	PrivateKey       client.Secret // of CertificateChain: PKCS #8, in the clear, since passwords are needed once and never kept

	AssertionKey         client.Secret // signs assertions (RFC 7523): PKCS #8, in the clear
	AssertionCertificate string        // PEM, of AssertionKey if it has one
	AssertionKeyID       string        // the kid header of assertions, also of those that PrivateKey signs

	// ClientSecretExpiresAt is when the provider stops taking the client secret (RFC 7591 section 3.2.1), as an operator has
	// written it; zero for never, or not known.
	ClientSecretExpiresAt time.Time

	// Each since when: written, or promoted.
	ClientSecretSince, CertificateSince, AssertionKeySince time.Time
}

// credentialsEntry is the credentials as they are stored, secrets in plain strings.
type credentialsEntry struct {
	CertificateChain     string    `json:"certificate_chain,omitempty"`
	AssertionCertificate string    `json:"assertion_certificate,omitempty"`
	AssertionKeyID       string    `json:"assertion_key_id,omitempty"`
	ClientSecretSince    time.Time `json:"client_secret_since,omitzero"`
	ClientSecretExpires  time.Time `json:"client_secret_expires_at,omitzero"`
	CertificateSince     time.Time `json:"certificate_since,omitzero"`
	AssertionKeySince    time.Time `json:"assertion_key_since,omitzero"`
	ClientSecret         string    `json:"client_secret,omitempty"`
	PrivateKey           string    `json:"private_key,omitempty"`
	AssertionKey         string    `json:"assertion_key,omitempty"`
}

func (e credentialsEntry) credentials() Credentials {
	return Credentials{
		ClientSecret: client.NewSecret(e.ClientSecret), ClientSecretSince: e.ClientSecretSince, ClientSecretExpiresAt: e.ClientSecretExpires,
		CertificateChain: e.CertificateChain, PrivateKey: client.NewSecret(e.PrivateKey), CertificateSince: e.CertificateSince,
		AssertionKey: client.NewSecret(e.AssertionKey), AssertionCertificate: e.AssertionCertificate, AssertionKeyID: e.AssertionKeyID,
		AssertionKeySince: e.AssertionKeySince,
	}
}

func (c Credentials) entry() credentialsEntry {
	return credentialsEntry{
		ClientSecret: c.ClientSecret.Reveal(), ClientSecretSince: c.ClientSecretSince, ClientSecretExpires: c.ClientSecretExpiresAt,
		CertificateChain: c.CertificateChain, PrivateKey: c.PrivateKey.Reveal(), CertificateSince: c.CertificateSince,
		AssertionKey: c.AssertionKey.Reveal(), AssertionCertificate: c.AssertionCertificate, AssertionKeyID: c.AssertionKeyID,
		AssertionKeySince: c.AssertionKeySince,
	}
}

// Identity is the client certificate with its key, nil when there is none. The error is that what is stored can't be
// used.
func (c Credentials) Identity() (*client.Identity, error) {
	if c.CertificateChain == "" {
		return nil, nil
	}
	return client.LoadIdentity(c.CertificateChain, c.PrivateKey)
}

// signs tells whether assertions are signed with a key, by this method and for this grant.
func (r *Role) signs(p *client.Provider) bool {
	return p.TokenEndpointAuthMethod == client.AuthKeyJWT || r.GrantType == client.GrantJWTBearer
}

// signsWithCertificate tells whether that is the key of the client certificate.
func (r *Role) signsWithCertificate(p *client.Provider) bool {
	return r.signs(p) && !r.AssertionKey.IsSet() && r.CertificateChain != ""
}
