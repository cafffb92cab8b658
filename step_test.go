package oauthrefresh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// putRight ends all steps of the clock.
func putRight() { clock.Step(time.Since(clock.Now())) }

// The clock is a day off, and put right before, during or after each step of a refresh: no token is leased
// beyond its end, nobody is left without one for longer than a moment, and the grant lives.
func TestAClockThatIsPutRight(t *testing.T) {
	steps := []string{"the role is written", "the intent is stored", "the provider answers", "the answer is stored", "an hour of reads"}
	for _, off := range []time.Duration{day, -day} {
		for wrong := range steps {
			for right := wrong; right <= len(steps); right++ {
				until := "the end"
				if right < len(steps) {
					until = steps[right]
				}
				t.Run(fmt.Sprintf("%s from %s to %s", off, steps[wrong], until), func(t *testing.T) {
					withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
						t.Cleanup(putRight)
						at := func(n int) {
							if n == wrong {
								clock.Step(off)
							}
							if n == right {
								putRight()
							}
						}
						b.startBackground()
						rotation := clienttest.NewRotation(firstToken)
						first := true
						server.Handle(func(r *clienttest.Request) clienttest.Answer {
							if first {
								first = false
								at(2)
							}
							return rotation.Answer(r)
						})
						puts := 0
						b.storage.onPut(func(key string) error {
							if key == grant.Prefix+"r" {
								if puts++; puts <= 2 {
									at([]int{1, 3}[puts-1])
								}
							}
							return nil
						})
						at(0)
						b.writeRole("r")
						leased := map[any]time.Time{} // when each token was first served, by the true clock
						serve := func() {
							resp, err := b.try(t.Context(), logical.ReadOperation, "creds/r", nil)
							if errStatus(err) == 503 { // the clock has moved while this reader was served
								pause(time.Second)
								resp, err = b.try(t.Context(), logical.ReadOperation, "creds/r", nil)
							}
							if err != nil || resp.IsError() {
								t.Fatalf("no token: %v, %v", resp, err)
							}
							token := resp.Data["access_token"]
							if leased[token].IsZero() {
								leased[token] = time.Now()
							}
							if end := leased[token].Add(time.Hour); time.Now().Add(resp.Secret.TTL).After(end) {
								t.Fatalf("%v is leased for %s, %s before its end", token, resp.Secret.TTL, time.Until(end))
							}
						}
						serve()
						at(4)
						for range 130 { // two lives and a little more
							serve()
							pause(time.Minute)
						}
						at(5)
						pause(time.Minute)
						serve()
						if rotation.Reused() || rotation.Refreshes() > 8 {
							t.Errorf("reused: %t, %d refreshes", rotation.Reused(), rotation.Refreshes())
						}
					}, fields{"refresh_token_rotation": "always"})
				})
			}
		}
	}
}

// An answer that is lost while the clock is put right is asked for again at once, where the provider forgives
// that.
func TestALostAnswerWhileTheClockIsPutRight(t *testing.T) {
	for _, off := range []time.Duration{day, -day} {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			clock.Step(off)
			t.Cleanup(putRight)
			answers := 0
			server.Handle(func(*clienttest.Request) clienttest.Answer {
				if answers++; answers == 1 {
					clock.Step(-off)
					return clienttest.Answer{Drop: true}
				}
				return tokenAnswer("a1", canary+"r1")
			})
			if got := b.data("creds/r")["access_token"]; got != "a1" {
				t.Errorf("access token %v", got)
			}
		}, fields{"reuse_grace": "1m", "refresh_token_rotation": "always"})
	}
}

// What a clock that was ahead has left behind: a token, a failure, an idle grant.
func TestTimesOfTheFutureAreNotBelieved(t *testing.T) {
	t.Run("a token", func(t *testing.T) {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			server.Enqueue(tokenAnswer("a1", canary+"r1"), tokenAnswer("a2", canary+"r2"))
			clock.Step(day)
			b.read("creds/r")
			putRight()
			if resp := b.read("creds/r"); resp.Data["access_token"] != "a2" || resp.Secret.TTL > time.Hour {
				t.Errorf("%v is leased for %s", resp.Data["access_token"], resp.Secret.TTL)
			}
		})
	})
	t.Run("a failure", func(t *testing.T) {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`), tokenAnswer("a1", canary+"r1"))
			clock.Step(365 * day)
			b.noCreds("r", 400)
			putRight()
			b.read("creds/r")
		})
	})
	t.Run("an idle grant", func(t *testing.T) {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			b.startBackground()
			newGrant(server)
			clock.Step(30 * day)
			b.read("creds/r")
			putRight()
			pause(10 * day)
			if n := len(server.Requests()); n < 2 || n > 4 {
				t.Errorf("%d requests in ten days, after which the grant dies of disuse", n)
			}
		}, fields{"refresh_token_idle_ttl": "10d"})
	})
	t.Run("explained", func(t *testing.T) {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			server.Enqueue(tokenAnswer("a1", canary+"r1"))
			clock.Step(day)
			b.read("creds/r")
			putRight()
			if got := b.data("explain/r"); got["would"] != grant.WouldRefresh || !strings.Contains(got["why"].(string), "clock was ahead") {
				t.Errorf("%v: %v", got["would"], got["why"])
			}
		})
	})
}

// A machine is suspended between the answer's being sent and its being read: the token is as old as the suspension.
func TestAMachineThatSleptInAnExchange(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		t.Cleanup(putRight)
		server.Handle(func(*clienttest.Request) clienttest.Answer {
			clock.Step(50 * time.Minute) // what time.Since does not see: CLOCK_MONOTONIC stands still
			return tokenAnswer("a1", canary+"r1")
		})
		issued := clock.Now()
		resp, err := b.try(t.Context(), readOp, "creds/r", nil)
		if err != nil || resp.IsError() {
			return
		}
		if end := clock.Now().Add(resp.Secret.TTL); end.After(issued.Add(time.Hour)) {
			t.Errorf("a token that ends at %s is leased until %s", issued.Add(time.Hour), end)
		}
	})
}
