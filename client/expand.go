package client

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
)

// expand fills a template. Each parameter is resolved once, however often it occurs, and what
// comes out is bounded: defaults that multiply each other would otherwise cost without limit.
func (p *Provider) expand(template string, params map[string]string) (string, error) {
	e := &expansion{defaults: p.ParamDefaults, done: maps.Clone(params), open: map[string]bool{}}
	if e.done == nil {
		e.done = map[string]string{}
	}
	return e.fill(template)
}

type expansion struct {
	defaults map[string]string
	done     map[string]string // values so far
	open     map[string]bool   // parameters whose default is being filled
}

func (e *expansion) fill(text string) (string, error) {
	var failure error
	filled := braces.ReplaceAllStringFunc(text, func(placeholder string) string {
		if failure != nil {
			return ""
		}
		var value string
		value, failure = e.value(placeholder[1 : len(placeholder)-1])
		return value
	})
	if failure == nil && len(filled) > maxTemplate {
		failure = fmt.Errorf("with its parameters it is longer than %d bytes", maxTemplate)
	}
	return filled, failure
}

// value is a parameter's value, given or by default.
func (e *expansion) value(name string) (string, error) {
	if value, ok := e.done[name]; ok {
		return value, nil
	}
	fallback, ok := e.defaults[name]
	if !ok {
		return "", fmt.Errorf("the provider parameter %q is missing; set it in provider_params", name)
	}
	if e.open[name] {
		return "", errors.New("param_defaults refer to each other in a circle")
	}
	e.open[name] = true
	value, err := e.fill(fallback)
	e.done[name] = value
	return value, err
}

// parseEndpoint parses an absolute http(s) URL without userinfo and fragment (RFC 6749 section
// 3.2 forbids the fragment; credentials in a URL end up in logs).
func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is malformed")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it must start with https://")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("it names no host")
	case !hostName.MatchString(u.Hostname()):
		return nil, errors.New("its host name must be ASCII letters, digits, '.' and '-', or an IP address (write an internationalised name in its xn-- form)")
	case !ValidPort(u):
		return nil, errors.New("its port must lie between 1 and 65535")
	case u.User != nil:
		return nil, errors.New("it must not hold a user name or password")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return nil, errors.New("it must not hold a fragment (#)")
	}
	return u, nil
}
