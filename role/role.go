// Package role is what an operator stores of one grant, from the write to the request: the client's credentials and
// their successors, the settings, the origins that secrets are bound to, and the target, which puts role, provider
// and configuration together. It knows nothing of what became of the grant.
package role

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Prefix begins the storage keys of roles: role/<name>.
const Prefix = "role/"

// Role is what an operator stores: one grant, its credentials and how its tokens are handed out.
// What the machine learns lives in a token entry, so that an edit and a refresh can't overwrite
// each other.
type Role struct {
	Settings
	Credentials
	Next NextCredentials
	// PreviousClientSecret is tried when the provider refuses ClientSecret, and the other way round:
	// while a secret is being replaced, both may be valid, or only the one that was not written last.
	PreviousClientSecret client.Secret

	RefreshToken client.Secret            // the one that was written; the current one is in the token entry
	TokenParams  map[string]client.Secret // sent in the body of a token request besides the provider's
	TokenHeaders map[string]client.Secret // sent as its headers, likewise
}

// Settings are the part of a role that is no secret, as it is stored. What a field means is said in its row, see Fields.
type Settings struct {
	// Revision changes with every write: a failure that is remembered for one revision does not
	// hold back the next.
	Revision string `json:"revision"`
	// GrantID changes with every new refresh token: the state of another grant does not count.
	GrantID string `json:"grant_id"`
	// GrantedAt is when the refresh token was written: an unused one ages from then on.
	GrantedAt time.Time `json:"granted_at,omitzero"`
	// Origins are the scheme, host and port of the endpoints that the secrets were written for.
	Origins []string `json:"origins"`

	GrantType      string            `json:"grant_type"`
	Provider       string            `json:"provider"`
	ProviderParams map[string]string `json:"provider_params,omitempty"`
	ClientID       string            `json:"client_id"`
	Scope          string            `json:"scope,omitempty"`
	// Subject is on whose behalf the JWT bearer grant asks.
	Subject                 string            `json:"subject,omitempty"`
	AssertionAudience       string            `json:"assertion_audience,omitempty"`
	AssertionClaims         map[string]string `json:"assertion_claims,omitempty"`
	SigningAlg              string            `json:"token_endpoint_auth_signing_alg,omitempty"`
	TokenEndpointAuthMethod string            `json:"token_endpoint_auth_method,omitempty"`
	RequestFormat           string            `json:"request_format,omitempty"`
	CACertificate           string            `json:"ca_certificate,omitempty"`
	TTL                     time.Duration     `json:"ttl,omitempty"`
	AssumedTokenTTL         time.Duration     `json:"assumed_token_ttl,omitempty"`
	RefreshWindow           time.Duration     `json:"refresh_window,omitempty"`
	KeepalivePeriod         time.Duration     `json:"keepalive_period,omitempty"`
	MaxRefreshesPerDay      int               `json:"max_refreshes_per_day,omitempty"`
	Lease                   bool              `json:"lease"`
	IdentityReadable        bool              `json:"identity_readable,omitempty"`
	TokenMode               string            `json:"token_mode"`
	AuthorizationParams     map[string]string `json:"authorization_params,omitempty"`
	RedirectURIs            []string          `json:"redirect_uris,omitempty"`
	DeviceFlow              bool              `json:"device_flow,omitempty"`
	GrantOwner              string            `json:"grant_owner,omitempty"`
	BoundAccount            string            `json:"bound_account,omitempty"`
	// Labels are the operator's own words, see checkLabels.
	Labels map[string]string `json:"labels,omitempty"`
	// GrantExpiresAt is when the consent behind the grant ends, as an operator has written it; zero when nobody has.
	GrantExpiresAt time.Time `json:"grant_expires_at,omitzero"`
	// AuthorizationOrigin is where the provider's authorization endpoint was at the last write, see CheckAuthorization.
	AuthorizationOrigin string `json:"authorization_origin,omitempty"`
	// Pins are what the provider's definition said at the last write, nil where that is built-in, and in
	// roles of v0.1.0.
	Pins *Pins `json:"pins,omitempty"`
}

