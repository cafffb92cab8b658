package oauthrefresh

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// end begins to end the mount and returns what is closed when it has ended.
func (b *testBackend) end() chan struct{} {
	ended := make(chan struct{})
	go func() {
		b.Cleanup(context.Background())
		close(ended)
	}()
	await(b.t, b.grants.Work.Closing)
	return ended
}

// Step-down, seal and reload end a mount while an exchange may be under way. Its answer is stored
// first, and no other exchange begins.
func TestTheEndOfAMountWaitsForAnExchange(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	b.writeRole("other")
	answer, open := gated(tokenAnswer("a1", canary+"next"))
	server.Enqueue(answer)
	reader := b.startRead(t.Context(), "r")
	server.WaitFor(1)
	ended := b.end()
	if text := b.noCreds("other", 503); !strings.Contains(text, "shutting down") {
		t.Errorf("a read of another role hears %q", text)
	}
	if mount.IsClosed(ended) {
		t.Error("the mount ended before the exchange")
	}
	open()
	await(t, ended)
	secretIs(t, "the stored refresh token", b.stored("r").RefreshToken, canary+"next")
	if got := await(t, reader).value(t, "access_token"); got != "a1" || len(server.Requests()) != 1 {
		t.Errorf("the reader gets %v after %d requests", got, len(server.Requests()))
	}
	if b.stored("other") != nil {
		t.Error("an intent was stored for an exchange that was never made")
	}
}

// A token that lives is served to the last.
func TestAMountThatEndsServesWhatItHas(t *testing.T) {
	b := newTestBackend(t)
	newGrant(newEndpoint(t, b))
	b.writeRole("r")
	b.read("creds/r")
	await(t, b.end())
	b.read("creds/r")
}

// An exchange whose answer is lost while the mount ends is not repeated: there may be no time left
// to store what the second one brings.
func TestNothingIsSentAgainWhileTheMountEnds(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b, fields{"idempotency_header": "Idempotency-Key"})
	b.writeRole("r")
	answer, open := gated(clienttest.Answer{Drop: true})
	server.Enqueue(answer)
	reader := b.startRead(t.Context(), "r")
	server.WaitFor(1)
	ended := b.end()
	open()
	await(t, ended)
	if got := await(t, reader); errStatus(got.err) != 502 || len(server.Requests()) != 1 {
		t.Errorf("the reader hears %v, %v after %d requests", got.resp, got.err, len(server.Requests()))
	}
	if got := b.data("status/r")["state"]; got != "unknown" {
		t.Errorf("state %v", got)
	}
}

func TestTheEndOfAMountWaitsForWhatIsHeld(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.failSecondPut(100)
		b.read("creds/r")
		pause(20 * time.Second) // the retries are 5s apart by now
		ended := b.end()
		pause(10 * time.Second)
		if mount.IsClosed(ended) || b.stored("r").Generation != 0 {
			t.Error("the mount ended without what it held")
		}
		b.storage.onPut(nil)
		pause(grant.FirstHoldDelay) // they hurry at the end
		if !mount.IsClosed(ended) {
			t.Error("the mount goes on although nothing is held any more")
		}
		secretIs(t, "the stored refresh token", b.stored("r").RefreshToken, firstToken+"-1")
	})
}

// Vault blocks the step-down meanwhile, so the wait is bounded, and what is lost is said.
func TestTheEndOfAMountIsBounded(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.failSecondPut(1 << 30)
		b.read("creds/r")
		began := time.Now()
		<-b.end()
		if took := time.Since(began); took != cleanTimeout {
			t.Errorf("the end took %s, want %s", took, cleanTimeout)
		}
		synctest.Wait()
		if !strings.Contains(b.log.String(), "the mount ended before all refreshes were stored") {
			t.Errorf("the log says nothing of what is lost:\n%s", b.log)
		}
	})
}
