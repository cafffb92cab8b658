package oauthrefresh

import (
	"vault-plugin-secrets-oauthrefresh/client"
)

// v0.1.0 named exchanges and verdicts by fewer things, and stored these names. They count like the new ones:
// else an answer that was lost just before an upgrade would be asked for under another key, and every
// grant that is dead would be presented once more after it.

// isExchange tells whether a stored name is that of the exchange described.
func (d description) isExchange(name string) bool {
	if name == d.exchange() {
		return true
	}
	before, _ := namesV010(d.role, d.provider)
	return name == before
}

// isVerdict tells whether a stored name is that of a refusal of what is described.
func (d description) isVerdict(name string) bool {
	if name == d.verdict() {
		return true
	}
	_, before := namesV010(d.role, d.provider)
	return name == before
}

// namesV010 are the exchange and the verdict as v0.1.0 named them.
func namesV010(r *role, p *client.Provider) (exchange, verdict string) {
	o := override(r, p)
	endpoints, err := p.Endpoints(r.ProviderParams)
	if err != nil {
		return "", ""
	}
	if o.NeedsCertificate() {
		endpoints = endpoints.WithAliases()
	}
	exchange = digest(endpoints.Token, r.GrantType, r.ClientID, r.Scope, revealAll(r.TokenParams),
		o.TokenParams, o.TokenEndpointAuthMethod, o.RequestFormat, o.SendScope)
	return exchange, digest(exchange, revealAll(r.TokenHeaders), o.PermanentErrors)
}
