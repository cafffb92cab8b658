package grant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Whatever came before and whatever the provider asks for, an answer that was lost is asked for again while
// the provider's grace lasts.
func TestALostAnswerIsAskedForWithinTheGrace(t *testing.T) {
	busy := clienttest.Text(503, "text/plain", "busy")
	broken := clienttest.JSON(500, `{"error":"server_error"}`) // rotated, and then failed
	lost, gateway := clienttest.Answer{Drop: true}, clienttest.Text(502, "text/html", "x")
	after := map[string]clienttest.Answer{
		"nothing":                 {},
		"a provider that is busy": busy.With("Retry-After", "1"),
		"a refused client":        clienttest.JSON(401, `{"error":"invalid_client"}`),
		"a refusal without words": {Status: 400},
		"lost answers":            gateway,
	}
	for name, before := range after {
		for kind, answers := range map[string][]clienttest.Answer{
			"its own 500":                      {broken},
			"its own 500 with a long pause":    {broken.With("Retry-After", "3600")},
			"two lost answers":                 {lost, lost},
			"a gateway's 503 with a long wait": {busy, busy.With("Retry-After", "600")},
			"three failures":                   {lost, gateway, broken.With("Retry-After", "120")},
		} {
			for _, grace := range []time.Duration{10 * time.Second, time.Minute} {
				t.Run(fmt.Sprintf("%s after %s, %s", kind, name, grace), func(t *testing.T) {
					enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
						b.StartBackground()
						g := &enginetest.Strict{Live: enginetest.FirstToken, Grace: grace, Answers: answers}
						server.Handle(g.Answer)
						if before.Status != 0 {
							g.SetBusy(&before)
							for range 8 { // long enough for the back-off to be at its longest
								_, _ = b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
								enginetest.Pause(16 * time.Minute)
							}
							for n := -1; n != len(server.Requests()); enginetest.Pause(20 * time.Second) {
								n = len(server.Requests()) // until a row of tries is over, whose last may not be followed by another
							}
							g.SetBusy(nil)
						}
						if !b.ReadUntil(g, time.Hour) {
							t.Errorf("no token in an hour; the grant has ended: %t; %v", g.Ended(), b.Data("status/r")["next_step"])
						}
					}, enginetest.Fields{"reuse_grace": grace.String(), "refresh_token_rotation": "always"})
				})
			}
		}
	}
}

// A process that starts within the grace makes the try that the one before it could not, whatever pause that
// one had stored.
func TestAGraceOutlastsAProcess(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		g := &enginetest.Strict{Live: enginetest.FirstToken, Grace: time.Minute, Answers: []clienttest.Answer{clienttest.JSON(500, `{"error":"server_error"}`).With("Retry-After", "3600")}}
		server.Handle(g.Answer)
		g.Tell(time.Now())
		b.NoCreds("r", 502)
		enginetest.Pause(20 * time.Second)
		after := enginetest.NewOn(t, b.Storage)
		after.StartBackground()
		for range 40 {
			g.Tell(time.Now())
			enginetest.Pause(time.Second)
		}
		if after.Stored("r").Generation != 1 || g.Ended() {
			t.Errorf("the grant has ended: %t; %v", g.Ended(), after.Data("status/r")["next_step"])
		}
	}, enginetest.Fields{"reuse_grace": "1m", "refresh_token_rotation": "always"})
}

// With a real provider that hangs, in real time: the grace is short, and the answer comes with the second try.
func TestAHangingProviderDoesNotDefeatAShortGrace(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"reuse_grace": "3s", "refresh_token_rotation": "always"})
	hang, open := enginetest.Gated(enginetest.TokenAnswer("a0", enginetest.Canary+"r0"))
	defer open()
	server.Enqueue(hang, enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
	b.WriteRole("r")
	began := time.Now()
	if got := b.Data("creds/r")["access_token"]; got != "a1" {
		t.Errorf("access token %v", got)
	}
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("the second try was made after %s, with a grace of 3s", took)
	}
}

// The sentence names what has ended the exchange.
func TestATimeoutNamesItsBound(t *testing.T) {
	for bound, grace := range map[string]string{"reuse_grace": "5s", "request_timeout": "0s"} {
		b := enginetest.New(t)
		server := enginetest.NewEndpoint(t, b, enginetest.Fields{"reuse_grace": grace, "refresh_token_rotation": "always"})
		hang, open := enginetest.Gated(enginetest.TokenAnswer("a0", enginetest.Canary+"r0"))
		server.Handle(enginetest.Always(hang))
		b.Write("config", enginetest.Fields{"request_timeout": "3s"})
		b.WriteRole("r")
		if text := b.NoCreds("r", 502); !strings.Contains(text, bound) {
			t.Errorf("with a grace of %s the reader hears %q", grace, text)
		}
		open()
	}
}

