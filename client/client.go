// Package client speaks to OAuth 2.0 token endpoints: it refreshes a grant, or gets a token for
// the client itself, in whichever of OAuth's dialects the endpoint understands. It also makes what a
// person's browser is sent to, exchanges the code that comes of it, and checks the ID token that says
// who agreed. It knows nothing of where grants are stored or who asks for tokens.
//
// Three things make one call. A Provider is data: where the endpoint is and how it wants to be
// spoken to. A Request is one grant's credentials and is used once, or
// to repeat what it has sent.
// Options are the caller's bounds on every exchange.
//
//	provider, err := client.DecodeProvider(definition)
//	...
//	endpoints, err := provider.Endpoints(nil)
//	...
//	token, err := client.Exchange(ctx, client.Options{}, &client.Request{
//		Provider: provider, Endpoint: endpoints.Token, GrantType: client.GrantRefreshToken,
//		ClientID: id, ClientSecret: secret, RefreshToken: refreshToken, Scope: "read+write",
//	})
//
// Many servers spend a refresh token on its first use and revoke the whole grant on its second.
// The package is built around that: an exchange is exactly one HTTP request, never repeated and
// never redirected, and every failure says what it means for the refresh token that was sent
// (see Class). An answer that may hold the next refresh token is searched for it first and judged
// after.
//
// Nothing in an Error comes from the provider or the operator, except a registered error code, a
// request id and a retry time: error texts of providers have held tokens.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// The values of Request.GrantType (RFC 6749 sections 6, 4.4 and 4.1.3, RFC 7523 section 2.1, RFC 8628 section 3.4).
const (
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantAuthorizationCode = "authorization_code"
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// Options bound every exchange of one caller. The zero value is usable.
type Options struct {
	// Timeout bounds the whole exchange, from the connect to the answer's last byte; 0 means 30s.
	Timeout time.Duration
	// Bound names what Timeout is, for sentences about its end; "" means request_timeout.
	Bound string
	// RootCAs are the authorities to trust; nil means the system's.
	RootCAs *x509.CertPool
	// Sessions resumes TLS sessions, which saves a handshake most of its time; nil for none. A session
	// vouches for the server's certificate, so it is to be used with one set of RootCAs only.
	// Requests with a client certificate never resume: some servers forget who it was that they
	// know.
	Sessions tls.ClientSessionCache
	// AllowedHosts are globs on the endpoint's host name; empty means any host. See CheckHost.
	AllowedHosts []string
	// AllowInsecure permits http://, for tests.
	AllowInsecure bool
}

// Request is one exchange at a token or revocation endpoint.
type Request struct {
	// Provider is the definition, with the role's overrides already in it.
	Provider *Provider
	// Endpoint is the expanded URL to post to, from Provider.Endpoints.
	Endpoint string
	// Audience is the token endpoint's URL as the definition names it, for assertions; "" is Endpoint,
	// which may be an alias or the revocation endpoint.
	Audience string
	// RevocationAudience is the same of the revocation endpoint.
	RevocationAudience string
	// GrantType is one of the Grant constants. Revoke ignores it.
	GrantType string
	// ClientID and ClientSecret are the client's credentials. An unset secret is left out.
	ClientID     string
	ClientSecret Secret
	// RefreshToken is what a refresh presents.
	RefreshToken Secret
	// Code is what an exchange of a code presents: the authorization code or the device code.
	Code Secret
	// RedirectURI is the one that the authorization code was got with, "" where there was none.
	RedirectURI string
	// CodeVerifier is the one whose challenge the authorization code was got with (RFC 7636), unset for none.
	CodeVerifier Secret
	// AccountPointer is a JSON Pointer (RFC 6901) to the account's name in the answer, see Token.Account; "" for none.
	AccountPointer string
	// Assertion signs for the client, with private_key_jwt and for the JWT bearer grant.
	Assertion Assertion
	// Scope is sent verbatim, encoded once: whenever it is set, but on a refresh only when the
	// provider has SendScope, and not with a code, which stands for the scope that it was got with.
	Scope string
	// Params and Headers are added to the provider's and win over them. See CheckParams and
	// CheckHeaders.
	Params  map[string]string
	Headers map[string]string
	// IdempotencyKey is sent on a refresh and with an authorization code when the provider has an idempotency header. It names
	// the exchange: the same one again means "if you have done this already, don't do it twice".
	IdempotencyKey string
	// Identity is the client certificate, nil for none.
	Identity *Identity

	// Repeat says that this exchange is the one before it once more: the same value of Request, with nothing
	// changed in it. What was sent then is sent again, byte for byte, as servers want it that compare what comes
	// under one idempotency key; but not when its assertions end within half a minute.
	Repeat bool

	made    *made
	revokes bool // see Revoke
}

// Token is what a successful exchange brought. All lifetimes are as the server stated them; they
// count from before the request was sent.
type Token struct {
	AccessToken string
	// TokenType is as the server wrote it. It compares in any case (RFC 6749 section 5.1), and
	// some servers have their own.
	TokenType string
	// Scope is the scope that was granted, "" when the server did not say: then it is the one
	// that was asked for.
	Scope string
	// RefreshToken is the grant's next refresh token; unset means that the one sent stays valid.
	// It may be equal to the one sent.
	RefreshToken Secret
	// FoundAt is where RefreshToken was found when the definition's pointer finds none: a JSON Pointer, or
	// FoundBroken. "" when the pointer has found it. Only one value in the answer looked like a refresh token.
	FoundAt string
	// Candidates are several different values that look like refresh tokens, where the definition's pointer
	// finds none; RefreshToken is unset then. Where a pointer other than the default one finds RefreshToken, and
	// something else stands under a refresh token's name, these are all of them.
	Candidates []Found
	// Lifetime of the access token, the earlier of what the server states beside it and in it (the exp claim of
	// a JWT); 0 when it states neither, and when Ended. It is never negative and at most ten years.
	Lifetime time.Duration
	// Ended tells that the server states an end that is not after the request's start.
	Ended bool
	// RefreshTokenLifetime is that of the refresh token, 0 when the server did not say.
	RefreshTokenLifetime time.Duration
	// GrantLifetime is how long the consent behind the grant still lasts, 0 when the server did not say.
	GrantLifetime time.Duration
	// CertificateThumbprint is the SHA-256 of the client certificate that the access token is bound to
	// (x5t#S256, RFC 8705 section 3.1) in lower-case hex, as Identity.Fingerprint gives it; "" when the
	// server did not say that it is bound.
	CertificateThumbprint string
	// IDToken is the answer's id_token (OpenID Connect Core section 3.1.3.3), unset when there is none. Nothing of it
	// has been looked at: see VerifyIDToken.
	IDToken Secret
	// Account is the text or number at Request.AccountPointer, at most 256 characters and all of them visible; "" when
	// there is none.
	Account string
	// Extra holds the provider's ExtraFields that were there: JSON values, numbers as
	// json.Number. It holds no refresh token.
	Extra map[string]any
	// RequestID is the provider's own id for the exchange, "" when it sent none.
	RequestID string
}

// Exchange sends exactly one request to the token endpoint and returns what it brought. Every
// error is an *Error. When ctx ends, the exchange ends: a caller that must not lose an answer
// passes a context that does not end with its own caller.
func Exchange(ctx context.Context, o Options, r *Request) (*Token, error) {
	token, err := r.exchange(ctx, o)
	return token, atTokenEndpoint.failed(err)
}

func (r *Request) exchange(ctx context.Context, o Options) (*Token, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	start, watch := clock.Now(), clock.Start()
	if !r.repeats(start) {
		params, err := r.tokenParams(start)
		if err != nil {
			return nil, unsent(err.Error())
		}
		r.compose(params, start)
	}
	header := r.tokenHeaders()
	header.Set("Content-Type", r.made.contentType)
	a, err := o.post(ctx, r, r.made.body, header)
	if err != nil {
		return nil, err
	}
	if sent := clock.Now().Add(-watch.Elapsed()); sent.Sub(start).Abs() > time.Second {
		start = sent // the clock was put right meanwhile, and what the answer states is compared with how it is now
	}
	return a.token(r, start)
}
