package oauthrefresh_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Step-down, seal and reload end a mount while an exchange may be under way. Its answer is stored
// first, and no other exchange begins.
func TestTheEndOfAMountWaitsForAnExchange(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	b.WriteRole("other")
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	server.Enqueue(answer)
	reader := b.StartRead(t.Context(), "r")
	server.WaitFor(1)
	ended := b.End()
	if text := b.NoCreds("other", 503); !strings.Contains(text, "shutting down") {
		t.Errorf("a read of another role hears %q", text)
	}
	if mount.IsClosed(ended) {
		t.Error("the mount ended before the exchange")
	}
	open()
	enginetest.Await(t, ended)
	enginetest.SecretIs(t, "the stored refresh token", b.Stored("r").RefreshToken, enginetest.Canary+"next")
	if got := enginetest.Await(t, reader).Value(t, "access_token"); got != "a1" || len(server.Requests()) != 1 {
		t.Errorf("the reader gets %v after %d requests", got, len(server.Requests()))
	}
	if b.Stored("other") != nil {
		t.Error("an intent was stored for an exchange that was never made")
	}
}

// A token that lives is served to the last.
func TestAMountThatEndsServesWhatItHas(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewGrant(enginetest.NewEndpoint(t, b))
	b.WriteRole("r")
	b.Read("creds/r")
	enginetest.Await(t, b.End())
	b.Read("creds/r")
}

// An exchange whose answer is lost while the mount ends is not repeated: there may be no time left
// to store what the second one brings.
func TestNothingIsSentAgainWhileTheMountEnds(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"idempotency_header": "Idempotency-Key"})
	b.WriteRole("r")
	answer, open := enginetest.Gated(clienttest.Answer{Drop: true})
	server.Enqueue(answer)
	reader := b.StartRead(t.Context(), "r")
	server.WaitFor(1)
	ended := b.End()
	open()
	enginetest.Await(t, ended)
	if got := enginetest.Await(t, reader); enginetest.ErrStatus(got.Err) != 502 || len(server.Requests()) != 1 {
		t.Errorf("the reader hears %v, %v after %d requests", got.Resp, got.Err, len(server.Requests()))
	}
	if got := b.Data("status/r")["state"]; got != "unknown" {
		t.Errorf("state %v", got)
	}
}

func TestTheEndOfAMountWaitsForWhatIsHeld(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.FailSecondPut(100)
		b.Read("creds/r")
		enginetest.Pause(20 * time.Second) // the retries are 5s apart by now
		ended := b.End()
		enginetest.Pause(10 * time.Second)
		if mount.IsClosed(ended) || b.Stored("r").Generation != 0 {
			t.Error("the mount ended without what it held")
		}
		b.Storage.OnPut(nil)
		enginetest.Pause(grant.FirstHoldDelay) // they hurry at the end
		if !mount.IsClosed(ended) {
			t.Error("the mount goes on although nothing is held any more")
		}
		enginetest.SecretIs(t, "the stored refresh token", b.Stored("r").RefreshToken, enginetest.FirstToken+"-1")
	})
}

// Vault blocks the step-down meanwhile, so the wait is bounded, and what is lost is said.
func TestTheEndOfAMountIsBounded(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.FailSecondPut(1 << 30)
		b.Read("creds/r")
		began := time.Now()
		<-b.End()
		if took := time.Since(began); took != oauthrefresh.CleanTimeout {
			t.Errorf("the end took %s, want %s", took, oauthrefresh.CleanTimeout)
		}
		synctest.Wait()
		if !strings.Contains(b.Log.String(), "the mount ended before all refreshes were stored") {
			t.Errorf("the log says nothing of what is lost:\n%s", b.Log)
		}
	})
}
