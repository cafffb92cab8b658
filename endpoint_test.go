package oauthrefresh

import (
	"maps"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// newEndpoint starts a token endpoint and makes the mount know it as the provider "test". Its
// paths are /token and /revoke. The definition's fields may be given otherwise.
func newEndpoint(t testing.TB, b *testBackend, others ...fields) *clienttest.Server {
	t.Helper()
	server := clienttest.New(t, clienttest.Options{})
	b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
	b.write("providers/test", with(fields{
		"token_endpoint":             server.URL() + "/token",
		"revocation_endpoint":        server.URL() + "/revoke",
		"token_endpoint_auth_method": "client_secret_post",
	}, others...))
	return server
}

// writeRole writes a role of the provider "test". Its fields may be given otherwise; nil leaves
// one out.
func (b *testBackend) writeRole(name string, others ...fields) {
	b.t.Helper()
	b.write("roles/"+name, roleOf("test", others...))
}

// roleOf are the fields of a role that gets along with most providers.
func roleOf(provider string, others ...fields) fields {
	return with(fields{
		"provider": provider, "client_id": "the-client",
		"client_secret": canary + "secret", "refresh_token": canary + "refresh",
	}, others...)
}

// with is the fields with others laid over them; nil leaves one out.
func with(f fields, others ...fields) fields {
	merged := maps.Clone(f)
	for _, other := range others {
		maps.Copy(merged, other)
	}
	maps.DeleteFunc(merged, func(_ string, value any) bool { return value == nil })
	return merged
}

// newGrant is a rotating grant that begins with the refresh token of roleOf, behind the endpoint.
func newGrant(server *clienttest.Server) *clienttest.Rotation {
	grant := clienttest.NewRotation(canary + "refresh")
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if strings.HasSuffix(r.Path, "/revoke") {
			grant.Revoke()
			return clienttest.Answer{Status: 200}
		}
		return grant.Answer(r)
	})
	return grant
}

// The support itself: a role, two reads of its token, one refresh.
func TestEndpointRefreshesARole(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	grant := newGrant(server)
	b.writeRole("r")
	for range 2 {
		if got := b.data("creds/r")["access_token"]; got != clienttest.AccessToken(firstToken, 1) {
			t.Errorf("access token %v", got)
		}
	}
	if n := len(server.Requests()); n != 1 || grant.Refreshes() != 1 {
		t.Errorf("%d requests, %d refreshes", n, grant.Refreshes())
	}
}
