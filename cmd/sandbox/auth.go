package main

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// credentials are what a request says about its client.
type credentials struct {
	id, secret string
	method     string // how they came: client_secret_basic, client_secret_post, none
	bodyID     string // client_id in the body next to Basic
}

// basicEncoding tells what a server does with the two halves of a Basic header.
type basicEncoding bool

const (
	rfc6749Encoding basicEncoding = true  // form-decodes them, RFC 6749 section 2.3.1
	rawEncoding     basicEncoding = false // takes them as they are
)

// credentials reads how the client authenticates and refuses two ways at once (RFC 6749 section 2.3:
// "The client MUST NOT use more than one authentication method in each request").
func (c *call) credentials(encoding basicEncoding) (credentials, *refusal) {
	header := c.req.Header.Values("Authorization")
	if len(header) > 1 {
		return credentials{}, refuse("invalid_request", "more than one Authorization header")
	}
	id, secret := c.form.Get("client_id"), c.form.Get("client_secret")
	if c.form.Has("client_assertion") || c.form.Has("client_assertion_type") {
		switch {
		case len(header) > 0 || c.form.Has("client_secret"):
			return credentials{}, refuse("invalid_request", "credentials sent in two ways: an assertion and a secret")
		case c.form.Get("client_assertion_type") != clientAssertionType || c.form.Get("client_assertion") == "":
			return credentials{}, refuse("invalid_request", "client_assertion needs its client_assertion_type, and the other way round")
		}
		return credentials{id: id, method: methodAssertion}, nil
	}
	if len(header) == 0 {
		if c.form.Has("client_secret") {
			return credentials{id: id, secret: secret, method: "client_secret_post"}, nil
		}
		return credentials{id: id, method: "none"}, nil
	}
	if c.form.Has("client_secret") {
		return credentials{}, refuse("invalid_request", "credentials sent in two ways: header and body")
	}
	creds, ok := decodeBasic(header[0], encoding)
	if !ok {
		return credentials{}, refuse("invalid_client", "the Authorization header is not a Basic pair in this server's encoding")
	}
	creds.bodyID = id
	return creds, nil
}

func decodeBasic(header string, encoding basicEncoding) (credentials, bool) {
	scheme, b64, _ := strings.Cut(header, " ")
	pair, err := base64.StdEncoding.DecodeString(b64)
	id, secret, ok := strings.Cut(string(pair), ":")
	if err != nil || !ok || !strings.EqualFold(scheme, "Basic") {
		return credentials{}, false
	}
	if encoding == rfc6749Encoding {
		var errID, errSecret error
		id, errID = url.QueryUnescape(id)
		secret, errSecret = url.QueryUnescape(secret)
		if errID != nil || errSecret != nil {
			return credentials{}, false
		}
	}
	return credentials{id: id, secret: secret, method: "client_secret_basic"}, true
}

// find looks the client up; the method must be the one that the application is registered with.
func (c *call) find(creds credentials) (*app, *refusal) {
	for i := range c.apps {
		a := &c.apps[i]
		if a.id != creds.id {
			continue
		}
		switch {
		case a.method == "tls_client_auth" && creds.method == "none", a.method == "self_signed_tls_client_auth" && creds.method == "none":
			return a, c.certified(a)
		case a.method == "private_key_jwt" && creds.method == methodAssertion, a.method == "client_secret_jwt" && creds.method == methodAssertion:
			return a, c.asserted(a)
		}
		if a.method != creds.method {
			return nil, refuse("invalid_client", "this application authenticates with "+a.method+", not with "+creds.method)
		}
		if subtle.ConstantTimeCompare([]byte(a.secret), []byte(creds.secret)) != 1 {
			return nil, refuse("invalid_client", "wrong client secret (or wrongly encoded)")
		}
		return a, nil
	}
	return nil, refuse("invalid_client", "unknown client_id")
}

// byRegistration authenticates by the application's registered method; with Basic the body names no client.
func byRegistration(encoding basicEncoding) func(*call) (*app, *refusal) {
	return func(c *call) (*app, *refusal) {
		creds, r := c.credentials(encoding)
		if r != nil {
			return nil, r
		}
		if creds.bodyID != "" {
			return nil, refuse("invalid_request", "credentials sent in two ways: client_id in header and body")
		}
		return c.find(creds)
	}
}

// claimed is the application that a request says it is from, proved or not: by its body, its Basic pair or its
// assertion. It is "" for one that is not registered here, whose name may be anything.
func (c *call) claimed() string {
	names := []string{c.form.Get("client_id")}
	for _, encoding := range []basicEncoding{rawEncoding, rfc6749Encoding} {
		creds, _ := decodeBasic(c.req.Header.Get("Authorization"), encoding)
		names = append(names, creds.id)
	}
	if parts := strings.Split(c.form.Get("assertion"), "."); len(parts) == 3 {
		var said claims
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &said)
		names = append(names, said.Issuer)
	}
	for _, name := range names {
		for i := range c.apps {
			if name == c.apps[i].id {
				return name
			}
		}
	}
	return ""
}

// presented is the grant whose refresh token a request carries, to spend it or to end it; nil for none.
func (c *call) presented(l *ledger) *grant {
	if g := l.grantOf(c.form.Get("refresh_token")); g != nil {
		return g
	}
	return l.grantOf(c.form.Get("token"))
}
