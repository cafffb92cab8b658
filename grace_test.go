package oauthrefresh

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// strict is a provider that spends a refresh token with its first use, takes it again within a grace, and
// ends the grant for who presents it later. It goes by the test's clock, which it is told: it stands outside
// the bubble.
type strict struct {
	mu          sync.Mutex
	now         time.Time
	grace       time.Duration
	live, spent string
	spentAt     time.Time
	dead        bool
	refreshes   int
	answers     []clienttest.Answer // in place of its own, once it has done its work; an empty one is its own
	busy        *clienttest.Answer  // instead of doing it
}

func (g *strict) tell(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = now
}

func (g *strict) setBusy(a *clienttest.Answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy = a
}

func (g *strict) ended() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dead
}

func (g *strict) answer(r *clienttest.Request) clienttest.Answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy != nil {
		return *g.busy
	}
	switch sent := r.Form.Get("refresh_token"); {
	case !g.dead && sent == g.live:
		g.spent, g.spentAt = sent, g.now
	case !g.dead && sent == g.spent && g.now.Sub(g.spentAt) < g.grace:
	default:
		g.dead = true
		return invalidGrant
	}
	g.refreshes++
	g.live = fmt.Sprintf("%s-%d", firstToken, g.refreshes)
	if len(g.answers) > 0 {
		a := g.answers[0]
		g.answers = g.answers[1:]
		if a.Status != 0 || a.Drop {
			return a
		}
	}
	return tokenAnswer(fmt.Sprint("a", g.refreshes), g.live)
}

// readUntil reads every second until a token is served, and tells whether that was so within the time.
func (b *testBackend) readUntil(g *strict, within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); pause(time.Second) {
		g.tell(time.Now())
		if resp, err := b.try(b.t.Context(), logical.ReadOperation, "creds/r", nil); err == nil && !resp.IsError() {
			return true
		}
	}
	return false
}

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
					withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
						b.startBackground()
						g := &strict{live: firstToken, grace: grace, answers: answers}
						server.Handle(g.answer)
						if before.Status != 0 {
							g.setBusy(&before)
							for range 8 { // long enough for the back-off to be at its longest
								_, _ = b.try(t.Context(), logical.ReadOperation, "creds/r", nil)
								pause(16 * time.Minute)
							}
							for n := -1; n != len(server.Requests()); pause(20 * time.Second) {
								n = len(server.Requests()) // until a row of tries is over, whose last may not be followed by another
							}
							g.setBusy(nil)
						}
						if !b.readUntil(g, time.Hour) {
							t.Errorf("no token in an hour; the grant has ended: %t; %v", g.ended(), b.data("status/r")["next_step"])
						}
					}, fields{"reuse_grace": grace.String(), "refresh_token_rotation": "always"})
				})
			}
		}
	}
}

// A process that starts within the grace makes the try that the one before it could not, whatever pause that
// one had stored.
func TestAGraceOutlastsAProcess(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		g := &strict{live: firstToken, grace: time.Minute, answers: []clienttest.Answer{clienttest.JSON(500, `{"error":"server_error"}`).With("Retry-After", "3600")}}
		server.Handle(g.answer)
		g.tell(time.Now())
		b.noCreds("r", 502)
		pause(20 * time.Second)
		after := newTestBackendOn(t, b.storage)
		after.startBackground()
		for range 40 {
			g.tell(time.Now())
			pause(time.Second)
		}
		if after.stored("r").Generation != 1 || g.ended() {
			t.Errorf("the grant has ended: %t; %v", g.ended(), after.data("status/r")["next_step"])
		}
	}, fields{"reuse_grace": "1m", "refresh_token_rotation": "always"})
}

// With a real provider that hangs, in real time: the grace is short, and the answer comes with the second try.
func TestAHangingProviderDoesNotDefeatAShortGrace(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b, fields{"reuse_grace": "3s", "refresh_token_rotation": "always"})
	hang, open := gated(tokenAnswer("a0", canary+"r0"))
	defer open()
	server.Enqueue(hang, tokenAnswer("a1", canary+"r1"))
	b.writeRole("r")
	began := time.Now()
	if got := b.data("creds/r")["access_token"]; got != "a1" {
		t.Errorf("access token %v", got)
	}
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("the second try was made after %s, with a grace of 3s", took)
	}
}

// The sentence names what has ended the exchange.
func TestATimeoutNamesItsBound(t *testing.T) {
	for bound, grace := range map[string]string{"reuse_grace": "5s", "request_timeout": "0s"} {
		b := newTestBackend(t)
		server := newEndpoint(t, b, fields{"reuse_grace": grace, "refresh_token_rotation": "always"})
		hang, open := gated(tokenAnswer("a0", canary+"r0"))
		server.Handle(always(hang))
		b.write("config", fields{"request_timeout": "3s"})
		b.writeRole("r")
		if text := b.noCreds("r", 502); !strings.Contains(text, bound) {
			t.Errorf("with a grace of %s the reader hears %q", grace, text)
		}
		open()
	}
}

