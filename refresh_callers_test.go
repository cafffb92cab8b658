package oauthrefresh

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// atWork waits until so many requests hold or wait for the role's lock.
func (b *testBackend) atWork(name string, want int) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		b.grants.Refreshes.Mu.Lock()
		users := 0
		if l := b.grants.Refreshes.Locks[name]; l != nil {
			users = l.Users
		}
		b.grants.Refreshes.Mu.Unlock()
		if users == want {
			return
		}
	}
	b.t.Fatalf("there are never %d requests at work on %s", want, name)
}

// settle waits until nobody works on the role any more.
func (b *testBackend) settle(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	unlock, err := b.grants.Refreshes.Lock(ctx, name)
	if err != nil {
		b.t.Fatal(err)
	}
	unlock()
}

func TestFiftyReadersCostOneRequest(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	answer, open := gated(tokenAnswer("a1", canary+"next"))
	server.Enqueue(answer)
	var readers []<-chan outcome
	for range 50 {
		readers = append(readers, b.startRead(t.Context(), "r"))
	}
	b.atWork("r", 50)
	open()
	for _, reader := range readers {
		if got := await(t, reader).value(t, "access_token"); got != "a1" {
			t.Errorf("access token %v", got)
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestRolesDoNotWaitForEachOther(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("slow")
	b.writeRole("fast")
	answer, open := gated(tokenAnswer("a1", ""))
	server.Enqueue(answer, tokenAnswer("a2", ""))
	slow := b.startRead(t.Context(), "slow")
	server.WaitFor(1)
	if got := b.data("creds/fast")["access_token"]; got != "a2" {
		t.Errorf("access token %v", got)
	}
	open()
	await(t, slow).value(t, "access_token")
}

func TestAWaitingReaderGivesUpWithItsContext(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	answer, open := gated(tokenAnswer("a1", ""))
	server.Enqueue(answer)
	first := b.startRead(t.Context(), "r")
	server.WaitFor(1)
	ctx, hangUp := context.WithCancel(t.Context())
	second := b.startRead(ctx, "r")
	b.atWork("r", 2)
	hangUp()
	if got := await(t, second); errStatus(got.err) != 503 {
		t.Errorf("who gives up hears %v, %v", got.resp, got.err)
	}
	open()
	if got := await(t, first).value(t, "access_token"); got != "a1" {
		t.Errorf("who waits gets %v", got)
	}
}

// Whenever the one caller hangs up, the exchange goes to its end and the rotated token is stored.
func TestNothingIsLostWhenTheCallerHangsUp(t *testing.T) {
	for _, when := range []string{"before the intent", "while the provider is asked", "before the answer is stored"} {
		t.Run(when, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b)
			b.writeRole("r")
			answer, open := gated(tokenAnswer("a1", canary+"next"))
			server.Enqueue(answer)
			puts, goOn := b.stepPuts()
			ctx, cancel := context.WithCancel(t.Context())
			caller := b.startRead(ctx, "r")
			hangUp := func() {
				cancel()
				if got := await(t, caller); errStatus(got.err) != 503 {
					t.Errorf("the caller hears %v, %v", got.resp, got.err)
				}
			}

			await(t, puts)
			if when == "before the intent" {
				hangUp()
			}
			goOn <- struct{}{}
			server.WaitFor(1)
			if when == "while the provider is asked" {
				hangUp()
			}
			open()
			await(t, puts)
			if when == "before the answer is stored" {
				hangUp()
			}
			goOn <- struct{}{}
			b.settle("r")

			stored := b.stored("r")
			secretIs(t, "the stored refresh token", stored.RefreshToken, canary+"next")
			if stored.Generation != 1 || stored.Intent != nil {
				t.Errorf("stored is %+v", stored.Record)
			}
			if got := b.data("creds/r")["access_token"]; got != "a1" || len(server.Requests()) != 1 {
				t.Errorf("the next read gets %v after %d requests", got, len(server.Requests()))
			}
		})
	}
}

// Who has given up before it began costs nothing.
func TestACallerThatIsGoneStartsNothing(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if resp, err := b.try(ctx, logical.ReadOperation, "creds/r", nil); err == nil {
		t.Errorf("an answer without a caller: %v", resp)
	}
	b.settle("r")
	if b.stored("r") != nil || server.Connections() != 0 {
		t.Error("an exchange was made for nobody")
	}
}
