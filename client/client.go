// Package client speaks to OAuth 2.0 token endpoints. (stub)
package client

import (
	"context"
	"crypto/x509"
	"errors"
	"time"
)

// Duration is a time.Duration that JSON shows as "90s" or "2h".
type Duration time.Duration

// Options bound every exchange of one caller.
type Options struct {
	Timeout       time.Duration  // of the whole exchange, connect to last byte
	RootCAs       *x509.CertPool // nil: the system's
	AllowedHosts  []string       // globs on the endpoint's host name, empty: any
	AllowInsecure bool           // permits http://
}

// Request is one exchange at a token endpoint.
type Request struct {
	Provider       *Provider // already merged with the role's overrides
	Endpoint       string    // expanded token endpoint
	GrantType      string    // "refresh_token" or "client_credentials"
	ClientID       string
	ClientSecret   Secret
	RefreshToken   Secret
	Scope          string // verbatim
	Params         map[string]string
	Headers        map[string]string
	IdempotencyKey string    // sent when the provider has an idempotency header
	Identity       *Identity // nil: no client certificate
}

// Token is what a successful exchange brought.
type Token struct {
	AccessToken          string
	TokenType            string
	Scope                string        // as granted, "" when the server did not say
	RefreshToken         Secret        // unset: keep the one that was sent
	Lifetime             time.Duration // 0: the server did not say
	RefreshTokenLifetime time.Duration // 0: the server did not say
	Extra                map[string]any
	RequestID            string
}

// Exchange sends exactly one request.
func Exchange(ctx context.Context, o Options, r *Request) (*Token, error) {
	return nil, errors.New("stub")
}

// Revoke sends one RFC 7009 request.
func Revoke(ctx context.Context, o Options, r *Request, token Secret, hint string) error {
	return errors.New("stub")
}

// Endpoints are a provider's URLs with the parameters filled in.
type Endpoints struct{ Token, Revocation, Introspection string }

// Validate checks a definition; see its sentence-shaped errors.
func (p *Provider) Validate(allowInsecure bool) error { return nil }

// Endpoints expands the URL templates.
func (p *Provider) Endpoints(params map[string]string) (Endpoints, error) { return Endpoints{}, nil }

// Origin returns scheme://host:port of an absolute URL.
func Origin(url string) (string, error) { return "", nil }

// CheckHost returns an error unless the URL's host is permitted by the options.
func (o Options) CheckHost(url string) error { return nil }

// Builtin returns a copy of the built-in provider by that name.
func Builtin(name string) (*Provider, bool) { return nil, false }

// Builtins lists the names of the built-in providers, sorted.
func Builtins() []string { return nil }
