package client

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// Shown is a token request as it may be shown to people: everything that is no secret, and of each secret
// where it would stand.
type Shown struct {
	// Method, URL and Format are those of the request; Format is one of the Format constants.
	Method, URL, Format string
	// Header holds a value for each name.
	Header map[string]string
	// Params are the body's parameters as name=value, in the order in which they would be sent.
	Params []string
	// Assertions are the headers and claims of what would be signed, by parameter name. No signature: with
	// it, an assertion would be a credential.
	Assertions map[string]any
}

// shownParams are the protocol's own parameters that hold no secret.
var shownParams = []string{"grant_type", "client_id", "scope", "redirect_uri", "client_assertion_type"}

// Show returns what Exchange would send now. The error is an *Error, as Exchange would return it before
// sending anything.
func (r *Request) Show() (*Shown, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	params, err := r.tokenParams(clock.Now())
	if err != nil {
		return nil, unsent(err.Error())
	}
	s := &Shown{
		Method: http.MethodPost, URL: r.Endpoint, Format: r.Provider.RequestFormat,
		Header: map[string]string{}, Assertions: map[string]any{},
	}
	for name := range r.tokenHeaders() {
		s.Header[name] = r.shownHeader(name)
	}
	for _, p := range params {
		s.Params = append(s.Params, p.name+"="+r.shownParam(p))
		if p.name == "assertion" || p.name == "client_assertion" {
			s.Assertions[p.name] = opened(p.value)
		}
	}
	return s, nil
}

func (r *Request) shownParam(p param) string {
	if _, own := r.Params[p.name]; own {
		return redacted // the role's: an API key, for one
	}
	if _, theirs := r.Provider.TokenParams[p.name]; theirs || slices.Contains(shownParams, p.name) {
		return p.value
	}
	return redacted
}

func (r *Request) shownHeader(name string) string {
	for own := range r.Headers {
		if strings.EqualFold(own, name) {
			return redacted
		}
	}
	if name == "Authorization" {
		return "Basic " + redacted
	}
	return r.tokenHeaders().Get(name)
}

// opened is the header and the claims of a JWT. Its id is left out: it is another one for each request.
func opened(token string) map[string]any {
	out := map[string]any{}
	for i, name := range []string{"header", "claims"} {
		var part map[string]any
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
		if err == nil && json.Unmarshal(text, &part) == nil {
			delete(part, "jti")
			out[name] = part
		}
	}
	return out
}
