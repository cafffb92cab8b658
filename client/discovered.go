package client

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// DiscoveredFields are the fields of a definition, by their JSON names, that metadata can fill in.
var DiscoveredFields = []string{
	"token_endpoint", "revocation_endpoint", "introspection_endpoint", "mtls_endpoint_aliases", "token_endpoint_auth_method",
	"authorization_endpoint", "device_authorization_endpoint", "pushed_authorization_request_endpoint", "jwks_uri",
	"require_pushed_authorization_requests", "authorization_response_iss_parameter_supported",
	"offline_scope", "pkce", "response_mode", "account_pointer",
}

// authPreference is the order in which a method is chosen among those that a server offers: what most
// servers and clients do first, then what needs a key or a certificate.
var authPreference = []string{
	AuthBasic, AuthPost, AuthKeyJWT, AuthSecretJWT, AuthTLS, AuthSelfSignedTLS, AuthNone,
}

// discoveredEndpoint is a URL in the metadata, and where it goes.
type discoveredEndpoint struct {
	field, url string
	into       *string
}

// Fill replaces the given fields, which are among DiscoveredFields, by what the metadata say, and by
// nothing where they say nothing. An endpoint that lies where the definition's secrets should not go
// is an error that names the field and says what to do, and then p is left half filled. What is filled in
// holds no parameter: names in braces are an error too. An endpoint of a consent that lies elsewhere is left out: see
// LeftOut. Call Validate after it.
func (p *Provider) Fill(m *Metadata, o Options, fields []string) error {
	for _, e := range []discoveredEndpoint{
		{"token_endpoint", m.TokenEndpoint, &p.TokenEndpoint},
		{"revocation_endpoint", m.RevocationEndpoint, &p.RevocationEndpoint},
		{"introspection_endpoint", m.IntrospectionEndpoint, &p.IntrospectionEndpoint},
	} {
		if !slices.Contains(fields, e.field) {
			continue
		}
		if err := m.checkEndpoint(e.field, e.url, o); err != nil {
			return err
		}
		*e.into = e.url
	}
	p.fillConsent(m, o, fields)
	if slices.Contains(fields, "mtls_endpoint_aliases") {
		aliases := p.aliasesOf(m)
		for _, endpoint := range aliases {
			if err := m.checkEndpoint("mtls_endpoint_aliases", endpoint, o); err != nil {
				return err
			}
		}
		p.MTLSEndpointAliases = aliases
	}
	if p.TokenEndpoint == "" {
		return errors.New("the issuer's metadata name no token_endpoint; write it")
	}
	if !slices.Contains(fields, "token_endpoint_auth_method") {
		return nil
	}
	method, err := m.authMethod()
	p.TokenEndpointAuthMethod = method
	return err
}

// checkEndpoint keeps secrets from following a document to anybody's host: an endpoint lies on the
// issuer's own or in its registrable domain, or allowed_hosts names its host.
func (m *Metadata) checkEndpoint(field, endpoint string, o Options) error {
	if endpoint == "" {
		return nil
	}
	if strings.ContainsFunc(endpoint, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '{' || c == '}' }) {
		return fmt.Errorf("%s in the issuer's metadata is no usable URL; write %s yourself", field, field)
	}
	if err := o.CheckHost(endpoint); err != nil {
		return fmt.Errorf("%s in the issuer's metadata: %w", field, err)
	}
	if len(o.AllowedHosts) > 0 || sameSite(m.Issuer, endpoint) {
		return nil
	}
	return fmt.Errorf("%s in the issuer's metadata lies neither on the issuer's host nor in its domain: if that is right, "+
		"write %s yourself in the same write, or name its host and the issuer's in the mount's allowed_hosts", field, field)
}

// sameSite tells whether two URLs lie on one host or, as far as the public suffix list knows, in the
// domain of one owner. An IP address is in no domain.
func sameSite(a, b string) bool {
	first, err := url.Parse(a)
	second, err2 := url.Parse(b)
	if err != nil || err2 != nil {
		return false
	}
	if bareHost(first) == bareHost(second) {
		return true
	}
	site, err := publicsuffix.EffectiveTLDPlusOne(bareHost(first))
	other, err2 := publicsuffix.EffectiveTLDPlusOne(bareHost(second))
	return err == nil && err2 == nil && site == other
}

// authMethod is the first method that the server offers and this package speaks. A server that does
// not say takes client_secret_basic (RFC 8414 section 2).
func (m *Metadata) authMethod() (string, error) {
	if m.AuthMethods == nil {
		return AuthBasic, nil
	}
	for _, method := range authPreference {
		if slices.Contains(m.AuthMethods, method) && slices.Contains(authMethods, method) {
			return method, nil
		}
	}
	return "", fmt.Errorf("the issuer's metadata offer none of the ways to authenticate that are supported; "+
		"write token_endpoint_auth_method, one of %s", strings.Join(authMethods, ", "))
}
