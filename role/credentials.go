package role

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// Credentials are what a client proves with who it is. A role has those that are in use and, while they are
// being replaced, their successors.
type Credentials struct {
	credentialNotes
	ClientSecret client.Secret
	PrivateKey   client.Secret // of CertificateChain: PKCS #8, in the clear, since passwords are needed once and never kept
	AssertionKey client.Secret // PKCS #8, in the clear
}

// credentialNotes is the part of the credentials that is no secret, as it is stored.
type credentialNotes struct {
	CertificateChain     string `json:"certificate_chain,omitempty"`     // PEM, leaf first
	AssertionCertificate string `json:"assertion_certificate,omitempty"` // PEM, of AssertionKey if it has one
	AssertionKeyID       string `json:"assertion_key_id,omitempty"`
	// Each since when: written, or promoted.
	ClientSecretSince time.Time `json:"client_secret_since,omitzero"`
	CertificateSince  time.Time `json:"certificate_since,omitzero"`
	AssertionKeySince time.Time `json:"assertion_key_since,omitzero"`
}

// credentialsEntry is the credentials as they are stored, secrets in plain strings.
type credentialsEntry struct {
	credentialNotes
	ClientSecret string `json:"client_secret,omitempty"`
	PrivateKey   string `json:"private_key,omitempty"`
	AssertionKey string `json:"assertion_key,omitempty"`
}

func (e credentialsEntry) credentials() Credentials {
	return Credentials{
		credentialNotes: e.credentialNotes, ClientSecret: client.NewSecret(e.ClientSecret),
		PrivateKey: client.NewSecret(e.PrivateKey), AssertionKey: client.NewSecret(e.AssertionKey),
	}
}

func (c Credentials) entry() credentialsEntry {
	return credentialsEntry{
		credentialNotes: c.credentialNotes, ClientSecret: c.ClientSecret.Reveal(),
		PrivateKey: c.PrivateKey.Reveal(), AssertionKey: c.AssertionKey.Reveal(),
	}
}

// Identity is the client certificate, nil when there is none.
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
