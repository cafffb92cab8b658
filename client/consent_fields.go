package client

import (
	"maps"
	"slices"
)

// The values of Consent.PKCE (RFC 7636 section 4.3). There is no plain: it protects nothing that S256 doesn't.
const (
	PKCES256 = "S256" // a code challenge goes with every authorization request
	PKCENone = "none" // none does, for the few servers that refuse it or change the application by it
)

// The values of Consent.ResponseMode (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1, OAuth 2.0
// Form Post Response Mode).
const (
	ResponseModeQuery    = "query"     // what servers do unless they are asked otherwise, so nothing is sent
	ResponseModeFormPost = "form_post" // the code comes in a POST's body, which no log of addresses holds
)

// Consent is what a definition says of how a person agrees: where the browser goes, what it is sent with, and what
// comes back. It is part of Provider, under whose field names it stands in JSON.
type Consent struct {
	// AuthorizationEndpoint is the URL template that a person's browser is sent to (RFC 6749 section 3.1), "" when the
	// provider has none, or nobody knows it. It may have a query of its own.
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	// AuthorizationParams are sent there besides the protocol's own, see CheckAuthorizationParams. A scope among them
	// takes the place of the role's.
	AuthorizationParams map[string]string `json:"authorization_params,omitempty"`
	// AuthorizationElsewhere says that authorization codes are given out in pages of the provider's own, which nobody
	// is sent to from here.
	AuthorizationElsewhere bool `json:"authorization_elsewhere,omitempty"`
	// OfflineScope is the member of the scope that makes the server give a refresh token, such as offline_access
	// (OpenID Connect Core section 11); "" when there is none. See ConsentScope.
	OfflineScope string `json:"offline_scope,omitempty"`
	// ScopeSeparator stands between the members of a scope; "" means a space (RFC 6749 section 3.3). Some servers want
	// a comma.
	ScopeSeparator string `json:"scope_separator,omitempty"`
	// PKCE is one of the PKCE constants; "" means S256.
	PKCE string `json:"pkce,omitempty"`
	// ResponseMode is one of the ResponseMode constants; "" means query.
	ResponseMode string `json:"response_mode,omitempty"`
	// AuthorizationResponseIssParameterSupported says that every authorization response names the issuer in iss, so
	// that one without it is not this server's (RFC 9207 section 2.4).
	AuthorizationResponseIssParameterSupported bool `json:"authorization_response_iss_parameter_supported,omitempty"`
	// CallbackFields are parameters of the authorization response that whoever uses the tokens needs, such as
	// QuickBooks' realmId.
	CallbackFields []string `json:"callback_fields,omitempty"`
	// CallbackChecks are parameters of the authorization response with the value that each must have, a template over
	// the provider's parameters. They are compared and never followed: see Checks.
	CallbackChecks map[string]string `json:"callback_checks,omitempty"`
	// AuthorizationCodeParameter is the parameter that holds the authorization code; "" means code.
	AuthorizationCodeParameter string `json:"authorization_code_parameter,omitempty"`
	// AccountPointer is where the name of the account that agreed is: a JSON Pointer (RFC 6901) into the token answer,
	// the ID token's claims or the authorization response, which begins with /answer/, /id_token/ or /callback/.
	AccountPointer string `json:"account_pointer,omitempty"`
	// JWKSURI is the URL template of the keys that ID tokens are signed with (OpenID Connect Discovery section 3).
	JWKSURI string `json:"jwks_uri,omitempty"`
	// DeviceAuthorizationEndpoint is the URL template for RFC 8628 section 3.1, "" when the provider has none.
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint,omitempty"`
	// PushedAuthorizationRequestEndpoint is the URL template for RFC 9126, "" when the provider has none.
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitempty"`
	// RequirePushedAuthorizationRequests says that the server takes no other authorization requests (RFC 9126 section 5).
	RequirePushedAuthorizationRequests bool `json:"require_pushed_authorization_requests,omitempty"`
}

func (c Consent) clone() Consent {
	c.AuthorizationParams = maps.Clone(c.AuthorizationParams)
	c.CallbackFields = slices.Clone(c.CallbackFields)
	c.CallbackChecks = maps.Clone(c.CallbackChecks)
	return c
}

// templates are the URLs, by field.
func (c *Consent) templates() []endpointTemplate {
	return []endpointTemplate{
		{"authorization_endpoint", c.AuthorizationEndpoint},
		{"device_authorization_endpoint", c.DeviceAuthorizationEndpoint},
		{"pushed_authorization_request_endpoint", c.PushedAuthorizationRequestEndpoint},
		{"jwks_uri", c.JWKSURI},
	}
}

// Checks returns the parameters of the authorization response that must have a value, each with that value for these
// provider parameters: none of them may be missing, or different. The error is as with Endpoints.
func (p *Provider) Checks(params map[string]string) (map[string]string, error) {
	if err := p.checkParams(params); err != nil {
		return nil, err
	}
	checks := map[string]string{}
	for name, template := range p.CallbackChecks {
		value, err := p.expand(template, params)
		if err != nil {
			return nil, err
		}
		checks[name] = value
	}
	return checks, nil
}
