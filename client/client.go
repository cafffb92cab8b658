// Package client speaks to OAuth 2.0 token endpoints. (stub)
package client

import (
	"context"
	"crypto/x509"
	"errors"
	"time"
)

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
