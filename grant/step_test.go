package grant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// The clock is a day off, and put right before, during or after each step of a refresh: no token is leased
// beyond its end, nobody is left without one for longer than a moment, and the grant lives.
func TestAClockThatIsPutRight(t *testing.T) {
	steps := []string{"the role is written", "the intent is stored", "the provider answers", "the answer is stored", "an hour of reads"}
	for _, off := range []time.Duration{enginetest.Day, -enginetest.Day} {
		for wrong := range steps {
			for right := wrong; right <= len(steps); right++ {
				until := "the end"
				if right < len(steps) {
					until = steps[right]
				}
				t.Run(fmt.Sprintf("%s from %s to %s", off, steps[wrong], until), func(t *testing.T) {
					enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
						t.Cleanup(enginetest.PutRight)
						at := func(n int) {
							if n == wrong {
								clock.Step(off)
							}
							if n == right {
								enginetest.PutRight()
							}
						}
						b.StartBackground()
						rotation := clienttest.NewRotation(enginetest.FirstToken)
						first := true
						server.Handle(func(r *clienttest.Request) clienttest.Answer {
							if first {
								first = false
								at(2)
							}
							return rotation.Answer(r)
						})
						puts := 0
						b.Storage.OnPut(func(key string) error {
							if key == grant.Prefix+"r" {
								if puts++; puts <= 2 {
									at([]int{1, 3}[puts-1])
								}
							}
							return nil
						})
						at(0)
						b.WriteRole("r")
						leased := map[any]time.Time{} // when each token was first served, by the true clock
						serve := func() {
							resp, err := b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
							if enginetest.ErrStatus(err) == 503 { // the clock has moved while this reader was served
								enginetest.Pause(time.Second)
								resp, err = b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
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
							enginetest.Pause(time.Minute)
						}
						at(5)
						enginetest.Pause(time.Minute)
						serve()
						if rotation.Reused() || rotation.Refreshes() > 8 {
							t.Errorf("reused: %t, %d refreshes", rotation.Reused(), rotation.Refreshes())
						}
					}, enginetest.Fields{"refresh_token_rotation": "always"})
				})
			}
		}
	}
}

// An answer that is lost while the clock is put right is asked for again at once, where the provider forgives
// that.
func TestALostAnswerWhileTheClockIsPutRight(t *testing.T) {
	for _, off := range []time.Duration{enginetest.Day, -enginetest.Day} {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			clock.Step(off)
			t.Cleanup(enginetest.PutRight)
			answers := 0
			server.Handle(func(*clienttest.Request) clienttest.Answer {
				if answers++; answers == 1 {
					clock.Step(-off)
					return clienttest.Answer{Drop: true}
				}
				return enginetest.TokenAnswer("a1", enginetest.Canary+"r1")
			})
			if got := b.Data("creds/r")["access_token"]; got != "a1" {
				t.Errorf("access token %v", got)
			}
		}, enginetest.Fields{"reuse_grace": "1m", "refresh_token_rotation": "always"})
	}
}

// What a clock that was ahead has left behind: a token, a failure, an idle grant.
func TestTimesOfTheFutureAreNotBelieved(t *testing.T) {
	t.Run("a token", func(t *testing.T) {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), enginetest.TokenAnswer("a2", enginetest.Canary+"r2"))
			clock.Step(enginetest.Day)
			b.Read("creds/r")
			enginetest.PutRight()
			if resp := b.Read("creds/r"); resp.Data["access_token"] != "a2" || resp.Secret.TTL > time.Hour {
				t.Errorf("%v is leased for %s", resp.Data["access_token"], resp.Secret.TTL)
			}
		})
	})
	t.Run("a failure", func(t *testing.T) {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`), enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
			clock.Step(365 * enginetest.Day)
			b.NoCreds("r", 400)
			enginetest.PutRight()
			b.Read("creds/r")
		})
	})
	t.Run("an idle grant", func(t *testing.T) {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			b.StartBackground()
			enginetest.NewGrant(server)
			clock.Step(30 * enginetest.Day)
			b.Read("creds/r")
			enginetest.PutRight()
			enginetest.Pause(10 * enginetest.Day)
			if n := len(server.Requests()); n < 2 || n > 4 {
				t.Errorf("%d requests in ten days, after which the grant dies of disuse", n)
			}
		}, enginetest.Fields{"refresh_token_idle_ttl": "10d"})
	})
	t.Run("explained", func(t *testing.T) {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
			clock.Step(enginetest.Day)
			b.Read("creds/r")
			enginetest.PutRight()
			if got := b.Data("explain/r"); got["would"] != grant.WouldRefresh || !strings.Contains(got["why"].(string), "clock was ahead") {
				t.Errorf("%v: %v", got["would"], got["why"])
			}
		})
	})
}

// A machine is suspended between the answer's being sent and its being read: the token is as old as the suspension.
func TestAMachineThatSleptInAnExchange(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		t.Cleanup(enginetest.PutRight)
		server.Handle(func(*clienttest.Request) clienttest.Answer {
			clock.Step(50 * time.Minute) // what time.Since does not see: CLOCK_MONOTONIC stands still
			return enginetest.TokenAnswer("a1", enginetest.Canary+"r1")
		})
		issued := clock.Now()
		resp, err := b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
		if err != nil || resp.IsError() {
			return
		}
		if end := clock.Now().Add(resp.Secret.TTL); end.After(issued.Add(time.Hour)) {
			t.Errorf("a token that ends at %s is leased until %s", issued.Add(time.Hour), end)
		}
	})
}
