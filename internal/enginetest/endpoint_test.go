package enginetest

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// The support itself: a role, two reads of its token, one refresh.
func TestEndpointRefreshesARole(t *testing.T) {
	b := New(t)
	server := NewEndpoint(t, b)
	grant := NewGrant(server)
	b.WriteRole("r")
	for range 2 {
		if got := b.Data("creds/r")["access_token"]; got != clienttest.AccessToken(FirstToken, 1) {
			t.Errorf("access token %v", got)
		}
	}
	if n := len(server.Requests()); n != 1 || grant.Refreshes() != 1 {
		t.Errorf("%d requests, %d refreshes", n, grant.Refreshes())
	}
}