// Within a grace a server may give the same answer again, with the expires_in of the first time. A lease of it
// ends with the token all the same.
func TestAnAnswerRepeatedInTheGraceIsAsOldAsTheFirst(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		first := time.Now()
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
		b.NoCreds("r", 502)
		enginetest.Pause(30 * time.Second)
		if got := b.Data("creds/r"); got["access_token"] != "a1" || got["expires_at"] != first.Add(time.Hour).UTC().Format(time.RFC3339) {
			t.Errorf("the token ends at %v, an hour after %s is right", got["expires_at"], first)
		}
	}, enginetest.Fields{"reuse_grace": "1m"})
}

// One whose token is over by that count brings the next refresh token, which is used once, and not in a loop.
func TestAnEndedAnswerRepeatedInTheGraceIsRenewedOnce(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		short := func(n int) clienttest.Answer {
			return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"a%d","expires_in":20,"refresh_token":"%sr%d"}`, n, enginetest.Canary, n))
		}
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true}, short(1), short(2), short(3))
		b.NoCreds("r", 502)
		enginetest.Pause(40 * time.Second)
		if got := b.Data("creds/r"); got["access_token"] != "a2" {
			t.Errorf("the reader gets %v", got["access_token"])
		}
		if got := enginetest.Sent(server); len(got) != 4 || got[2] != enginetest.FirstToken || got[3] != enginetest.Canary+"r1" {
			t.Errorf("presented were %q", got)
		}
	}, enginetest.Fields{"reuse_grace": "1m"})
}

// Every grace that real servers have is of use, or the write says that it can't be.
func TestAGraceThatIsOfNoUseIsSaid(t *testing.T) {
	b := enginetest.New(t)
	for grace, warns := range map[string]bool{"1s": true, "2s": false, "10s": false, "0s": false} {
		resp := b.Write("providers/p", enginetest.Fields{"token_endpoint": "https://example.com/token", "reuse_grace": grace})
		if got := resp != nil && strings.Contains(strings.Join(resp.Warnings, " "), "too short to be of use"); got != warns {
			t.Errorf("reuse_grace=%s: warned %t", grace, got)
		}
	}
}

// Storage that takes no writes for a while is no reason to let the grace pass: the try is made as soon as its
// intent can be stored.
func TestAGraceIsUsedOnceStorageTakesTheIntent(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		g := &enginetest.Strict{Live: enginetest.FirstToken, Grace: time.Minute, Answers: []clienttest.Answer{clienttest.JSON(500, `{"error":"server_error"}`)}}
		server.Handle(g.Answer)
		b.StartBackground()
		g.Tell(time.Now())
		b.NoCreds("r", 502)
		b.Storage.OnPut(func(string) error { return enginetest.ErrDisk })
		for range 30 {
			g.Tell(time.Now())
			enginetest.Pause(time.Second)
		}
		b.Storage.OnPut(nil)
		for range 25 {
			g.Tell(time.Now())
			enginetest.Pause(time.Second)
		}
		if b.Stored("r").Generation != 1 || g.Ended() {
			t.Errorf("the grant has ended: %t; %v", g.Ended(), b.Data("status/r")["next_step"])
		}
	}, enginetest.Fields{"reuse_grace": "1m", "refresh_token_rotation": "always"})
}

// A process that was stopped between the intent and the request looks again: what it would present may be spent.
func TestAProcessThatWasStoppedLooksAgain(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
		b.Storage.AfterPut(func(key string) error {
			if key != grant.Prefix+"r" {
				return nil
			}
			b.Storage.AfterPut(nil)
			enginetest.Pause(time.Hour) // its machine was moved; meanwhile another node has refreshed
			tok := b.Stored("r")
			tok.Intent, tok.Generation, tok.RefreshToken = nil, 1, client.NewSecret(enginetest.Canary+"r1")
			return grant.PutState(t.Context(), &b.Storage.InmemStorage, "r", tok)
		})
		b.NoCreds("r", 503)
		if got := enginetest.Sent(server); len(got) != 0 {
			t.Errorf("presented were %q", got)
		}
	})
}

// A provider that is of no use for hours is asked a few times within its grace, however short, and then left alone for
// as long as any other, or asked seldom enough to be no burden.
func TestAGraceIsNoReasonToAskAndAsk(t *testing.T) {
	for _, grace := range []string{"10s", "30s", "1m", "5m"} {
		for _, rotation := range []string{"always", "never"} {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				b.StartBackground()
				server.Handle(enginetest.Always(clienttest.JSON(500, `{"error":"server_error"}`)))
				b.NoCreds("r", 502)
				enginetest.Pause(10 * time.Hour)
				if n := len(server.Requests()); n > int(10*time.Hour/grant.Seldom)+20 {
					t.Errorf("grace %s, rotation %s: %d requests in ten hours", grace, rotation, n)
				}
			}, enginetest.Fields{"reuse_grace": grace, "refresh_token_rotation": rotation})
		}
	}
}
