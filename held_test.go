package oauthrefresh

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

var errDisk = errors.New("the disk is full")

// failSecondPut makes the Put after the answer fail so many times; the first is that of the intent.
func (b *testBackend) failSecondPut(times int) {
	b.storage.failPuts("token/r", errDisk, func(n int) bool { return n > 1 && n <= 1+times })
}

func TestAnAnswerThatStorageRefusesIsHeldAndStoredLater(t *testing.T) {
	for name, c := range map[string]struct {
		failures int
		after    time.Duration // until it is stored: at once again, then every 250ms, doubling up to 5s
	}{
		"two failures": {2, 250 * time.Millisecond},
		"ten failures": {10, 250*time.Millisecond*(1+2+4+8+16) + 4*5*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				rotation := newGrant(server)
				b.failSecondPut(c.failures)
				for range 3 {
					if got := b.data("creds/r"); got["access_token"] != clienttest.AccessToken(firstToken, 1) || got["generation"] != int64(1) {
						t.Errorf("served from memory: %v", got)
					}
				}
				if got := b.data("status/r"); got["state"] != "unpersisted" || got["unpersisted"] != true {
					t.Errorf("the status says %v", got)
				}
				if status, text := b.failure(logical.UpdateOperation, "refresh/r", nil); status != 503 || !strings.Contains(text, "kept in memory") {
					t.Errorf("another refresh: %d %s", status, text)
				}
				secretIs(t, "the stored refresh token", b.stored("r").RefreshToken, firstToken)

				pause(c.after - time.Millisecond)
				if b.stored("r").Generation != 0 {
					t.Errorf("stored before %s", c.after)
				}
				pause(time.Millisecond)
				stored := b.stored("r")
				secretIs(t, "the stored refresh token", stored.RefreshToken, firstToken+"-1")
				secretIs(t, "the stored access token", stored.AccessToken, clienttest.AccessToken(firstToken, 1))
				if stored.Generation != 1 || stored.Intent != nil {
					t.Errorf("stored is %+v", stored.Record)
				}
				if got := b.data("status/r"); got["state"] != "ok" || got["unpersisted"] != false || rotation.Refreshes() != 1 {
					t.Errorf("after %d refreshes the status says %v", rotation.Refreshes(), got)
				}
				b.write("refresh/r", nil) // and the grant goes on from the stored token
				if rotation.Refreshes() != 2 || rotation.Reused() {
					t.Errorf("%d refreshes, a token reused: %t", rotation.Refreshes(), rotation.Reused())
				}
			})
		})
	}
}

// A hiccup is over before anybody sees it.
func TestAnAnswerIsHeldForAMomentWhenStorageFailsOnce(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.failSecondPut(1)
		b.read("creds/r")
		synctest.Wait()
		if got := b.data("status/r")["state"]; got != "ok" || b.stored("r").Generation != 1 {
			t.Errorf("state %v, stored generation %d", got, b.stored("r").Generation)
		}
	})
}

// A Put that was applied and reported an error needs no second one.
func TestAHeldAnswerThatIsStoredAlready(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		puts := 0
		b.storage.afterPut(func(string) error {
			if puts++; puts == 2 {
				return errDisk
			}
			return nil
		})
		b.read("creds/r")
		pause(time.Minute)
		if got := b.data("status/r")["state"]; got != "ok" || puts != 2 || strings.Contains(b.log.String(), "given up") {
			t.Errorf("state %v after %d Puts; the log:\n%s", got, puts, b.log)
		}
	})
}

// Storage that can't be read tells nothing of what it holds.
func TestAHeldAnswerOutlastsStorageThatCannotBeRead(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.failSecondPut(2)
		b.read("creds/r")
		b.storage.onGet(func(string) error { return errDisk })
		pause(time.Minute)
		if b.grants.Held.Get("r") == nil {
			t.Fatal("given up")
		}
		b.storage.onGet(nil)
		pause(2 * grant.MaxHoldDelay)
		if b.grants.Held.Get("r") != nil || b.stored("r").Generation != 1 {
			t.Error("not stored")
		}
	})
}

// A panic while what is held is stored ends neither the process nor the tries.
func TestAPanicEndsNoHolding(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		n := 0
		b.storage.onPut(func(key string) error {
			if key != "token/r" {
				return nil
			}
			switch n++; n {
			case 2: // of the answer
				return errDisk
			case 3:
				panic("a mistake")
			}
			return nil
		})
		b.read("creds/r")
		pause(time.Minute)
		secretIs(t, "the stored refresh token", b.stored("r").RefreshToken, firstToken+"-1")
		if b.grants.Held.Get("r") != nil || n != 4 {
			t.Errorf("%d writes, and the answer is held still", n)
		}
	})
}
