package oauth

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// Credentials are what a request says about its client.
type Credentials struct {
	ID, secret string
	Method     string // how they came: client_secret_basic, client_secret_post, none
	BodyID     string // client_id in the body next to Basic
}

// BasicEncoding tells what a server does with the two halves of a Basic header.
type BasicEncoding bool

const (
	RFC6749Encoding BasicEncoding = true  // form-decodes them, RFC 6749 section 2.3.1
	RawEncoding     BasicEncoding = false // takes them as they are
)

// Credentials reads how the client authenticates and refuses two ways at once (RFC 6749 section 2.3:
// "The client MUST NOT use more than one authentication method in each request").
func (c *Call) Credentials(encoding BasicEncoding) (Credentials, *Refusal) {
	header := c.Req.Header.Values("Authorization")
	if len(header) > 1 {
		return Credentials{}, Refuse("invalid_request", "more than one Authorization header")
	}
	id, secret := c.Form.Get("client_id"), c.Form.Get("client_secret")
	if c.Form.Has("client_assertion") || c.Form.Has("client_assertion_type") {
		switch {
		case len(header) > 0 || c.Form.Has("client_secret"):
			return Credentials{}, Refuse("invalid_request", "credentials sent in two ways: an assertion and a secret")
		case c.Form.Get("client_assertion_type") != clientAssertionType || c.Form.Get("client_assertion") == "":
			return Credentials{}, Refuse("invalid_request", "client_assertion needs its client_assertion_type, and the other way round")
		}
		return Credentials{ID: id, Method: methodAssertion}, nil
	}
	if len(header) == 0 {
		if c.Form.Has("client_secret") {
			return Credentials{ID: id, secret: secret, Method: "client_secret_post"}, nil
		}
		return Credentials{ID: id, Method: "none"}, nil
	}
	if c.Form.Has("client_secret") {
		return Credentials{}, Refuse("invalid_request", "credentials sent in two ways: header and body")
	}
	creds, ok := decodeBasic(header[0], encoding)
	if !ok {
		return Credentials{}, Refuse("invalid_client", "the Authorization header is not a Basic pair in this server's encoding")
	}
	creds.BodyID = id
	return creds, nil
}

func decodeBasic(header string, encoding BasicEncoding) (Credentials, bool) {
	scheme, b64, _ := strings.Cut(header, " ")
	pair, err := base64.StdEncoding.DecodeString(b64)
	id, secret, ok := strings.Cut(string(pair), ":")
	if err != nil || !ok || !strings.EqualFold(scheme, "Basic") {
		return Credentials{}, false
	}
	if encoding == RFC6749Encoding {
		var errID, errSecret error
		id, errID = url.QueryUnescape(id)
		secret, errSecret = url.QueryUnescape(secret)
		if errID != nil || errSecret != nil {
			return Credentials{}, false
		}
	}
	return Credentials{ID: id, secret: secret, Method: "client_secret_basic"}, true
}

// Find looks the client up; the method must be the one that the application is registered with.
func (c *Call) Find(creds Credentials) (*App, *Refusal) {
	for i := range c.Apps {
		a := &c.Apps[i]
		if a.ID != creds.ID {
			continue
		}
		switch {
		case a.Method == "tls_client_auth" && creds.Method == "none", a.Method == "self_signed_tls_client_auth" && creds.Method == "none":
			return a, c.certified(a)
		case a.Method == "private_key_jwt" && creds.Method == methodAssertion, a.Method == "client_secret_jwt" && creds.Method == methodAssertion:
			return a, c.asserted(a)
		}
		if a.Method != creds.Method {
			return nil, Refuse("invalid_client", "this application authenticates with "+a.Method+", not with "+creds.Method)
		}
		if subtle.ConstantTimeCompare([]byte(a.Secret), []byte(creds.secret)) != 1 {
			return nil, Refuse("invalid_client", "wrong client secret (or wrongly encoded)")
		}
		return a, nil
	}
	return nil, Refuse("invalid_client", "unknown client_id")
}

// ByRegistration authenticates by the application's registered method; with Basic the body names no client.
func ByRegistration(encoding BasicEncoding) func(*Call) (*App, *Refusal) {
	return func(c *Call) (*App, *Refusal) {
		creds, r := c.Credentials(encoding)
		if r != nil {
			return nil, r
		}
		named := c.Endpoint == EndpointPushed || c.Endpoint == EndpointDevice // where client_id is a parameter of the request itself
		if creds.BodyID != "" && !(named && creds.BodyID == creds.ID) {
			return nil, Refuse("invalid_request", "credentials sent in two ways: client_id in header and body")
		}
		return c.Find(creds)
	}
}

// Claimed is the application that a request says it is from, proved or not: by its body, its Basic pair or its
// assertion. It is "" for one that is not registered here, whose name may be anything.
func (c *Call) Claimed() string {
	names := []string{c.Form.Get("client_id")}
	for _, encoding := range []BasicEncoding{RawEncoding, RFC6749Encoding} {
		creds, _ := decodeBasic(c.Req.Header.Get("Authorization"), encoding)
		names = append(names, creds.ID)
	}
	if parts := strings.Split(c.Form.Get("assertion"), "."); len(parts) == 3 {
		var said claims
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &said)
		names = append(names, said.Issuer)
	}
	for _, name := range names {
		for i := range c.Apps {
			if name == c.Apps[i].ID {
				return name
			}
		}
	}
	return ""
}

// presented is the grant whose refresh token or spent code a request carries, to spend it or to end it; nil for none.
func (c *Call) presented(l *Ledger) *grant {
	if g := l.grantOf(c.Form.Get("refresh_token")); g != nil {
		return g
	}
	if k := l.codes[c.Form.Get("code")]; k != nil {
		return k.grant
	}
	return l.grantOf(c.Form.Get("token"))
}
