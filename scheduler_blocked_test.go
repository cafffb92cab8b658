package oauthrefresh

import (
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A role that is blocked until somebody writes something is looked at now and then, and not every minute: with 100,000 of one
// provider that is thousands of storage reads a second.
func TestABlockedRoleCostsLittle(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		b.startBackground()
		server.Handle(always(tokenAnswer("a1", canary+"r1")))
		b.read("creds/r")
		b.write("providers/test", fields{"access_token_pointer": "/other"})
		pause(2 * time.Hour)
		var gets atomic.Int64
		b.storage.onGet(func(string) error { gets.Add(1); return nil })
		pause(10 * time.Hour)
		b.storage.onGet(nil)
		if n := gets.Load(); n > 200 {
			t.Errorf("%d reads in ten hours for one role that nobody reads", n)
		}
	}, fields{"refresh_token_idle_ttl": "1h"})
}

// The same for several candidates.
func TestARoleWithCandidatesCostsLittle(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		b.startBackground()
		server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"a":{"refresh_token":"`+canary+`ra"},"b":{"refresh_token":"`+canary+`rb"}}`))
		b.read("creds/r")
		pause(2 * time.Hour)
		var gets atomic.Int64
		b.storage.onGet(func(string) error { gets.Add(1); return nil })
		pause(10 * time.Hour)
		b.storage.onGet(nil)
		if n := gets.Load(); n > 200 {
			t.Errorf("%d reads in ten hours for one role that nobody reads", n)
		}
	}, fields{"refresh_token_idle_ttl": "1h"})
}
