package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The endpoints that a provider may have.
const (
	endpointToken      = "token"      // RFC 6749 section 3.2
	endpointRevoke     = "revoke"     // RFC 7009
	endpointIntrospect = "introspect" // RFC 7662
	endpointAPI        = "api"        // a resource that takes the tokens
	endpointMetadata   = "metadata"   // RFC 8414
)

// metadataPath is where RFC 8414 section 3.1 has a server's metadata. An issuer's own path follows it.
const metadataPath = "/.well-known/oauth-authorization-server"

// call is one request on its way through a provider.
type call struct {
	*provider
	req      *http.Request
	host     string // as the client named it, without port
	endpoint string
	body     []byte
	form     url.Values
	app      *app
	now      time.Time

	first       func(jti string) bool // see ledger.first
	clockOffset time.Duration
}

// newCall is a request to an endpoint of the provider, see endpointAt. The host is as the client named it, without port.
func (l *ledger) newCall(req *http.Request, host, endpoint string, body []byte, now time.Time) *call {
	return &call{provider: l.provider, req: req, host: host, endpoint: endpoint, body: body, now: now}
}

// known is the set of parameters that an endpoint takes.
func (c *call) known(param string) bool {
	switch c.endpoint {
	case endpointRevoke, endpointIntrospect:
		signed := strings.HasPrefix(param, "client_assertion") && slices.Contains(c.params, param)
		return signed || slices.Contains([]string{"token", "token_type_hint", "client_id", "client_secret"}, param)
	}
	return slices.Contains(c.params, param)
}

// describe answers with what the server says about itself. Whoever asks is nobody in particular: there is
// nothing to be authenticated for, and nothing to send along.
func (c *call) describe() (map[string]any, *refusal) {
	switch {
	case c.req.Method != http.MethodGet:
		return nil, refuse(badMethod, "the metadata are there for GET only")
	case c.req.URL.RawQuery != "" || len(c.body) > 0:
		return nil, refuse("invalid_request", "the metadata take no parameters")
	case c.req.Header.Get("Authorization") != "" || c.req.Header.Get("Cookie") != "":
		return nil, refuse("invalid_request", "credentials in a request for metadata")
	}
	return c.metadata("https://" + c.req.Host + "/" + c.name), nil
}
