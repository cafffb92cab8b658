package oauthrefresh

import (
	"fmt"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A wrong expires_in_pointer is enough for this, and each refresh spends a refresh token.
func TestTokensTooShortToLeaseAreNotFetchedPerRead(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		n := 0
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			n++
			return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"a%d","expires_in":4,"refresh_token":"%s%d"}`, n, canary, n))
		})
		for range 20 {
			b.noCreds("r", 503)
		}
		if n > 2 {
			t.Errorf("20 reads in no time spent %d refresh tokens and brought nothing", n)
		}
	})
}
