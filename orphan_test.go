package oauthrefresh

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// Vault has gone: nobody can store what is held, so unlike at any other end nobody waits for that.
func TestAnAbandonedMountDoesNotWaitForWhatIsHeld(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.failSecondPut(1 << 30)
		b.read("creds/r")
		pause(20 * time.Second)
		began := time.Now()
		if lost := Abandon(b.Backend); lost != 1 || time.Since(began) != 0 {
			t.Errorf("%d lost after %s, want the one that is held, at once", lost, time.Since(began))
		}
	})
}

// An exchange in flight is let finish, and what it brings is given up when storage refuses it.
func TestAnAbandonedMountLetsAnExchangeFinish(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	b.writeRole("other")
	b.failSecondPut(1 << 30)
	answer, open := gated(tokenAnswer("a1", canary+"next"))
	server.Enqueue(answer)
	reader := b.startRead(t.Context(), "r")
	server.WaitFor(1)
	lost := make(chan int, 1)
	go func() { lost <- Abandon(b.Backend) }()
	await(t, b.grants.Work.Closing)
	b.noCreds("other", 503)
	if len(lost) != 0 {
		t.Error("the mount ended before the exchange")
	}
	open()
	if n := await(t, lost); n != 1 {
		t.Errorf("%d lost, want the answer that nobody could store", n)
	}
	await(t, reader)
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// What a mount has stored is not lost with it.
func TestAnAbandonedMountThatHoldsNothingLosesNothing(t *testing.T) {
	b := newTestBackend(t)
	newGrant(newEndpoint(t, b))
	b.writeRole("r")
	b.read("creds/r")
	if lost := Abandon(b.Backend); lost != 0 {
		t.Errorf("%d lost", lost)
	}
}
