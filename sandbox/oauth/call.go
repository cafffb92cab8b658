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
	EndpointAuthorize  = "authorize"  // RFC 6749 section 3.1, with its page
	EndpointPushed     = "par"        // RFC 9126
	EndpointDevice     = "device_authorization"
	EndpointVerify     = "device" // the page of RFC 8628 section 3.3
	EndpointKeys       = "jwks"   // RFC 7517 section 5
)

// The grant types of what a person has agreed to.
const (
	GrantCode   = "authorization_code"
	GrantDevice = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628 section 3.4
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

// NewCall is a request to an endpoint of the provider, see Provider.Endpoint. The host is as the client named it, without port.
func (l *Ledger) NewCall(req *http.Request, host, endpoint string, body []byte, now time.Time) *Call {
	return &Call{Provider: l.Provider, Req: req, Host: host, Endpoint: endpoint, body: body, now: now}
}

// known is the set of parameters that an endpoint takes.
func (c *Call) known(param string) bool {
	switch c.Endpoint {
	case EndpointRevoke, EndpointIntrospect:
		return c.credential(param) || param == "token" || param == "token_type_hint"
	case EndpointPushed:
		return c.credential(param) || param != "request_uri" && slices.Contains(c.Authorization.Params, param)
	case EndpointDevice:
		return c.credential(param) || param == "scope"
	case EndpointAuthorize:
		if c.Req.Method == http.MethodGet {
			return slices.Contains(c.Authorization.Params, param)
		}
		return slices.Contains([]string{"transaction", "client_id", "username", "decision"}, param)
	case EndpointVerify:
		return param == "user_code" || c.Req.Method != http.MethodGet && (param == "username" || param == "decision")
	}
	return slices.Contains(c.Params, param)
}

// credential tells whether a parameter says who the client is.
func (c *Call) credential(param string) bool {
	signed := strings.HasPrefix(param, "client_assertion") && slices.Contains(c.Params, param)
	return signed || param == "client_id" || param == "client_secret"
}

// isPage tells whether a person's browser comes here, with parameters in the URL.
func (c *Call) isPage() bool { return c.Endpoint == EndpointAuthorize || c.Endpoint == EndpointVerify }

// describe answers with what the server says about itself. Whoever asks is nobody in particular: there is
// nothing to be authenticated for, and nothing to send along.
func (c *Call) describe() (map[string]any, *Refusal) {
	if r := c.judgePublic("metadata"); r != nil {
		return nil, r
	}
	return c.Metadata(c), nil
}
