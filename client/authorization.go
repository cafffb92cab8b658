package client

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// maxAuthorizationURL bounds the address that a browser is sent to: servers take request lines of 8 KiB.
const maxAuthorizationURL = 8 << 10

// AuthorizationRequest is what a person's browser asks the authorization endpoint for (RFC 6749 section 4.1.1).
type AuthorizationRequest struct {
	// Provider is the definition, whose AuthorizationParams are sent.
	Provider *Provider
	// Endpoint is the expanded URL, from Provider.Endpoints.
	Endpoint, ClientID, RedirectURI string
	// Scope is sent as it stands, see Provider.ConsentScope, unless there is one among the parameters; "" for none.
	Scope string
	// State and Nonce come back in the redirect and in the ID token (OpenID Connect Core section 3.1.2.1); "" for none.
	State, Nonce string
	// CodeChallenge is from Challenge, "" where no PKCE is wanted.
	CodeChallenge string
	// FormPost asks for the answer as a POST.
	FormPost bool
	// Params are the role's own, which win over the provider's. See CheckAuthorizationParams.
	Params map[string]string
}

// URL returns the address that the browser is to open. The endpoint's own query stays (RFC 6749 section 3.1). The error
// says what to correct in the definition.
func (a *AuthorizationRequest) URL() (string, error) { return a.to(a.params()) }

// PushedURL is URL for a request that was pushed before, under the request_uri that the server gave it (RFC 9126
// section 4).
func (a *AuthorizationRequest) PushedURL(requestURI string) (string, error) {
	return a.to([]param{{"client_id", a.ClientID}, {"request_uri", requestURI}})
}

// params are those of the request, in the order of the RFC's own example, and those of the definition after them.
func (a *AuthorizationRequest) params() []param {
	own := map[string]string{}
	maps.Copy(own, a.Provider.AuthorizationParams)
	maps.Copy(own, a.Params)
	scope := a.Scope
	if theirs, ok := own["scope"]; ok {
		scope = theirs
		delete(own, "scope")
	}
	params := []param{{"response_type", "code"}, {"client_id", a.ClientID}, {"redirect_uri", a.RedirectURI}}
	method, mode := "", ""
	if a.CodeChallenge != "" {
		method = PKCES256
	}
	if a.FormPost {
		mode = ResponseModeFormPost
	}
	for _, p := range []param{
		{"scope", scope}, {"state", a.State}, {"code_challenge", a.CodeChallenge}, {"code_challenge_method", method},
		{"nonce", a.Nonce}, {"response_mode", mode},
	} {
		if p.value != "" {
			params = append(params, p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		params = append(params, param{name, own[name]})
	}
	return params
}

// to puts the parameters behind what the endpoint has itself.
func (a *AuthorizationRequest) to(params []param) (string, error) {
	u, err := parseEndpoint(a.Endpoint)
	if err != nil {
		return "", fmt.Errorf("authorization_endpoint: %w", err)
	}
	own, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errors.New("authorization_endpoint: its query is malformed")
	}
	for _, p := range params {
		if own.Has(p.name) {
			return "", errors.New("authorization_endpoint: its query holds a parameter that is sent anyway; take it out")
		}
	}
	query, _ := encode(FormatForm, params, "") // RFC 6749 appendix B, as in a body
	address := strings.TrimRight(a.Endpoint, "?&") + "?" + string(query)
	if u.RawQuery != "" {
		address = strings.TrimRight(a.Endpoint, "&") + "&" + string(query)
	}
	if len(address) > maxAuthorizationURL {
		return "", fmt.Errorf("the authorization URL is longer than %d bytes: shorten scope or authorization_params", maxAuthorizationURL)
	}
	return address, nil
}

// ConsentScope is a role's scope with what makes the server give a refresh token, unless that is in it: see
// Consent.OfflineScope. An empty scope stays empty. It asks for whatever the server gives an application that asks for
// nothing, of which a single member would leave nothing.
func (p *Provider) ConsentScope(scope string) string {
	separator := cmp.Or(p.ScopeSeparator, " ")
	if p.OfflineScope == "" || strings.TrimSpace(scope) == "" {
		return scope
	}
	for _, member := range strings.FieldsFunc(scope, func(c rune) bool { return c == ' ' || strings.ContainsRune(separator, c) }) {
		if member == p.OfflineScope {
			return scope
		}
	}
	return scope + separator + p.OfflineScope
}

// NewVerifier returns a code verifier of 256 random bits (RFC 7636 section 4.1).
func NewVerifier() string { return oauth2.GenerateVerifier() }

// Challenge returns the code challenge of a verifier, by the method S256 (RFC 7636 section 4.2).
func Challenge(verifier string) string { return oauth2.S256ChallengeFromVerifier(verifier) }