// roleEntry is a role as it is stored, secrets in plain strings: a client.Secret does not let
// itself be encoded.
type roleEntry struct {
	Settings
	credentialsEntry
	Next                 *nextEntry        `json:"next,omitempty"`
	PreviousClientSecret string            `json:"previous_client_secret,omitempty"`
	RefreshToken         string            `json:"refresh_token,omitempty"`
	TokenParams          map[string]string `json:"token_params,omitempty"`
	TokenHeaders         map[string]string `json:"token_headers,omitempty"`
}

// Get returns the role of a name, nil when there is none. The error is storage's, or a mount.DamagedError.
func Get(ctx context.Context, s logical.Storage, name string) (*Role, error) {
	e := new(roleEntry)
	ok, err := mount.Load(ctx, s, Prefix+name, e)
	if err != nil || !ok {
		return nil, err
	}
	return &Role{
		Settings:             e.Settings,
		Credentials:          e.credentials(),
		Next:                 e.Next.next(),
		PreviousClientSecret: client.NewSecret(e.PreviousClientSecret),
		RefreshToken:         client.NewSecret(e.RefreshToken),
		TokenParams:          wrapAll(e.TokenParams),
		TokenHeaders:         wrapAll(e.TokenHeaders),
	}, nil
}

// Put stores a role as it is, its secrets in plain text: its prefix is one of those that Vault seals once more. It
// checks nothing, see Write.
func Put(ctx context.Context, s logical.Storage, name string, r *Role) error {
	return mount.Save(ctx, s, Prefix+name, &roleEntry{
		Settings:             r.Settings,
		credentialsEntry:     r.Credentials.entry(),
		Next:                 r.Next.entry(),
		PreviousClientSecret: r.PreviousClientSecret.Reveal(),
		RefreshToken:         r.RefreshToken.Reveal(),
		TokenParams:          revealAll(r.TokenParams),
		TokenHeaders:         revealAll(r.TokenHeaders),
	})
}

// Spends tells whether a refresh of this role presents a refresh token (RFC 6749 section 6), so that there is something
// to lose. The other grant types ask with what the client has.
func (r *Role) Spends() bool { return r.GrantType == client.GrantRefreshToken }

// SettingsID names what decides which access token an exchange brings. A stored token that was got
// with other settings is not handed out: it may have another scope, or belong to another client or
// server.
func (r *Role) SettingsID() string {
	settings := mount.Digest(r.Realm(), r.Scope, revealAll(r.TokenParams), r.TokenMode)
	if r.Subject != "" || len(r.AssertionClaims) > 0 {
		return mount.Digest(settings, r.Subject, r.AssertionClaims)
	}
	return settings
}

// Realm names whose tokens these are, server and client. A token of another realm is never sent
// anywhere, not even to be revoked.
func (r *Role) Realm() string {
	return mount.Digest(r.GrantType, r.Provider, r.Origins, r.ProviderParams, r.ClientID)
}

// ClientRealm names which client of which server this is, whatever else its definition says.
func (r *Role) ClientRealm() string { return mount.Digest(r.Provider, r.ProviderParams, r.ClientID) }

// PerOwner tells whether the role keeps a grant for each of its owners, and none of its own.
func (r *Role) PerOwner() bool { return r.GrantOwner == GrantOwnerEntity }

// Fingerprint is that of the client certificate, the SHA-256 of its DER in lower-case hex; "" when the role has none.
func (r *Role) Fingerprint() string { return client.Fingerprint(r.CertificateChain) }

// wrapAll is a map of plain texts as secrets.
func wrapAll(plain map[string]string) map[string]client.Secret {
	secrets := make(map[string]client.Secret, len(plain))
	for name, value := range plain {
		secrets[name] = client.NewSecret(value)
	}
	return secrets
}

// revealAll is a map of secrets as plain texts, for storage and requests.
func revealAll(secrets map[string]client.Secret) map[string]string {
	plain := make(map[string]string, len(secrets))
	for name, value := range secrets {
		plain[name] = value.Reveal()
	}
	return plain
}

// ErrNoRole is the refusal of whoever names a role that nobody has written.
var ErrNoRole = mount.Refusal("there is no role of this name; list the roles to see which there are")
