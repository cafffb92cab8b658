package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"strings"
)

// Metadata is what a server says about itself (RFC 8414 section 2), as far as a definition needs it.
// It is as the server wrote it: see Provider.Fill for what is taken of it.
type Metadata struct {
	// Issuer is the issuer identifier, the one that was asked for.
	Issuer string
	// TokenEndpoint, RevocationEndpoint and IntrospectionEndpoint are URLs, "" for those that the
	// server does not have.
	TokenEndpoint, RevocationEndpoint, IntrospectionEndpoint string
	// AuthorizationEndpoint, DeviceAuthorizationEndpoint (RFC 8628 section 4), PushedAuthorizationRequestEndpoint (RFC
	// 9126 section 5) and JWKSURI are URLs likewise.
	AuthorizationEndpoint, DeviceAuthorizationEndpoint, PushedAuthorizationRequestEndpoint, JWKSURI string
	// RequirePushedAuthorizationRequests and AuthorizationResponseIssParameterSupported (RFC 9207 section 3) are false
	// when the server does not say.
	RequirePushedAuthorizationRequests, AuthorizationResponseIssParameterSupported bool
	// Scopes, ResponseModes and CodeChallengeMethods are the lists of what the server supports; nil when it does not say.
	Scopes, ResponseModes, CodeChallengeMethods []string
	// MTLSEndpointAliases are those of the endpoints that requests go to (RFC 8705 section 5), nil for none.
	MTLSEndpointAliases map[string]string
	// AuthMethods are token_endpoint_auth_methods_supported; nil when the server does not say.
	AuthMethods []string
}

var errMetadata error = unsent("the issuer's metadata are no valid document (RFC 8414): leave issuer out and write token_endpoint")

// parseMetadata reads a document and wants it to be the issuer's own.
func parseMetadata(text []byte, issuer string) (*Metadata, error) {
	doc, err := members(text)
	if err != nil {
		return nil, err
	}
	m := new(Metadata)
	if err := readText(doc, "issuer", &m.Issuer); err != nil {
		return nil, err
	}
	switch {
	case m.Issuer == issuer:
	case strings.TrimRight(m.Issuer, "/") == strings.TrimRight(issuer, "/"):
		return nil, unsent("the metadata name an issuer that differs from this one in the slash at its end: write issuer exactly as the server does")
	default:
		return nil, unsent("the metadata found under this issuer name another one, so nothing in them counts: write issuer exactly as the server names itself")
	}
	m.readHints(doc)
	m.MTLSEndpointAliases, err = readAliases(doc["mtls_endpoint_aliases"])
	return m, cmp.Or(err,
		readText(doc, "token_endpoint", &m.TokenEndpoint),
		readText(doc, "revocation_endpoint", &m.RevocationEndpoint),
		readText(doc, "introspection_endpoint", &m.IntrospectionEndpoint),
		readText(doc, "authorization_endpoint", &m.AuthorizationEndpoint),
		readText(doc, "device_authorization_endpoint", &m.DeviceAuthorizationEndpoint),
		readText(doc, "pushed_authorization_request_endpoint", &m.PushedAuthorizationRequestEndpoint),
		readText(doc, "jwks_uri", &m.JWKSURI),
		readTexts(doc, "token_endpoint_auth_methods_supported", &m.AuthMethods))
}

// readHints reads what a definition only begins with. What is of another type than it should be is as if it were not
// there: a server whose endpoints can be used must not be lost for a list that it writes as a text.
func (m *Metadata) readHints(doc map[string]json.RawMessage) {
	for name, into := range map[string]*[]string{
		"scopes_supported": &m.Scopes, "response_modes_supported": &m.ResponseModes, "code_challenge_methods_supported": &m.CodeChallengeMethods,
	} {
		if readTexts(doc, name, into) != nil {
			*into = nil
		}
	}
	for name, into := range map[string]*bool{
		"require_pushed_authorization_requests":          &m.RequirePushedAuthorizationRequests,
		"authorization_response_iss_parameter_supported": &m.AuthorizationResponseIssParameterSupported,
	} {
		*into = string(doc[name]) == "true"
	}
}

// readAliases keeps those that a definition may have; the document may name more.
func readAliases(text json.RawMessage) (map[string]string, error) {
	if text == nil || string(text) == "null" {
		return nil, nil
	}
	doc, err := members(text)
	if err != nil {
		return nil, err
	}
	aliases := map[string]string{}
	for _, name := range aliasedEndpoints {
		var url string
		if err := readText(doc, name, &url); err != nil {
			return nil, err
		}
		if url != "" {
			aliases[name] = url
		}
	}
	return aliases, nil
}

// members splits a JSON object and nothing else. Two members of one name are an error: another reader
// of the document would believe the other one. Names are compared as they are, unlike in
// encoding/json, which takes Issuer for issuer too.
func members(text []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return nil, errMetadata
	}
	doc := map[string]json.RawMessage{}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok || doc[name] != nil {
			return nil, errMetadata
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errMetadata
		}
		doc[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errMetadata
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errMetadata
	}
	return doc, nil
}

// readText reads a text. null is how some servers write that they have none.
func readText(doc map[string]json.RawMessage, name string, into *string) error {
	if doc[name] != nil && json.Unmarshal(doc[name], into) != nil {
		return errMetadata
	}
	return nil
}

func readTexts(doc map[string]json.RawMessage, name string, into *[]string) error {
	if doc[name] != nil && json.Unmarshal(doc[name], into) != nil {
		return errMetadata
	}
	return nil
}
