package oauthrefresh_test

import (
	"testing"
	"time"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Vault has gone: nobody can store what is held, so unlike at any other end nobody waits for that.
func TestAnAbandonedMountDoesNotWaitForWhatIsHeld(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.FailSecondPut(1 << 30)
		b.Read("creds/r")
		enginetest.Pause(20 * time.Second)
		began := time.Now()
		if lost := oauthrefresh.Abandon(b.Backend); lost != 1 || time.Since(began) != 0 {
			t.Errorf("%d lost after %s, want the one that is held, at once", lost, time.Since(began))
		}
	})
}

// An exchange in flight is let finish, and what it brings is given up when storage refuses it.
func TestAnAbandonedMountLetsAnExchangeFinish(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	b.WriteRole("other")
	b.FailSecondPut(1 << 30)
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	server.Enqueue(answer)
	reader := b.StartRead(t.Context(), "r")
	server.WaitFor(1)
	lost := make(chan int, 1)
	go func() { lost <- oauthrefresh.Abandon(b.Backend) }()
	enginetest.Await(t, b.Grants.Work.Closing)
	b.NoCreds("other", 503)
	if len(lost) != 0 {
		t.Error("the mount ended before the exchange")
	}
	open()
	if n := enginetest.Await(t, lost); n != 1 {
		t.Errorf("%d lost, want the answer that nobody could store", n)
	}
	enginetest.Await(t, reader)
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// What a mount has stored is not lost with it.
func TestAnAbandonedMountThatHoldsNothingLosesNothing(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewGrant(enginetest.NewEndpoint(t, b))
	b.WriteRole("r")
	b.Read("creds/r")
	if lost := oauthrefresh.Abandon(b.Backend); lost != 0 {
		t.Errorf("%d lost", lost)
	}
}
