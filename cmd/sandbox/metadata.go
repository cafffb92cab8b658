package main

import "net/http"

// metadataPath is where RFC 8414 section 3.1 has a server's metadata. An issuer's own path follows it.
const metadataPath = "/.well-known/oauth-authorization-server"

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
