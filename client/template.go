package client

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Bounds on a definition, far above anything in use, so that a mistaken or hostile one can cost
// neither memory nor time.
const (
	maxTemplate   = 2048 // bytes of a URL, as template and filled; browsers and proxies stop there too
	maxPattern    = 512  // bytes of a regular expression
	maxParamValue = 253  // bytes of a parameter value: the longest host name (RFC 1035)
)

var (
	paramName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	// braces finds every placeholder, well-formed or not, so that the others can be refused.
	braces = regexp.MustCompile(`\{[^{}]*\}`)
	// plainValue is what a parameter without a pattern may be. No '/', ':', '@', '?', '#' or '%':
	// a value can fill the place that the template gives it and nothing else.
	plainValue = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	// neverInValue holds even where a pattern allows it: these would start a query, a fragment,
	// userinfo or an escape, and so move the request to another host or path.
	neverInValue = regexp.MustCompile(`[\x00-\x20\x7f-\x{10ffff}?#@\\%{}]|\.\.|//`)
)

// Endpoints are a provider's URLs with the parameters filled in; "" for those it does not have.
type Endpoints struct {
	Token, Revocation, Introspection string
	// Authorization is where a browser is sent to, the others are where requests go to.
	Authorization, DeviceAuthorization, PushedAuthorization, JWKS string
	// MutualTLS are the URLs for clients that show a certificate; "" where there is no alias.
	MutualTLS struct{ Token, Revocation, Introspection, DeviceAuthorization, PushedAuthorization string }
}

// WithAliases returns the endpoints for a client that shows a certificate: where there is an alias, that
// one (RFC 8705 section 5).
func (e Endpoints) WithAliases() Endpoints {
	e.Token = cmp.Or(e.MutualTLS.Token, e.Token)
	e.Revocation = cmp.Or(e.MutualTLS.Revocation, e.Revocation)
	e.Introspection = cmp.Or(e.MutualTLS.Introspection, e.Introspection)
	e.DeviceAuthorization = cmp.Or(e.MutualTLS.DeviceAuthorization, e.DeviceAuthorization)
	e.PushedAuthorization = cmp.Or(e.MutualTLS.PushedAuthorization, e.PushedAuthorization)
	return e
}

// Endpoints fills the URL templates with params, and with the defaults of those not given. It
// returns an error that says what to do when a parameter is missing, unknown or malformed, or
// when what comes out is no absolute http(s) URL. It checks no host: see Options.CheckHost.
func (p *Provider) Endpoints(params map[string]string) (Endpoints, error) {
	if err := p.checkParams(params); err != nil {
		return Endpoints{}, err
	}
	var out Endpoints
	for _, e := range []struct {
		template string
		url      *string
	}{
		{p.TokenEndpoint, &out.Token},
		{p.RevocationEndpoint, &out.Revocation},
		{p.IntrospectionEndpoint, &out.Introspection},
		{p.MTLSEndpointAliases["token_endpoint"], &out.MutualTLS.Token},
		{p.MTLSEndpointAliases["revocation_endpoint"], &out.MutualTLS.Revocation},
		{p.MTLSEndpointAliases["introspection_endpoint"], &out.MutualTLS.Introspection},
		{p.AuthorizationEndpoint, &out.Authorization},
		{p.DeviceAuthorizationEndpoint, &out.DeviceAuthorization},
		{p.PushedAuthorizationRequestEndpoint, &out.PushedAuthorization},
		{p.JWKSURI, &out.JWKS},
		{p.MTLSEndpointAliases["device_authorization_endpoint"], &out.MutualTLS.DeviceAuthorization},
		{p.MTLSEndpointAliases["pushed_authorization_request_endpoint"], &out.MutualTLS.PushedAuthorization},
	} {
		if e.template == "" {
			continue
		}
		expanded, err := p.expand(e.template, params)
		if err != nil {
			return Endpoints{}, err
		}
		if _, err := parseEndpoint(expanded); err != nil {
			return Endpoints{}, fmt.Errorf("with these provider parameters the endpoint is no usable URL: %w", err)
		}
		*e.url = expanded
	}
	return out, nil
}

// ParamNames lists the parameters that the templates and defaults mention, sorted.
func (p *Provider) ParamNames() []string {
	names := map[string]bool{}
	texts := []string{p.TokenEndpoint, p.RevocationEndpoint, p.IntrospectionEndpoint}
	texts = slices.AppendSeq(texts, maps.Values(p.MTLSEndpointAliases))
	texts = slices.AppendSeq(texts, maps.Values(p.ParamDefaults))
	for _, e := range p.templates() {
		texts = append(texts, e.template)
	}
	texts = slices.AppendSeq(texts, maps.Values(p.CallbackChecks))
	for _, text := range texts {
		for _, b := range braces.FindAllString(text, -1) {
			names[b[1:len(b)-1]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// checkParams judges the given values. Defaults are part of the definition and are not judged: a
// default may hold a path where a given value must be a host name.
func (p *Provider) checkParams(params map[string]string) error {
	known := p.ParamNames()
	for name, value := range params {
		if !slices.Contains(known, name) {
			if len(known) == 0 {
				return errors.New("this provider takes no parameters; remove them")
			}
			return fmt.Errorf("unknown provider parameter; this provider takes: %s", strings.Join(known, ", "))
		}
		if len(value) > maxParamValue || neverInValue.MatchString(value) || !p.matches(name, value) {
			return fmt.Errorf("the provider parameter %q does not have the form that this provider asks for (%s)", name, p.form(name))
		}
	}
	return nil
}

// matches tells whether the whole value has the form that its pattern, or plainValue, asks for.
func (p *Provider) matches(name, value string) bool {
	pattern, ok := p.ParamPatterns[name]
	if !ok {
		return plainValue.MatchString(value)
	}
	re, err := compilePattern(pattern)
	return err == nil && re.MatchString(value)
}

// form describes what matches wants, for an error.
func (p *Provider) form(name string) string {
	if pattern, ok := p.ParamPatterns[name]; ok {
		return "it must match " + pattern
	}
	return "letters, digits, '.', '_' and '-'"
}

// compilePattern anchors a pattern at both ends. The pattern is compiled by itself first:
// otherwise "a)|(b" would close the group and escape the anchors.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the pattern is longer than %d bytes", maxPattern)
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, errors.New("the pattern is no valid regular expression (RE2 syntax)")
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}
