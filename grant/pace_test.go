package grant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A server that says when to come back is asked then, to the second, and not before: whatever the back-off
// would be, however it says so.
func TestAServerIsAskedWhenItSaid(t *testing.T) {
	for header, want := range map[string]time.Duration{"2": 2 * time.Second, "0": time.Second, "2, 1": 2 * time.Second, "86400": time.Hour} {
		for name, answer := range map[string]clienttest.Answer{
			"busy": enginetest.Busy, "a rate limit": {Status: 429}, "a refused client": clienttest.JSON(401, `{"error":"invalid_client"}`),
			"its own trouble": clienttest.JSON(500, `{"error":"server_error"}`),
		} {
			t.Run(name+", "+header, func(t *testing.T) {
				enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
					server.Enqueue(answer.With("Retry-After", header), answer.With("Retry-After", header), enginetest.TokenAnswer("a1", ""))
					for asked := 1; asked <= 2; asked++ {
						_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
						enginetest.Pause(want - time.Millisecond)
						_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
						if n := len(server.Requests()); n != asked {
							t.Fatalf("%d requests before the time that the server named, want %d", n, asked)
						}
						enginetest.Pause(time.Millisecond)
					}
					b.Read("creds/r")
				})
			})
		}
	}
}

// Exact Online refuses a refresh until half a minute before the token's end, and says so as if access were denied.
// Its readers notice nothing: not in the window, nor when the lease's margin is all that is left, nor after the end.
func TestAProviderThatRefusesUntilShortlyBeforeTheEnd(t *testing.T) {
	early := clienttest.JSON(400, `{"error":"access_denied","error_description":"Rate limit exceeded: access_token not expired"}`)
	for name, c := range map[string]struct {
		lifetime, opens, every time.Duration
		provider               enginetest.Fields
	}{
		"ten minutes":                        {10 * time.Minute, 30 * time.Second, time.Second, nil},
		"ten minutes, a reader now and then": {10 * time.Minute, 30 * time.Second, 20 * time.Second, nil},
		"ten minutes, late":                  {10 * time.Minute, 12 * time.Second, time.Second, nil},
		"a window of its own":                {10 * time.Minute, 30 * time.Second, time.Second, enginetest.Fields{"refresh_window": "30s"}},
		"90 seconds":                         {90 * time.Second, 30 * time.Second, time.Second, nil},
		"90 seconds, late":                   {90 * time.Second, 12 * time.Second, time.Second, nil},
	} {
		for _, background := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", background ", background), func(t *testing.T) {
				enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
					if background {
						b.StartBackground()
					}
					g := &impatient{opens: c.opens, lifetime: c.lifetime, early: early}
					server.Handle(g.answer)
					for range 5 * c.lifetime / c.every {
						g.Tell(time.Now())
						resp, err := b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
						if err != nil || resp.IsError() {
							t.Fatalf("%s before the end a reader hears %v %v", g.left(), resp, err)
						}
						if end := resp.Secret.TTL; end > g.left() {
							t.Errorf("a lease of %s, and the token ends in %s", end, g.left())
						}
						if text := strings.Join(resp.Warnings, " "); strings.Contains(text, "client_secret") || strings.Contains(text, "correct roles/r") {
							t.Fatalf("a reader hears %q", text)
						}
						for range c.every / time.Second {
							enginetest.Pause(time.Second)
							g.Tell(time.Now())
						}
					}
					if g.Refreshes < 4 || g.refused > 12*g.Refreshes {
						t.Errorf("%d refreshes, %d refused", g.Refreshes, g.refused)
					}
				}, c.provider)
			})
		}
	}
}

// impatient is a provider that refuses a refresh until shortly before the token's end. Like strict it is told the time.
type impatient struct {
	enginetest.Strict
	opens, lifetime time.Duration
	early           clienttest.Answer
	ends            time.Time
	refused         int
}

func (g *impatient) left() time.Duration {
	g.Mu.Lock()
	defer g.Mu.Unlock()
	return g.ends.Sub(g.Now)
}

