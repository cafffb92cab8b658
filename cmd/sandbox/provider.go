package main

import (
	"crypto"
	"crypto/x509"
	"net/http"
	"strings"
	"time"
)

// handshake is what the TLS handshake at a provider's own hosts demands of a client's certificate.
type handshake int

const (
	handshakeOpen       handshake = iota // nothing
	handshakeVouched                     // one that an authority vouches for
	handshakeRegistered                  // one that an application is registered with, whoever vouches for it
)

// provider is one owner of a token endpoint: where it listens, whom it knows, and its dialect.
// The pipeline in pipeline.go is the same for all; everything in which they differ is a field here.
type provider struct {
	name  string
	hosts []string // exact names, or "*.suffix"
	// path is the first part of every path on those hosts, of a provider that is known by it on 127.0.0.1 too. For
	// all others "": there, their name is put in front of the path.
	path string
	// claims tells which requests are this one's, of those to a host or path that several providers have: the last
	// that claims a request gets it. issued tells whether an access token is of this provider's issue; nil claims all.
	claims func(h http.Header, issued func(accessToken string) bool) bool
	// handshake is what the own hosts demand; on 127.0.0.1, where all share one port, a certificate may come or not.
	handshake handshake
	apps      []app // registered applications, each with the refresh token it starts with

	// params are the body parameters that this server knows; any other is refused.
	params []string
	// multipart says that the token endpoint takes multipart/form-data too.
	multipart bool
	// clientCredentials says that RFC 6749 section 4.4 is offered.
	clientCredentials bool
	// tokenPath is the token endpoint's path as assertions must name it, on the host that they come to.
	tokenPath string
	// roots are the authorities of client certificates.
	roots  *x509.CertPool
	policy policy

	// endpoint names the endpoint behind a path on the provider's own host, "" when there is none.
	endpoint func(host, path string) string
	// check looks at headers and at whatever else must hold before the body counts.
	check func(*call) *refusal
	// authenticate finds the application that sends the request.
	authenticate func(*call) (*app, *refusal)
	// extra checks a token request once its application is known; nil when there is nothing more.
	extra func(*call) *refusal
	// success is the body of a good token answer.
	success func(*call, *issued) map[string]any
	// refused dresses a refusal the way this provider does.
	refused func(*call, *refusal) reply
	// api is the answer to a good call of the provider's API; nil when there is no API here.
	api func() reply
	// metadata is what the server says about itself under an issuer; nil when it says nothing.
	metadata func(issuer string) map[string]any
	// header is set on every answer of this provider; may be nil.
	header func() http.Header
	// idempotencyKey is the header under which a request that comes again gets its first answer; "" for none.
	idempotencyKey string
	// gzip compresses answers, when the client accepts that, and sends them in chunks.
	gzip bool
}

// app is a registered application and the grant that it holds at the start.
type app struct {
	id, secret   string
	method       string // token_endpoint_auth_method (RFC 7591), or grantJWTBearer
	refreshToken string

	// Of those that show a certificate: the registered one. With tls_client_auth its subject counts
	// (RFC 8705 section 2.1), with self_signed_tls_client_auth it must be this one itself (section 2.2).
	certificate *x509.Certificate
	// Of those that sign: with what, and for the JWT bearer grant on whose behalf.
	key                 crypto.PublicKey
	alg, keyID, subject string
}

// policy is how a provider treats its tokens; POST /control changes it at run time.
type policy struct {
	accessTTL    time.Duration
	refreshTTL   time.Duration // 0: lives until revoked
	rotate       bool          // a refresh replaces the refresh token
	reuseGrace   time.Duration // how long a spent refresh token still works
	killsAccess  bool          // a refresh ends the access tokens issued before
	replayKills  bool          // a replay ends the whole grant
	scope        string        // as granted
	clockOffset  time.Duration // by how much this provider's clock is ahead when it judges assertions
	accessToken  func() string
	refreshToken func() string
}

// serves tells whether the provider answers on a host name.
func (p *provider) serves(host string) bool {
	for _, h := range p.hosts {
		if suffix, wild := strings.CutPrefix(h, "*"); h == host || wild && strings.HasSuffix(host, suffix) && len(host) > len(suffix) {
			return true
		}
	}
	return false
}

// endpointAt names the endpoint behind a path on the provider's own host, "" when there is none.
func (p *provider) endpointAt(host, path string) string {
	if path == metadataPath && p.metadata != nil {
		return endpointMetadata
	}
	return p.endpoint(host, path)
}

// paths makes an endpoint function for a provider whose paths are fixed.
func paths(token, revoke, introspect string) func(string, string) string {
	return func(_, path string) string {
		switch path {
		case "":
		case token:
			return endpointToken
		case revoke:
			return endpointRevoke
		case introspect:
			return endpointIntrospect
		}
		return ""
	}
}
