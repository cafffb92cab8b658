package grant_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// countedOf is how many requests storage has counted of a role's grant.
func countedOf(b *enginetest.Mount) (n int) {
	if st := b.Stored("r"); st != nil {
		for _, of := range st.Refreshes {
			n += of
		}
	}
	return n
}

// pressed forces refreshes until one is refused, and returns how many were made and what the last one heard.
func pressed(t *testing.T, b *enginetest.Mount) (n int, text string) {
	t.Helper()
	for ; n < 20; n++ {
		resp, err := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil)
		if status := enginetest.ErrStatus(err); status == http.StatusTooManyRequests {
			return n, err.Error()
		}
		if err != nil || resp.IsError() {
			t.Fatal(resp, err)
		}
	}
	return n, ""
}

// spend uses a budget up: one read, and force.
func spend(t *testing.T, b *enginetest.Mount, budget int) {
	t.Helper()
	b.Write("roles/r", enginetest.Fields{"max_refreshes_per_day": budget})
	b.Read("creds/r")
	if n, _ := pressed(t, b); n != budget-1 {
		t.Fatalf("%d forced refreshes after the first, of %d", n, budget)
	}
}

// A role's budget goes before its provider's, and 0 says nothing. The refusal names whose it is, and when it renews; a
// larger one holds at once.
func TestForcedRefreshesEndWithTheBudget(t *testing.T) {
	for name, c := range map[string]struct {
		role, provider, want int
		of                   string
	}{
		"the role's": {3, 2, 3, "roles/r"}, "the provider's": {0, 2, 2, "providers/test"}, "the role's alone": {2, 0, 2, "roles/r"},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				enginetest.NewGrant(server)
				b.Write("roles/r", enginetest.Fields{"max_refreshes_per_day": c.role})
				n, text := pressed(t, b)
				renews := time.Now().Truncate(time.Hour).Add(25 * time.Hour).UTC().Format(time.RFC3339)
				if n != c.want || len(server.Requests()) != c.want || !strings.Contains(text, "max_refreshes_per_day of "+c.of+" ("+fmt.Sprint(c.want)+") allows") || !strings.Contains(text, renews) {
					t.Errorf("%d, and then %s; it renews at %s", n, text, renews)
				}
				status := b.Data("status/r")
				if enginetest.Plain(status["refreshes_in_24h"]) != fmt.Sprint(c.want) || enginetest.Plain(status["max_refreshes_per_day"]) != fmt.Sprint(c.want) || status["budget_renews_at"] != renews ||
					status["state"] != grant.StateOK || !strings.Contains(fmt.Sprint(status["next_step"]), renews) {
					t.Errorf("status says %v", status)
				}
				b.Write(c.of, enginetest.Fields{"max_refreshes_per_day": c.want + 1})
				if n, _ := pressed(t, b); n != 1 {
					t.Errorf("%d after the budget was raised by one", n)
				}
				if b.Write(c.of, enginetest.Fields{"max_refreshes_per_day": 0}); c.provider == 0 || c.role == 0 {
					b.Write("refresh/r", nil)
					if status := b.Data("status/r"); status["refreshes_in_24h"] != nil || status["next_step"] != nil {
						t.Errorf("without a budget status says %v", status)
					}
				}
			}, enginetest.Fields{"max_refreshes_per_day": c.provider})
		})
	}
}

// The token at hand is served to its end, and explain says the same as a read. After its end readers wait for the day to
// be over, whatever they ask for; then there is a token.
func TestReadersBeyondTheBudget(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		spend(t, b, 2)
		began, served, refused := time.Now(), 0, 0
		for len(server.Requests()) == 2 && time.Since(began) < 48*time.Hour {
			would := b.Data("explain/r")["would"]
			resp, err := b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
			switch {
			case len(server.Requests()) > 2:
			case enginetest.ErrStatus(err) == http.StatusTooManyRequests && would == grant.WouldFail:
				refused++
			case err != nil || time.Since(began) > time.Hour:
				t.Fatalf("after %s: %v, %v, and explain says %v", time.Since(began), resp, err, would)
			case len(resp.Warnings) > 0:
				if served++; would != "serve the token at hand, with a warning" || !strings.Contains(resp.Warnings[0], "max_refreshes_per_day of roles/r") {
					t.Fatalf("explain says %v; %v", would, resp.Warnings)
				}
			}
			enginetest.Pause(10 * time.Minute)
		}
		if over := time.Since(began); over < 24*time.Hour || over > 25*time.Hour+10*time.Minute || served == 0 || refused < 100 {
			t.Errorf("%s after: %d readers with a warning and %d without a token", over, served, refused)
		}
	})
}

