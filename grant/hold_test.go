package grant_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

func TestAnAnswerThatStorageRefusesIsHeldAndStoredLater(t *testing.T) {
	for name, c := range map[string]struct {
		failures int
		after    time.Duration // until it is stored: at once again, then every 250ms, doubling up to 5s
	}{
		"two failures": {2, 250 * time.Millisecond},
		"ten failures": {10, 250*time.Millisecond*(1+2+4+8+16) + 4*5*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				rotation := enginetest.NewGrant(server)
				b.FailSecondPut(c.failures)
				for range 3 {
					if got := b.Data("creds/r"); got["access_token"] != clienttest.AccessToken(enginetest.FirstToken, 1) || got["generation"] != int64(1) {
						t.Errorf("served from memory: %v", got)
					}
				}
				if got := b.Data("status/r"); got["state"] != "unpersisted" || got["unpersisted"] != true {
					t.Errorf("the status says %v", got)
				}
				if status, text := b.Failure(logical.UpdateOperation, "refresh/r", nil); status != 503 || !strings.Contains(text, "kept in memory") {
					t.Errorf("another refresh: %d %s", status, text)
				}
				enginetest.SecretIs(t, "the stored refresh token", b.Stored("r").RefreshToken, enginetest.FirstToken)

				enginetest.Pause(c.after - time.Millisecond)
				if b.Stored("r").Generation != 0 {
					t.Errorf("stored before %s", c.after)
				}
				enginetest.Pause(time.Millisecond)
				stored := b.Stored("r")
				enginetest.SecretIs(t, "the stored refresh token", stored.RefreshToken, enginetest.FirstToken+"-1")
				enginetest.SecretIs(t, "the stored access token", stored.AccessToken, clienttest.AccessToken(enginetest.FirstToken, 1))
				if stored.Generation != 1 || stored.Intent != nil {
					t.Errorf("stored is %+v", stored.Record)
				}
				if got := b.Data("status/r"); got["state"] != "ok" || got["unpersisted"] != false || rotation.Refreshes() != 1 {
					t.Errorf("after %d refreshes the status says %v", rotation.Refreshes(), got)
				}
				b.Write("refresh/r", nil) // and the grant goes on from the stored token
				if rotation.Refreshes() != 2 || rotation.Reused() {
					t.Errorf("%d refreshes, a token reused: %t", rotation.Refreshes(), rotation.Reused())
				}
			})
		})
	}
}

// A hiccup is over before anybody sees it.
func TestAnAnswerIsHeldForAMomentWhenStorageFailsOnce(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.FailSecondPut(1)
		b.Read("creds/r")
		synctest.Wait()
		if got := b.Data("status/r")["state"]; got != "ok" || b.Stored("r").Generation != 1 {
			t.Errorf("state %v, stored generation %d", got, b.Stored("r").Generation)
		}
	})
}

// A Put that was applied and reported an error needs no second one.
func TestAHeldAnswerThatIsStoredAlready(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		puts := 0
		b.Storage.AfterPut(func(string) error {
			if puts++; puts == 2 {
				return enginetest.ErrDisk
			}
			return nil
		})
		b.Read("creds/r")
		enginetest.Pause(time.Minute)
		if got := b.Data("status/r")["state"]; got != "ok" || puts != 2 || strings.Contains(b.Log.String(), "given up") {
			t.Errorf("state %v after %d Puts; the log:\n%s", got, puts, b.Log)
		}
	})
}

// Storage that can't be read tells nothing of what it holds.
func TestAHeldAnswerOutlastsStorageThatCannotBeRead(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.FailSecondPut(2)
		b.Read("creds/r")
		b.Storage.OnGet(func(string) error { return enginetest.ErrDisk })
		enginetest.Pause(time.Minute)
		if b.Grants.Held.Get("r") == nil {
			t.Fatal("given up")
		}
		b.Storage.OnGet(nil)
		enginetest.Pause(2 * grant.MaxHoldDelay)
		if b.Grants.Held.Get("r") != nil || b.Stored("r").Generation != 1 {
			t.Error("not stored")
		}
	})
}

// A panic while what is held is stored ends neither the process nor the tries.
func TestAPanicEndsNoHolding(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		n := 0
		b.Storage.OnPut(func(key string) error {
			if key != "token/r" {
				return nil
			}
			switch n++; n {
			case 2: // of the answer
				return enginetest.ErrDisk
			case 3:
				panic("a mistake")
			}
			return nil
		})
		b.Read("creds/r")
		enginetest.Pause(time.Minute)
		enginetest.SecretIs(t, "the stored refresh token", b.Stored("r").RefreshToken, enginetest.FirstToken+"-1")
		if b.Grants.Held.Get("r") != nil || n != 4 {
			t.Errorf("%d writes, and the answer is held still", n)
		}
	})
}