func (g *impatient) answer(*clienttest.Request) clienttest.Answer {
	g.Mu.Lock()
	defer g.Mu.Unlock()
	if g.ends.Sub(g.Now) > g.opens {
		g.refused++
		return g.early
	}
	g.Refreshes++
	g.ends = g.Now.Add(g.lifetime)
	return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"a%d","expires_in":%d,"refresh_token":"%sr%[1]d"}`, g.Refreshes, int(g.lifetime.Seconds()), enginetest.Canary))
}

// Of an exchange without an answer each reader hears what is known for this role, and no "or".
func TestALostAnswerSaysWhatIsKnown(t *testing.T) {
	broken := clienttest.JSON(500, `{"error":"server_error"}`)
	for name, c := range map[string]struct {
		provider, role enginetest.Fields
		read           bool // there is a token at hand
		want, not      string
	}{
		"never replaced":    {enginetest.Fields{"refresh_token_rotation": "never"}, nil, true, "is still good, since this provider never replaces it", "unknown"},
		"a key":             {enginetest.Fields{"idempotency_header": "Idempotency-Key"}, nil, true, "under the same idempotency key", "may end the grant"},
		"a grace":           {enginetest.Fields{"reuse_grace": "10m"}, nil, true, "within its reuse_grace it takes it once more", "may end the grant"},
		"refreshes end it":  {enginetest.Fields{"refresh_invalidates_access_token": true}, nil, true, "has ended with it", "may end the grant"},
		"no token at hand":  {nil, nil, false, "another try is all that there is", "may end the grant"},
		"a token at hand":   {nil, nil, true, "since a second use of the refresh token may end the grant, the next attempt is due in", "all that there is"},
		"the client's own":  {nil, enginetest.Fields{"grant_type": "client_credentials"}, true, "the next attempt is due", "the refresh token"},
		"a grace that ends": {enginetest.Fields{"reuse_grace": "2s"}, nil, true, "may end the grant", "within its reuse_grace"},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				b.Write("roles/r", enginetest.With(enginetest.Fields{"client_id": "the-client"}, c.role))
				if c.read {
					server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
					b.Read("creds/r")
				}
				server.Handle(enginetest.Always(broken))
				status, text := b.Failure(enginetest.WriteOp, "refresh/r", nil)
				if c.provider["reuse_grace"] == "2s" { // said as of now, and not as of then
					enginetest.Pause(5 * time.Second)
					text = b.Data("status/r")["next_step"].(string)
				}
				if status != 502 || !strings.Contains(text, c.want) || strings.Contains(text, c.not) {
					t.Errorf("%d %s", status, text)
				}
			}, c.provider)
		})
	}
}

// docs/providers.md: where a spent refresh token is taken until the new one is used, reuse_grace=24h asks for a lost answer for as
// long as the provider is out of reach.
func TestASpentTokenThatWorksUntilTheNewOneIsUsed(t *testing.T) {
	for name, lost := range map[string]clienttest.Answer{
		"no answer": {Drop: true}, "a gateway's": clienttest.Text(502, "text/html", "x"), "its own": clienttest.JSON(500, `{"error":"server_error"}`).With("Retry-After", "3600"),
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				b.StartBackground()
				g := &enginetest.Strict{Live: enginetest.FirstToken, Grace: 365 * 24 * time.Hour}
				server.Handle(g.Answer)
				b.Read("creds/r")
				for range 500 { // every answer is lost, and the token ends meanwhile
					g.Mu.Lock()
					g.Answers = []clienttest.Answer{lost, lost, lost}
					g.Mu.Unlock()
					g.Tell(time.Now())
					_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
					enginetest.Pause(time.Minute)
				}
				g.Mu.Lock()
				g.Answers = nil
				g.Mu.Unlock()
				if !b.ReadUntil(g, time.Hour) || g.Ended() {
					t.Errorf("the grant is lost: %v", b.Data("status/r"))
				}
			}, enginetest.Fields{"reuse_grace": "24h", "refresh_token_rotation": "always"})
		})
	}
}

// What is known of a second use is said as of now: a pause that the provider asked for may outlast the token at hand.
func TestALostAnswerSaysWhatIsKnownByNow(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":60}`), clienttest.JSON(500, `{"error":"server_error"}`).With("Retry-After", "600"))
		b.Read("creds/r")
		if _, text := b.Failure(enginetest.WriteOp, "refresh/r", nil); !strings.Contains(text, "may end the grant") {
			t.Errorf("with a token at hand: %s", text)
		}
		enginetest.Pause(70 * time.Second)
		text := b.NoCreds("r", 502)
		if !strings.Contains(text, "another try is all that there is") || text != b.Data("status/r")["next_step"] {
			t.Errorf("without: %s; the status says %v", text, b.Data("status/r")["next_step"])
		}
	})
}

// A provider that says "at once" for days costs background work no more than its back-off, and its readers are served
// when it said.
func TestBackgroundWorkDoesNotBelieveForEver(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.StartBackground()
		server.Handle(enginetest.Always(clienttest.JSON(500, `{"error":"server_error"}`).With("Retry-After", "0")))
		_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
		enginetest.Pause(time.Hour)
		n := len(server.Requests())
		if n < 10 || n > 40 {
			t.Errorf("%d requests in an hour without a reader", n)
		}
		for range 60 {
			_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
			enginetest.Pause(time.Second)
		}
		if more := len(server.Requests()) - n; more < 59 {
			t.Errorf("%d requests in a minute with a reader each second", more)
		}
	})
}
