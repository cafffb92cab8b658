package grant_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Among 100,000 roles is one whose exchange was cut in two by a crash, and its provider's grace is short: it is repeated
// before the others are looked at.
func TestANotedExchangeIsRepeatedFirstAmongVeryMany(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a0", enginetest.Canary+"r0"))
		b.Read("creds/r")
		b.Multiply("r", 100_000)
		b.WriteRole("zz")
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
		b.Write("refresh/zz", nil)
		synctest.Wait() // its own note goes
		b.Interrupted("zz")
		b.Mark("zz")
		b.Mark("r") // stale: its exchange was settled

		after := enginetest.NewOn(t, b.Storage)
		var reads, before atomic.Int64
		b.Storage.OnGet(func(string) error { reads.Add(1); return nil })
		server.Handle(func(*clienttest.Request) clienttest.Answer {
			before.CompareAndSwap(0, reads.Load())
			return enginetest.TokenAnswer("a2", enginetest.Canary+"r2")
		})
		began := time.Now()
		after.StartBackground()
		enginetest.Pause(time.Second)
		if n := before.Load(); n == 0 || n > 100 {
			t.Errorf("%d reads before the exchange was repeated", n)
		}
		if got := b.Stored("zz"); got.Generation != 2 || got.Intent != nil || time.Since(began) > 10*time.Second {
			t.Errorf("generation %d after %s", got.Generation, time.Since(began))
		}
		if b.Marked("r") {
			t.Error("the note of an exchange that was settled stays")
		}
		b.Storage.OnGet(nil)
	}, enginetest.Fields{"idempotency_header": "X-Key"})
}

// An exchange that is not noted, as an earlier version leaves it, is found by the look at all roles.
func TestAnExchangeWithoutANoteIsFoundToo(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server).IdempotencyHeader = "X-Key"
		b.Read("creds/r")
		synctest.Wait() // its own note goes
		b.Interrupted("r")
		enginetest.NewOn(t, b.Storage).StartBackground()
		enginetest.Pause(time.Second)
		if got := b.Stored("r"); got.Generation != 2 || got.Intent != nil {
			t.Errorf("generation %d", got.Generation)
		}
	}, enginetest.Fields{"idempotency_header": "X-Key"})
}

// A note goes when its exchange is settled, by a task of its own, and stays while one is not.
func TestANoteGoesWithItsExchange(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Read("creds/r")
		synctest.Wait() // its own note goes
		b.Mark("r")
		unlock := enginetest.MustLock(t, &b.Grants.Refreshes, "r")
		b.Grants.UnmarkInflight(b.Storage, "r") // returns, though the exchange's lock is held
		synctest.Wait()
		if !b.Marked("r") {
			t.Error("the note went while the role was locked")
		}
		b.Interrupted("r") // by another exchange, whose note is the same one
		unlock()
		enginetest.Pause(time.Second)
		if !b.Marked("r") {
			t.Error("the note of an exchange that is not settled has gone")
		}
		b.Age("r", func(tok *grant.State) { tok.Intent = nil })
		b.Grants.UnmarkInflight(b.Storage, "r")
		enginetest.Pause(time.Second)
		if b.Marked("r") {
			t.Error("the note of an exchange that is settled stays")
		}

		b.Mark("r")
		b.Cleanup(context.Background())
		b.Grants.UnmarkInflight(b.Storage, "r") // a mount that has ended is left alone
		enginetest.Pause(time.Second)
		if !b.Marked("r") {
			t.Error("something is written after the end")
		}
	})
}
