package enginetest

import (
	"maps"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// NewEndpoint starts a token endpoint and makes the mount know it as the provider "test". Its
// paths are /token and /revoke. The definition's fields may be given otherwise.
func NewEndpoint(t testing.TB, b *Mount, others ...Fields) *clienttest.Server {
	t.Helper()
	server := clienttest.New(t, clienttest.Options{})
	b.Write("config", Fields{"ca_certificate": string(clienttest.CAPEM())})
	b.Write("providers/test", With(Fields{
		"token_endpoint":             server.URL() + "/token",
		"revocation_endpoint":        server.URL() + "/revoke",
		"token_endpoint_auth_method": "client_secret_post",
	}, others...))
	return server
}

// WriteRole writes a role of the provider "test". Its fields may be given otherwise; nil leaves
// one out.
func (b *Mount) WriteRole(name string, others ...Fields) {
	b.T.Helper()
	b.Write("roles/"+name, RoleOf("test", others...))
}

// RoleOf are the fields of a role that gets along with most providers.
func RoleOf(provider string, others ...Fields) Fields {
	return With(Fields{
		"provider": provider, "client_id": "the-client",
		"client_secret": Canary + "secret", "refresh_token": Canary + "refresh",
	}, others...)
}

// With is the fields with others laid over them; nil leaves one out.
func With(f Fields, others ...Fields) Fields {
	merged := maps.Clone(f)
	for _, other := range others {
		maps.Copy(merged, other)
	}
	maps.DeleteFunc(merged, func(_ string, value any) bool { return value == nil })
	return merged
}

// NewGrant is a rotating grant that begins with the refresh token of roleOf, behind the endpoint.
func NewGrant(server *clienttest.Server) *clienttest.Rotation {
	grant := clienttest.NewRotation(Canary + "refresh")
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if strings.HasSuffix(r.Path, "/revoke") {
			grant.Revoke()
			return clienttest.Answer{Status: 200}
		}
		return grant.Answer(r)
	})
	return grant
}

var Busy = clienttest.JSON(503, `{"error":"temporarily_unavailable","error_description":"`+Canary+`busy"}`)

// Always gives the same answer.
func Always(a clienttest.Answer) func(*clienttest.Request) clienttest.Answer {
	return func(*clienttest.Request) clienttest.Answer { return a }
}

var InvalidGrant = clienttest.JSON(400, `{"error":"invalid_grant","error_description":"`+Canary+`text of the provider"}`)

// KnownClient lets in whom the function knows, to a rotating grant; others hear invalid_client.
func KnownClient(server *clienttest.Server, knows func(*clienttest.Request) bool) *clienttest.Rotation {
	rotation := clienttest.NewRotation(FirstToken)
	LetIn(server, rotation, knows)
	return rotation
}

// LetIn has a server answer like a rotation to those whom it knows, and with invalid_client to others.
func LetIn(server *clienttest.Server, rotation *clienttest.Rotation, knows func(*clienttest.Request) bool) {
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		switch {
		case !knows(r):
			return clienttest.JSON(401, `{"error":"invalid_client"}`)
		case strings.HasSuffix(r.Path, "/revoke"):
			return clienttest.Answer{Status: 200}
		}
		return rotation.Answer(r)
	})
}

// BySecret knows clients by this secret.
func BySecret(secret string) func(*clienttest.Request) bool {
	return func(r *clienttest.Request) bool { return r.Form.Get("client_secret") == secret }
}