// Where a refresh ends the token before it, leases last until the next one is possible: they are not cut into pieces
// because of one that is not made.
func TestLeasesBeyondTheBudget(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		spend(t, b, 1)
		enginetest.Pause(45 * time.Minute)
		if got := b.Read("creds/r"); got.Secret.TTL < 14*time.Minute || len(got.Warnings) != 1 {
			t.Errorf("%s, %v", got.Secret.TTL, got.Warnings)
		}
	}, enginetest.Fields{"refresh_invalidates_access_token": true})
}

// Each lease's own token is a refresh, and no other one does in its place.
func TestLeasesOfTheirOwnEndWithTheBudget(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	b.Write("roles/r", enginetest.Fields{"max_refreshes_per_day": 3})
	for range 3 {
		b.Read("creds/r")
	}
	if text := b.NoCreds("r", http.StatusTooManyRequests); !strings.Contains(text, "max_refreshes_per_day") || len(server.Requests()) != 3 {
		t.Errorf("%d requests: %s", len(server.Requests()), text)
	}
	if would := b.Data("explain/r")["would"]; would != grant.WouldFail {
		t.Errorf("explain says %v", would)
	}
}

// A process may end at each operation of storage: what the next one finds has counted every request, and one more at
// most, that was about to be made. In all there are no more than the budget.
func TestABudgetIsExactAcrossRestarts(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"refresh_token_rotation": "never"})
	server.Handle(enginetest.Always(enginetest.TokenAnswer("a", "")))
	b.WriteRole("r", enginetest.Fields{"max_refreshes_per_day": 4})
	type left struct {
		storage *enginetest.Storage
		sent    int
		intent  bool
	}
	var all []left
	at := func(key string) error {
		if key == grant.Prefix+"r" {
			st := b.Stored("r")
			all = append(all, left{b.Storage.Copy(t), len(server.Requests()), st != nil && st.Intent != nil})
		}
		return nil
	}
	b.Storage.OnPut(at)
	b.Storage.AfterPut(at)
	for range 3 {
		b.Write("refresh/r", nil)
	}
	b.Storage.OnPut(nil)
	b.Storage.AfterPut(nil)
	if len(all) != 12 {
		t.Fatalf("%d operations", len(all))
	}
	before := len(server.Requests())
	for i, l := range all {
		next := enginetest.NewOn(t, l.storage)
		counted := countedOf(next)
		if spare := counted - l.sent; spare < 0 || spare > 1 || spare == 1 && !l.intent {
			t.Errorf("operation %d: %d are counted of %d", i, counted, l.sent)
		}
		pressed(t, next)
		if more := len(server.Requests()) - before; counted+more != 4 {
			t.Errorf("operation %d: %d are counted, and %d more were made", i, counted, more)
		}
		before = len(server.Requests())
	}
}

// Where there is no refresh token, the count rides in the entry of the answer, and in that of a failure.
func TestABudgetOfClientCredentials(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Enqueue(clienttest.Answer{Drop: true}, enginetest.Busy)
	server.Enqueue(enginetest.TokenAnswer("a", ""), enginetest.TokenAnswer("b", ""))
	b.WriteRole("r", enginetest.Fields{"grant_type": "client_credentials", "refresh_token": nil, "max_refreshes_per_day": 4})
	b.NoCreds("r", 503) // the lost answer is asked for once more
	if n := countedOf(b); n != 2 {
		t.Errorf("%d are counted of 2", n)
	}
	b.Write("roles/r", enginetest.Fields{"ttl": "50m"}) // ends the pause
	b.Read("creds/r")
	b = enginetest.NewOn(t, b.Storage)
	if n, _ := pressed(t, b); n != 1 || len(server.Requests()) != 4 {
		t.Errorf("%d after a restart, %d requests in all", n, len(server.Requests()))
	}
}

