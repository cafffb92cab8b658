package role

import (
	"cmp"
	"maps"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Description is all that a token request's bytes and the meaning of its answer come from, except the secrets
// themselves. Four questions are asked of it, and each is a cut of it: whether the access token at hand is
// still what is asked for (SettingsID), whether an idempotency key names the same request (ExchangeID),
// whether a refusal was about this one (VerdictID), and whether a failure was of what is configured now
// (DefinitionID, Target.VersionID). What is added to a role or provider belongs in one of these groups, and a test that
// changes every field in turn says in which.
type Description struct {
	asked askedFor
	kept  keptAs
	said  saidHow
	read  readAs

	role *Role // what it was made of, for the names of before: see IsExchange
	// Provider is as it is defined, without the role's overrides.
	Provider *client.Provider
}

// askedFor is what is asked for, and of whom. Another token comes of another.
type askedFor struct {
	TokenEndpoint, GrantType, ClientID string
	Scope, Subject                     string
	SendScope                          bool
	Params, Headers, Claims            map[string]string // the role's laid over the provider's
}

// keptAs is what becomes of the answer: a token that was taken from another member of it, or for another use, is
// another one, though the request is the same.
type keptAs struct {
	Provider, TokenMode string
	AcceptedPointer     string // see pins
}

// saidHow is how it is said: the rest of the request's bytes, but for what proves who the client is.
type saidHow struct {
	TokenEndpointAuthMethod, RequestFormat, BasicEncoding, SigningAlg, AssertionAudience, Issuer string
	AssertionScopeClaim                                                                          bool
	ParamOrder                                                                                   []string

	// What came later is left out where it is unset, so that the names in storage stay what they are.
	AssertionType               string   `json:",omitempty"`
	AssertionCertificateHeaders []string `json:",omitempty"`
	SendClientID                bool     `json:",omitempty"`
}

// readAs is how a refusal is understood.
type readAs struct{ PermanentErrors []string }

// Describe puts a role and its provider together. The provider is as it is defined, without the role's
// overrides.
func Describe(r *Role, p *client.Provider) Description {
	endpoint := p.TokenEndpoint // whose parameters do not fit: nothing is sent there
	if endpoints, err := p.Endpoints(r.ProviderParams); err == nil {
		endpoint = endpoints.Token // as it is defined: a client with a certificate may go to its alias, at the same server
	}
	return Description{
		asked: askedFor{
			TokenEndpoint: endpoint, GrantType: r.GrantType, ClientID: r.ClientID, Scope: r.Scope, Subject: r.Subject,
			SendScope: p.SendScope,
			Params:    overlaid(p.TokenParams, revealAll(r.TokenParams)),
			Headers:   overlaid(p.TokenHeaders, revealAll(r.TokenHeaders)),
			Claims:    overlaid(p.AssertionClaims, r.AssertionClaims),
		},
		kept: keptAs{r.Provider, r.TokenMode, r.acceptedPointer()},
		said: saidHow{
			TokenEndpointAuthMethod: cmp.Or(r.TokenEndpointAuthMethod, p.TokenEndpointAuthMethod, client.AuthBasic),
			RequestFormat:           cmp.Or(r.RequestFormat, p.RequestFormat, client.FormatForm),
			BasicEncoding:           cmp.Or(p.BasicEncoding, client.BasicRFC6749),
			SigningAlg:              cmp.Or(r.SigningAlg, p.TokenEndpointAuthSigningAlg),
			AssertionAudience:       cmp.Or(r.AssertionAudience, p.AssertionAudience, client.AudienceTokenEndpoint),
			Issuer:                  p.Issuer,
			AssertionScopeClaim:     p.AssertionScopeClaim,
			ParamOrder:              p.ParamOrder,

			AssertionType: unless(client.AssertionTypeJWT, p.AssertionType), AssertionCertificateHeaders: p.AssertionCertificateHeaders, SendClientID: p.SendClientID,
		},
		read: readAs{p.PermanentErrors},
		role: r, Provider: p,
	}
}

// unless is a text, or none where it says what holds without it.
func unless(usual, text string) string {
	if text == usual {
		return ""
	}
	return text
}

func overlaid(below, above map[string]string) map[string]string {
	merged := map[string]string{}
	maps.Copy(merged, below)
	maps.Copy(merged, above)
	return merged
}

// SettingsID names what decides which access token an exchange brings. One that was got with others is not
// handed out: it may have another scope, or belong to another client or tenant.
func (d Description) SettingsID() string { return mount.Digest(d.asked, d.kept) }

// ExchangeID names the request that an idempotency key was sent with. Credentials are no part of it: one that
// is replaced while an answer is lost does not make it another request, and to ask under the same key is
// the only way to that answer. A provider that compares them too refuses the key, which is then dropped
// (see refusesKey). Whoever has edited a timeout or a lease's length has not made it another one either.
func (d Description) ExchangeID() string { return mount.Digest(d.asked, d.said) }

// VerdictID names what a refusal of the grant is about. Whoever corrects a client_id, an endpoint or
// permanent_errors may find that the grant is alive; whoever has lifted something at the provider says so
// (refresh/<role> with retry).
func (d Description) VerdictID() string { return mount.Digest(d.asked, d.said, d.read) }

// DefinitionID names the role and the provider as they were written last: a failure of others holds nobody back.
func (d Description) DefinitionID() string { return mount.Digest(d.role.Revision, d.Provider) }

// VersionID names what an exchange is made with. A failure is remembered for one version: whoever writes the
// role, its provider or the configuration wants to see at once whether that helped.
func (t *Target) VersionID() string { return mount.Digest(t.Role.Revision, t.Provider, t.Config) }
