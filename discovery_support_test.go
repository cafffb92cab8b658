package oauthrefresh

import (
	"encoding/json"
	"sync"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// issuer is a server that says about itself where its endpoints are: /token, with a grant behind it,
// and /revoke.
type issuer struct {
	*clienttest.Server
	mu  sync.Mutex
	doc fields
}

// newIssuer starts one that the mount trusts. Its metadata may be given otherwise.
func newIssuer(t testing.TB, b *testBackend, others ...fields) *issuer {
	t.Helper()
	s := &issuer{Server: clienttest.New(t, clienttest.Options{})}
	b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
	s.publish(with(s.metadata(), others...))
	grant := clienttest.NewRotation(canary + "refresh")
	s.Handle(func(r *clienttest.Request) clienttest.Answer {
		switch {
		case r.Path == "/token" && r.Method == "POST":
			return grant.Answer(r)
		case r.Path == "/.well-known/oauth-authorization-server" && r.Method == "GET":
			return clienttest.JSON(200, s.document())
		}
		return clienttest.Answer{Status: 404}
	})
	return s
}

func (s *issuer) metadata() fields {
	return fields{
		"issuer": s.URL(), "token_endpoint": s.URL() + "/token", "revocation_endpoint": s.URL() + "/revoke",
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt_of_tomorrow", "client_secret_post"},
	}
}

// publish replaces the metadata.
func (s *issuer) publish(doc fields) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doc = doc
}

func (s *issuer) document() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(s.doc)
	if err != nil {
		panic(err) // documents of tests are JSON
	}
	return string(text)
}
