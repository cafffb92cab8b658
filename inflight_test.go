package oauthrefresh

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
)

// interrupted stores what a crash leaves in the midst of an exchange.
func (b *testBackend) interrupted(name string) {
	b.t.Helper()
	r, err := role.Get(context.Background(), &b.storage.InmemStorage, name)
	if err != nil {
		b.t.Fatal(err)
	}
	target, err := role.NewTarget(context.Background(), &b.storage.InmemStorage, r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.age(name, func(tok *grant.State) {
		tok.Intent = &grant.Intent{AttemptID: "x", At: time.Now(), IdempotencyKey: "11111111-2222-3333-4444-555555555555", Exchange: target.Description.ExchangeID()}
	})
}

// marked tells whether there is a note of an exchange of the role.
func (b *testBackend) marked(name string) bool {
	b.t.Helper()
	e, err := b.storage.InmemStorage.Get(context.Background(), grant.InflightPrefix+name)
	if err != nil {
		b.t.Fatal(err)
	}
	return e != nil
}

func (b *testBackend) mark(name string) {
	b.t.Helper()
	if err := b.grants.MarkInflight(b.t.Context(), b.storage, grant.Key(name)); err != nil {
		b.t.Fatal(err)
	}
}

// Among 100,000 roles is one whose exchange was cut in two by a crash, and its provider's grace is short: it is repeated
// before the others are looked at.
func TestANotedExchangeIsRepeatedFirstAmongVeryMany(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a0", canary+"r0"))
		b.read("creds/r")
		b.multiply("r", 100_000)
		b.writeRole("zz")
		server.Enqueue(tokenAnswer("a1", canary+"r1"))
		b.write("refresh/zz", nil)
		synctest.Wait() // its own note goes
		b.interrupted("zz")
		b.mark("zz")
		b.mark("r") // stale: its exchange was settled

		after := newTestBackendOn(t, b.storage)
		var reads, before atomic.Int64
		b.storage.onGet(func(string) error { reads.Add(1); return nil })
		server.Handle(func(*clienttest.Request) clienttest.Answer {
			before.CompareAndSwap(0, reads.Load())
			return tokenAnswer("a2", canary+"r2")
		})
		began := time.Now()
		after.startBackground()
		pause(time.Second)
		if n := before.Load(); n == 0 || n > 100 {
			t.Errorf("%d reads before the exchange was repeated", n)
		}
		if got := b.stored("zz"); got.Generation != 2 || got.Intent != nil || time.Since(began) > 10*time.Second {
			t.Errorf("generation %d after %s", got.Generation, time.Since(began))
		}
		if b.marked("r") {
			t.Error("the note of an exchange that was settled stays")
		}
		b.storage.onGet(nil)
	}, fields{"idempotency_header": "X-Key"})
}

// An exchange that is not noted, as an earlier version leaves it, is found by the look at all roles.
func TestAnExchangeWithoutANoteIsFoundToo(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server).IdempotencyHeader = "X-Key"
		b.read("creds/r")
		synctest.Wait() // its own note goes
		b.interrupted("r")
		newTestBackendOn(t, b.storage).startBackground()
		pause(time.Second)
		if got := b.stored("r"); got.Generation != 2 || got.Intent != nil {
			t.Errorf("generation %d", got.Generation)
		}
	}, fields{"idempotency_header": "X-Key"})
}

// A note goes when its exchange is settled, by a task of its own, and stays while one is not.
func TestANoteGoesWithItsExchange(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.read("creds/r")
		synctest.Wait() // its own note goes
		b.mark("r")
		unlock := mustLock(t, &b.grants.Refreshes, "r")
		b.grants.UnmarkInflight(b.storage, "r") // returns, though the exchange's lock is held
		synctest.Wait()
		if !b.marked("r") {
			t.Error("the note went while the role was locked")
		}
		b.interrupted("r") // by another exchange, whose note is the same one
		unlock()
		pause(time.Second)
		if !b.marked("r") {
			t.Error("the note of an exchange that is not settled has gone")
		}
		b.age("r", func(tok *grant.State) { tok.Intent = nil })
		b.grants.UnmarkInflight(b.storage, "r")
		pause(time.Second)
		if b.marked("r") {
			t.Error("the note of an exchange that is settled stays")
		}

		b.mark("r")
		b.Cleanup(context.Background())
		b.grants.UnmarkInflight(b.storage, "r") // a mount that has ended is left alone
		pause(time.Second)
		if !b.marked("r") {
			t.Error("something is written after the end")
		}
	})
}
