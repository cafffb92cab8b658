package client

import (
	"maps"
	"slices"
)

// What a server says of scopes and claims: OpenID Connect Core sections 5.4 and 11.
const (
	scopeOpenID  = "openid"
	scopeEmail   = "email"
	scopeOffline = "offline_access"
)

// consentEndpoints are those of a consent, with what the metadata say.
func (p *Provider) consentEndpoints(m *Metadata) []discoveredEndpoint {
	return []discoveredEndpoint{
		{"authorization_endpoint", m.AuthorizationEndpoint, &p.AuthorizationEndpoint},
		{"device_authorization_endpoint", m.DeviceAuthorizationEndpoint, &p.DeviceAuthorizationEndpoint},
		{"pushed_authorization_request_endpoint", m.PushedAuthorizationRequestEndpoint, &p.PushedAuthorizationRequestEndpoint},
		{"jwks_uri", m.JWKSURI, &p.JWKSURI},
	}
}

// LeftOut says which of the given fields Fill leaves empty though the metadata name an endpoint there, and what to do: a
// sentence each. Those of a consent are no condition of a definition, and a refresh goes without them: Google has its
// keys in another domain than its issuer.
func (m *Metadata) LeftOut(o Options, fields []string) (sentences []string) {
	for _, e := range new(Provider).consentEndpoints(m) {
		if err := m.checkEndpoint(e.field, e.url, o); err != nil && slices.Contains(fields, e.field) {
			sentences = append(sentences, err.Error()+"; it is left out")
		}
	}
	return sentences
}

// fillConsent is Fill for what says how a person agrees.
func (p *Provider) fillConsent(m *Metadata, o Options, fields []string) {
	for _, e := range p.consentEndpoints(m) {
		if slices.Contains(fields, e.field) {
			*e.into = only(e.url, m.checkEndpoint(e.field, e.url, o) == nil)
		}
	}
	for field, fill := range map[string]func(){
		"require_pushed_authorization_requests": func() {
			p.RequirePushedAuthorizationRequests = m.RequirePushedAuthorizationRequests && p.PushedAuthorizationRequestEndpoint != ""
		},
		"authorization_response_iss_parameter_supported": func() {
			p.AuthorizationResponseIssParameterSupported = m.AuthorizationResponseIssParameterSupported
		},
		"offline_scope": func() { p.OfflineScope = only(scopeOffline, slices.Contains(m.Scopes, scopeOffline)) },
		"pkce": func() {
			p.PKCE = only(PKCENone, m.CodeChallengeMethods != nil && !slices.Contains(m.CodeChallengeMethods, PKCES256))
		},
		"response_mode": func() {
			p.ResponseMode = only(ResponseModeFormPost, slices.Contains(m.ResponseModes, ResponseModeFormPost))
		},
		"account_pointer": func() { p.AccountPointer = m.accountPointer() },
	} {
		if slices.Contains(fields, field) {
			fill()
		}
	}
}

// only is a text, or none.
func only(text string, given bool) string {
	if given {
		return text
	}
	return ""
}

// accountPointer is where an ID token names the account: by its address, which people know, else by what every ID token
// has, which at least tells one account from another. Without openid there is no ID token.
func (m *Metadata) accountPointer() string {
	switch {
	case !slices.Contains(m.Scopes, scopeOpenID):
		return ""
	case slices.Contains(m.Scopes, scopeEmail):
		return "/id_token/email"
	}
	return "/id_token/sub"
}

// aliasesOf are the metadata's aliases, without those of endpoints of a consent that the definition does not have: an
// earlier version knew none of them, and what it filled in is not to look changed.
func (p *Provider) aliasesOf(m *Metadata) map[string]string {
	aliases := maps.Clone(m.MTLSEndpointAliases)
	for _, e := range p.templates() {
		if e.template == "" {
			delete(aliases, e.field)
		}
	}
	return aliases
}