// What decides whether the grant lives goes beyond any budget.
func TestABudgetHoldsBackNothingThatAGrantNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		provider enginetest.Fields
		happens  func(t *testing.T, b *enginetest.Mount, server *clienttest.Server)
	}{
		"a try within a grace": {enginetest.Fields{"reuse_grace": "60s"}, func(_ *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
			b.Interrupted("r")
			b.Write("refresh/r", nil)
		}},
		"a try under its key": {enginetest.Fields{"idempotency_header": "Idempotency-Key"}, func(_ *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
			b.Interrupted("r")
			b.StartBackground()
			enginetest.Pause(time.Minute)
		}},
		"a try when the token has ended": {nil, func(_ *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
			b.Interrupted("r")
			enginetest.Pause(time.Hour)
			b.Read("creds/r")
		}},
		"a refused grant, on demand": {nil, func(_ *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			b.Age("r", func(st *grant.State) {
				st.Fault = &grant.Fault{Class: "grant_refused", At: time.Now(), Reauthorize: true, Verdict: "x"}
			})
			b.Write("refresh/r", enginetest.Fields{"retry": true})
		}},
		"a write that asks for it": {nil, func(t *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
			if got := b.Write("roles/r", enginetest.Fields{"verify": true}).Data; got["verified"] != true {
				t.Error(got)
			}
		}},
		"keeping it alive": {enginetest.Fields{"refresh_token_idle_ttl": "4h"}, func(_ *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
			b.StartBackground()
			enginetest.Pause(2 * time.Hour)
		}},
		"a reader of a refresh token that is about to end": {enginetest.Fields{"refresh_token_idle_ttl": "4h"}, func(t *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
			enginetest.Pause(4*time.Hour - 25*time.Minute)
			b.NoCreds("r", http.StatusTooManyRequests)
			enginetest.Pause(2 * time.Minute)
			b.Read("creds/r")
		}},
		"a new grant": {nil, func(_ *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Handle(clienttest.NewRotation(enginetest.Canary + "another").Answer)
			b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "another"})
			b.Write("refresh/r", nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				enginetest.NewGrant(server)
				spend(t, b, 2)
				c.happens(t, b, server)
				if n := len(server.Requests()); n != 3 {
					t.Errorf("%d requests: %v", n, b.Data("status/r"))
				}
			}, enginetest.With(enginetest.Fields{"refresh_token_rotation": "always"}, c.provider))
		})
	}
}

// An outage costs no budget as long as nothing reaches the provider, and who has no token is tried for with the failure's
// own pauses: a day without tokens does not follow from an hour of trouble at once.
func TestABudgetOutlastsAnOutage(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
		b.Delete("roles/r")
		b.Write("providers/test", enginetest.Fields{"token_endpoint": "http://127.0.0.1:1/token"})
		b.WriteRole("r", enginetest.Fields{"max_refreshes_per_day": 1})
		for range 5 {
			b.NoCreds("r", 503)
			enginetest.Pause(10 * time.Minute)
		}
		if n := countedOf(b); n != 0 {
			t.Errorf("%d are counted, and none has reached the provider", n)
		}
	})
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		rotation := enginetest.NewGrant(server)
		b.Write("roles/r", enginetest.Fields{"max_refreshes_per_day": 1})
		server.Handle(enginetest.Always(enginetest.Busy))
		for range 3 {
			b.NoCreds("r", 503)
			enginetest.Pause(10 * time.Minute)
		}
		server.Handle(rotation.Answer)
		b.Read("creds/r")
		if n := countedOf(b); n != 4 {
			t.Errorf("%d are counted of 4", n)
		}
	})
}

// A clock that was ahead holds nobody back once it is right, and one that is behind for no longer than it is.
func TestABudgetAndAClockThatIsSet(t *testing.T) {
	for _, off := range []time.Duration{10 * enginetest.Day, -10 * enginetest.Day} {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			t.Cleanup(enginetest.PutRight)
			enginetest.NewGrant(server)
			clock.Step(off)
			spend(t, b, 2)
			enginetest.PutRight()
			b.Write("refresh/r", nil)
			if n := countedOf(b); n != 1 {
				t.Errorf("put right after %s: %d are counted", off, n)
			}
		})
	}
}
