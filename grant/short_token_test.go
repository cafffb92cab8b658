package grant_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A wrong expires_in_pointer is enough for this, and each refresh spends a refresh token.
func TestTokensTooShortToLeaseAreNotFetchedPerRead(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		n := 0
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			n++
			return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"a%d","expires_in":4,"refresh_token":"%s%d"}`, n, enginetest.Canary, n))
		})
		for range 20 {
			b.NoCreds("r", 503)
		}
		if n > 2 {
			t.Errorf("20 reads in no time spent %d refresh tokens and brought nothing", n)
		}
	})
}

// A provider may give the same token out until it ends. Of its last seconds no lease can be made: who comes then waits
// for the next one, and no lease outlives its token.
func TestATokenThatIsGivenOutUntilItEnds(t *testing.T) {
	for _, life := range []time.Duration{12 * time.Second, 30 * time.Second, 100 * time.Second, time.Hour} {
		t.Run(life.String(), func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				var now, end atomic.Int64 // the server does not live in this clock
				server.Handle(func(*clienttest.Request) clienttest.Answer {
					if now.Load() >= end.Load() {
						end.Store(now.Load() + int64(life))
					}
					return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"until-%d","expires_in":%d}`, end.Load(), (end.Load()-now.Load())/int64(time.Second)))
				})
				ticks := func(d time.Duration) {
					for range d / (100 * time.Millisecond) {
						now.Store(time.Now().UnixNano())
						enginetest.Pause(100 * time.Millisecond)
					}
				}
				ticks(100 * time.Millisecond)
				b.Read("creds/r")
				ticks(life - 20*time.Second)
				first, latest := end.Load(), time.Now().Add(20*time.Second+life)
				for time.Now().Before(latest) && end.Load() < first+int64(life)+int64(life)/2 {
					reader, came := b.StartRead(t.Context(), "r"), time.Now()
					var got enginetest.Outcome
					for got.Resp == nil && got.Err == nil {
						select {
						case got = <-reader:
						default:
							ticks(100 * time.Millisecond)
						}
					}
					if got.Err != nil || got.Resp.IsError() {
						t.Fatalf("%s before the end a reader hears %v %v", time.Duration(end.Load()-came.UnixNano()), got.Resp, got.Err)
					}
					if left := time.Duration(end.Load() - time.Now().UnixNano()); got.Resp.Secret.TTL > left+100*time.Millisecond {
						t.Errorf("a lease of %s, and the token ends in %s", got.Resp.Secret.TTL, left)
					}
					if waited := time.Since(came); waited > 7*time.Second {
						t.Errorf("a reader waits %s", waited)
					}
					ticks(700 * time.Millisecond)
				}
			}, enginetest.Fields{"refresh_token_rotation": "never"})
		})
	}
}
