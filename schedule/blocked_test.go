package schedule_test

import (
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A role that is blocked until somebody writes something is looked at now and then, and not every minute: with 100,000 of one
// provider that is thousands of storage reads a second.
func TestABlockedRoleCostsLittle(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.StartBackground()
		server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", enginetest.Canary+"r1")))
		b.Read("creds/r")
		b.Write("providers/test", enginetest.Fields{"access_token_pointer": "/other"})
		enginetest.Pause(2 * time.Hour)
		var gets atomic.Int64
		b.Storage.OnGet(func(string) error { gets.Add(1); return nil })
		enginetest.Pause(10 * time.Hour)
		b.Storage.OnGet(nil)
		if n := gets.Load(); n > 200 {
			t.Errorf("%d reads in ten hours for one role that nobody reads", n)
		}
	}, enginetest.Fields{"refresh_token_idle_ttl": "1h"})
}

// The same for several candidates.
func TestARoleWithCandidatesCostsLittle(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.StartBackground()
		server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"a":{"refresh_token":"`+enginetest.Canary+`ra"},"b":{"refresh_token":"`+enginetest.Canary+`rb"}}`))
		b.Read("creds/r")
		enginetest.Pause(2 * time.Hour)
		var gets atomic.Int64
		b.Storage.OnGet(func(string) error { gets.Add(1); return nil })
		enginetest.Pause(10 * time.Hour)
		b.Storage.OnGet(nil)
		if n := gets.Load(); n > 200 {
			t.Errorf("%d reads in ten hours for one role that nobody reads", n)
		}
	}, enginetest.Fields{"refresh_token_idle_ttl": "1h"})
}
