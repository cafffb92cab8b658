package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// endpointTemplate is the URL template of a field.
type endpointTemplate struct{ field, template string }

// aliasedEndpoints are those that may have an alias for clients with a certificate (RFC 8705 section 5). A browser
// shows none, and keys are everybody's.
var aliasedEndpoints = []string{
	"token_endpoint", "revocation_endpoint", "introspection_endpoint", "device_authorization_endpoint", "pushed_authorization_request_endpoint",
}

func (p *Provider) validateEndpoints(allowInsecure bool) error {
	if p.TokenEndpoint == "" {
		return errors.New("token_endpoint is required: the absolute https URL that tokens come from")
	}
	endpoints := append([]endpointTemplate{
		{"token_endpoint", p.TokenEndpoint},
		{"revocation_endpoint", p.RevocationEndpoint},
		{"introspection_endpoint", p.IntrospectionEndpoint},
	}, p.templates()...)
	for name, template := range p.MTLSEndpointAliases {
		if !slices.Contains(aliasedEndpoints, name) {
			return fmt.Errorf("mtls_endpoint_aliases takes %s only", strings.Join(aliasedEndpoints, ", "))
		}
		if template == "" {
			return fmt.Errorf("mtls_endpoint_aliases, %s is empty: leave it out", name)
		}
		endpoints = append(endpoints, endpointTemplate{"mtls_endpoint_aliases, " + name, template})
	}
	for _, e := range endpoints {
		if e.template == "" {
			continue
		}
		if err := p.validateTemplate(e.template); err != nil {
			return fmt.Errorf("%s: %w", e.field, err)
		}
		if strings.HasPrefix(e.template, "http://") && !allowInsecure {
			return fmt.Errorf("%s must start with https:// (allow_insecure_endpoints permits http:// for tests)", e.field)
		}
	}
	return nil
}

// validateIssuer follows RFC 8414 section 2: https, no query, no fragment.
func (p *Provider) validateIssuer(allowInsecure bool) error {
	if p.Issuer == "" {
		return nil
	}
	u, err := parseEndpoint(p.Issuer)
	switch {
	case err != nil:
		return fmt.Errorf("issuer: %w", err)
	case len(p.Issuer) > maxTemplate:
		return fmt.Errorf("issuer is longer than %d bytes", maxTemplate)
	case u.Scheme == "http" && !allowInsecure:
		return errors.New("issuer must start with https:// (allow_insecure_endpoints permits http:// for tests)")
	case u.RawQuery != "" || strings.ContainsAny(p.Issuer, "?{}"):
		return errors.New("issuer must be the server's issuer identifier as it is: it has no query and no parameters")
	}
	return nil
}

// validateTemplate checks a template with a sample in every place that has no default. "1" is a
// host name, a path and a port.
func (p *Provider) validateTemplate(template string) error {
	if err := checkPlaceholders(template); err != nil {
		return err
	}
	if !strings.HasPrefix(template, "https://") && !strings.HasPrefix(template, "http://") {
		return errors.New("it must start with https://, and a parameter can't stand for that")
	}
	sample := map[string]string{}
	for _, name := range p.ParamNames() {
		if _, ok := p.ParamDefaults[name]; !ok {
			sample[name] = "1"
		}
	}
	expanded, err := p.expand(template, sample)
	if err != nil {
		return err
	}
	_, err = parseEndpoint(expanded)
	return err
}

// checkPlaceholders refuses names that can't be parameters and braces without a partner.
func checkPlaceholders(text string) error {
	if len(text) > maxTemplate {
		return fmt.Errorf("it is longer than %d bytes", maxTemplate)
	}
	for _, b := range braces.FindAllString(text, -1) {
		if !paramName.MatchString(b[1 : len(b)-1]) {
			return errors.New("a name in braces must be lower-case letters, digits and '_', as in {environment_id}")
		}
	}
	if strings.ContainsAny(braces.ReplaceAllString(text, ""), "{}") {
		return errors.New("a brace has no partner; parameters are written {name}")
	}
	return nil
}

func (p *Provider) validatePatterns() error {
	used := p.ParamNames()
	for name, text := range p.ParamDefaults {
		if !slices.Contains(used, name) {
			return errors.New("param_defaults names a parameter that no endpoint uses; remove it or correct its name")
		}
		if err := checkPlaceholders(text); err != nil {
			return fmt.Errorf("param_defaults, %s: %w", name, err)
		}
		if strings.ContainsAny(text, "#@?\\% \t\r\n") {
			return fmt.Errorf("param_defaults, %s: it must be a part of a host name or path", name)
		}
	}
	for name, pattern := range p.ParamPatterns {
		if !slices.Contains(used, name) {
			return errors.New("param_patterns names a parameter that no endpoint uses; remove it or correct its name")
		}
		if _, err := compilePattern(pattern); err != nil {
			return fmt.Errorf("param_patterns, %s: %w", name, err)
		}
	}
	return nil
}