// Within a grace a server may give the same answer again, with the expires_in of the first time. A lease of it
// ends with the token all the same.
func TestAnAnswerRepeatedInTheGraceIsAsOldAsTheFirst(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		first := time.Now()
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true}, tokenAnswer("a1", canary+"next"))
		b.noCreds("r", 502)
		pause(30 * time.Second)
		if got := b.data("creds/r"); got["access_token"] != "a1" || got["expires_at"] != first.Add(time.Hour).UTC().Format(time.RFC3339) {
			t.Errorf("the token ends at %v, an hour after %s is right", got["expires_at"], first)
		}
	}, fields{"reuse_grace": "1m"})
}

// One whose token is over by that count brings the next refresh token, which is used once, and not in a loop.
func TestAnEndedAnswerRepeatedInTheGraceIsRenewedOnce(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		short := func(n int) clienttest.Answer {
			return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"a%d","expires_in":20,"refresh_token":"%sr%d"}`, n, canary, n))
		}
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true}, short(1), short(2), short(3))
		b.noCreds("r", 502)
		pause(40 * time.Second)
		if got := b.data("creds/r"); got["access_token"] != "a2" {
			t.Errorf("the reader gets %v", got["access_token"])
		}
		if got := sent(server); len(got) != 4 || got[2] != firstToken || got[3] != canary+"r1" {
			t.Errorf("presented were %q", got)
		}
	}, fields{"reuse_grace": "1m"})
}

// Every grace that real servers have is of use, or the write says that it can't be.
func TestAGraceThatIsOfNoUseIsSaid(t *testing.T) {
	b := newTestBackend(t)
	for grace, warns := range map[string]bool{"1s": true, "2s": false, "10s": false, "0s": false} {
		resp := b.write("providers/p", fields{"token_endpoint": "https://example.com/token", "reuse_grace": grace})
		if got := resp != nil && strings.Contains(strings.Join(resp.Warnings, " "), "too short to be of use"); got != warns {
			t.Errorf("reuse_grace=%s: warned %t", grace, got)
		}
	}
}

// Storage that takes no writes for a while is no reason to let the grace pass: the try is made as soon as its
// intent can be stored.
func TestAGraceIsUsedOnceStorageTakesTheIntent(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		g := &strict{live: firstToken, grace: time.Minute, answers: []clienttest.Answer{clienttest.JSON(500, `{"error":"server_error"}`)}}
		server.Handle(g.answer)
		b.startBackground()
		g.tell(time.Now())
		b.noCreds("r", 502)
		b.storage.onPut(func(string) error { return errDisk })
		for range 30 {
			g.tell(time.Now())
			pause(time.Second)
		}
		b.storage.onPut(nil)
		for range 25 {
			g.tell(time.Now())
			pause(time.Second)
		}
		if b.stored("r").Generation != 1 || g.ended() {
			t.Errorf("the grant has ended: %t; %v", g.ended(), b.data("status/r")["next_step"])
		}
	}, fields{"reuse_grace": "1m", "refresh_token_rotation": "always"})
}

// A process that was stopped between the intent and the request looks again: what it would present may be spent.
func TestAProcessThatWasStoppedLooksAgain(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", canary+"r1"))
		b.storage.afterPut(func(key string) error {
			if key != grant.Prefix+"r" {
				return nil
			}
			b.storage.afterPut(nil)
			pause(time.Hour) // its machine was moved; meanwhile another node has refreshed
			tok := b.stored("r")
			tok.Intent, tok.Generation, tok.RefreshToken = nil, 1, client.NewSecret(canary+"r1")
			return grant.PutState(t.Context(), &b.storage.InmemStorage, "r", tok)
		})
		b.noCreds("r", 503)
		if got := sent(server); len(got) != 0 {
			t.Errorf("presented were %q", got)
		}
	})
}

// A provider that is of no use for hours is asked a few times within its grace, however short, and then left alone for
// as long as any other, or asked seldom enough to be no burden.
func TestAGraceIsNoReasonToAskAndAsk(t *testing.T) {
	for _, grace := range []string{"10s", "30s", "1m", "5m"} {
		for _, rotation := range []string{"always", "never"} {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				b.startBackground()
				server.Handle(always(clienttest.JSON(500, `{"error":"server_error"}`)))
				b.noCreds("r", 502)
				pause(10 * time.Hour)
				if n := len(server.Requests()); n > int(10*time.Hour/grant.Seldom)+20 {
					t.Errorf("grace %s, rotation %s: %d requests in ten hours", grace, rotation, n)
				}
			}, fields{"reuse_grace": grace, "refresh_token_rotation": rotation})
		}
	}
}
