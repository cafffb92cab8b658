// Package oauth is the core of the sandbox: a strict OAuth server whose every difference from another is a field of a
// Provider. A Call comes in, the Ledger of the provider judges and answers it, and nothing is spent before all of it
// has been found good. An endpoint that is new here has its name in call.go, its steps in a file of its own, and what
// it keeps in the ledger.
//
// It knows nothing of connections, nor of any server by name, and does what an Order says while it runs.
package oauth

import (
	"crypto"
	"crypto/x509"
	"net/http"
	"strings"
	"time"
)

// Handshake is what the TLS handshake at a provider's own hosts demands of a client's certificate.
type Handshake int

const (
	HandshakeOpen       Handshake = iota // nothing
	HandshakeVouched                     // one that an authority vouches for
	HandshakeRegistered                  // one that an application is registered with, whoever vouches for it
)

// Provider is one owner of a token endpoint: where it listens, whom it knows, and its dialect.
// The way of a call through a Ledger is the same for all; everything in which they differ is a field here.
type Provider struct {
	Name  string   // in the journal, in orders, and in paths on 127.0.0.1
	Hosts []string // exact names, or "*.suffix"
	// Path is the first part of every path on those hosts, of a provider that is known by it on 127.0.0.1 too. For
	// all others "": there, their name is put in front of the path.
	Path string
	// Claims tells which requests are this one's, of those to a host or path that several providers have: the last
	// that claims a request gets it. issued tells whether an access token is of this provider's issue; nil claims all.
	Claims func(h http.Header, issued func(accessToken string) bool) bool
	// Handshake is what the own hosts demand; on 127.0.0.1, where all share one port, a certificate may come or not.
	Handshake Handshake
	Apps      []App // registered applications, each with the refresh token it starts with

	// Params are the body parameters that this server knows; any other is refused.
	Params []string
	// Multipart says that the token endpoint takes multipart/form-data too.
	Multipart bool
	// ClientCredentials says that RFC 6749 section 4.4 is offered.
	ClientCredentials bool
	// TokenPath is the token endpoint's path as assertions must name it, on the host that they come to.
	TokenPath string
	// Roots are the authorities of client certificates.
	Roots  *x509.CertPool
	Policy Policy // at the start

	// Endpoint names the endpoint behind a path on the provider's own host, "" when there is none.
	Endpoint func(host, path string) string
	// Check looks at headers and at whatever else must hold before the body counts.
	Check func(*Call) *Refusal
	// Authenticate finds the application that sends the request.
	Authenticate func(*Call) (*App, *Refusal)
	// Extra checks a token request once its application is known; nil when there is nothing more.
	Extra func(*Call) *Refusal
	// Success is the body of a good token answer.
	Success func(*Call, *Issued) map[string]any
	// Refused dresses a refusal the way this provider does.
	Refused func(*Call, *Refusal) Reply
	// API is the answer to a good call of the provider's API; nil when there is no API here.
	API func() Reply
	// Metadata is what the server says about itself; nil when it says nothing.
	Metadata func(*Call) map[string]any
	// Authorization is how a person is asked; nil where there is no such endpoint.
	Authorization *Authorization
	// Header is set on every answer of this provider; may be nil.
	Header func() http.Header
	// IdempotencyKey is the header under which a request that comes again gets its first answer; "" for none.
	IdempotencyKey string
	// Gzip compresses answers, when the client accepts that, and sends them in chunks.
	Gzip bool
}

// App is a registered application and the grant that it holds at the start.
type App struct {
	ID, Secret   string
	Method       string // token_endpoint_auth_method (RFC 7591), or GrantJWTBearer
	RefreshToken string
	RedirectURIs []string // of those that people are asked by

	// Of those that show a certificate: the registered one. With tls_client_auth its subject counts
	// (RFC 8705 section 2.1), with self_signed_tls_client_auth it must be this one itself (section 2.2).
	Certificate *x509.Certificate
	// Of those that sign: with what, and for the JWT bearer grant on whose behalf.
	Key                 crypto.PublicKey
	Alg, KeyID, Subject string
}

// Policy is how a provider treats its tokens; POST /control changes it at run time.
type Policy struct {
	AccessTTL   time.Duration
	RefreshTTL  time.Duration // 0: lives until revoked
	Rotate      bool          // a refresh replaces the refresh token
	reuseGrace  time.Duration // how long a spent refresh token still works
	KillsAccess bool          // a refresh ends the access tokens issued before
	ReplayKills bool          // a replay ends the whole grant
	Scope       string        // as granted
	clockOffset time.Duration // by how much this provider's clock is ahead when it judges assertions

	deviceInterval time.Duration // between polls of the device flow, from now on; 0: as usual
	AccessToken    func() string
	RefreshToken   func() string
}

// serves tells whether the provider answers on a host name.
func (p *Provider) serves(host string) bool {
	for _, h := range p.Hosts {
		if suffix, wild := strings.CutPrefix(h, "*"); h == host || wild && strings.HasSuffix(host, suffix) && len(host) > len(suffix) {
			return true
		}
	}
	return false
}

// app finds an application, nil when there is none of that id.
func (p *Provider) app(id string) *App {
	for i := range p.Apps {
		if p.Apps[i].ID == id {
			return &p.Apps[i]
		}
	}
	return nil
}

// Paths makes an endpoint function for a provider whose paths are fixed: the endpoint by its path, on whatever host.
func Paths(endpoints map[string]string) func(host, path string) string {
	return func(_, path string) string { return endpoints[path] }
}
