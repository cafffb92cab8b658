package oauth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The endpoints that a provider may have.
const (
	EndpointToken      = "token"      // RFC 6749 section 3.2
	EndpointRevoke     = "revoke"     // RFC 7009
	EndpointIntrospect = "introspect" // RFC 7662
	EndpointAPI        = "api"        // a resource that takes the tokens
	EndpointMetadata   = "metadata"   // RFC 8414
)

// MetadataPath is where RFC 8414 section 3.1 has a server's metadata. An issuer's own path follows it.
const MetadataPath = "/.well-known/oauth-authorization-server"

// Call is one request on its way through a provider.
type Call struct {
	*Provider
	Req      *http.Request
	Host     string // as the client named it, without port
	Endpoint string
	body     []byte
	Form     url.Values
	app      *App
	now      time.Time

	first       func(jti string) bool // see Ledger.first
	clockOffset time.Duration
}

// NewCall is a request to an endpoint of the provider, see Provider.EndpointAt. The host is as the client named it, without port.
func (l *Ledger) NewCall(req *http.Request, host, endpoint string, body []byte, now time.Time) *Call {
	return &Call{Provider: l.Provider, Req: req, Host: host, Endpoint: endpoint, body: body, now: now}
}

// known is the set of parameters that an endpoint takes.
func (c *Call) known(param string) bool {
	switch c.Endpoint {
	case EndpointRevoke, EndpointIntrospect:
		signed := strings.HasPrefix(param, "client_assertion") && slices.Contains(c.Params, param)
		return signed || slices.Contains([]string{"token", "token_type_hint", "client_id", "client_secret"}, param)
	}
	return slices.Contains(c.Params, param)
}

// describe answers with what the server says about itself. Whoever asks is nobody in particular: there is
// nothing to be authenticated for, and nothing to send along.
func (c *Call) describe() (map[string]any, *Refusal) {
	switch {
	case c.Req.Method != http.MethodGet:
		return nil, Refuse(BadMethod, "the metadata are there for GET only")
	case c.Req.URL.RawQuery != "" || len(c.body) > 0:
		return nil, Refuse("invalid_request", "the metadata take no parameters")
	case c.Req.Header.Get("Authorization") != "" || c.Req.Header.Get("Cookie") != "":
		return nil, Refuse("invalid_request", "credentials in a request for metadata")
	}
	return c.Metadata("https://" + c.Req.Host + "/" + c.Name), nil
}
