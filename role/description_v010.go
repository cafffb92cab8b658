package role

import (
	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// v0.1.0 named exchanges and verdicts by fewer things, and stored these names. They count like the new ones:
// else an answer that was lost just before an upgrade would be asked for under another key, and every
// grant that is dead would be presented once more after it.

// IsExchange tells whether a stored name is that of the exchange described.
func (d Description) IsExchange(name string) bool {
	if name == d.ExchangeID() {
		return true
	}
	before, _ := namesV010(d.role, d.Provider)
	return name == before
}

// IsVerdict tells whether a stored name is that of a refusal of what is described.
func (d Description) IsVerdict(name string) bool {
	if name == d.VerdictID() {
		return true
	}
	_, before := namesV010(d.role, d.Provider)
	return name == before
}

// namesV010 are the exchange and the verdict as v0.1.0 named them.
func namesV010(r *Role, p *client.Provider) (exchange, verdict string) {
	o := override(r, p)
	endpoints, err := p.Endpoints(r.ProviderParams)
	if err != nil {
		return "", ""
	}
	if o.NeedsCertificate() {
		endpoints = endpoints.WithAliases()
	}
	exchange = mount.Digest(endpoints.Token, r.GrantType, r.ClientID, r.Scope, revealAll(r.TokenParams),
		o.TokenParams, o.TokenEndpointAuthMethod, o.RequestFormat, o.SendScope)
	return exchange, mount.Digest(exchange, revealAll(r.TokenHeaders), o.PermanentErrors)
}
