package grant_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// The guard against readers who force refreshes begins anew with a write, of whatever a refresh is made with.
func TestAWriteLiftsTheGuard(t *testing.T) {
	for path, f := range map[string]enginetest.Fields{
		"roles/r": {"ttl": "50m"}, "providers/test": {"docs": "https://docs.example.com"}, "config": {"request_timeout": "20s"},
	} {
		t.Run(path, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				enginetest.NewGrant(server)
				b.Read("creds/r")
				if n := b.Forced(t); n != grant.ForcedBurst {
					t.Errorf("%d are let through", n)
				}
				b.Write(path, f)
				if n := b.Forced(t); n != grant.ForcedBurst {
					t.Errorf("after the write %d are let through", n)
				}
			})
		})
	}
}

// Who has no token at hand is not told that it is current: a failure has its own pause, and that is all.
func TestNoGuardWhereNoTokenIsAtHand(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Read("creds/r")
		if n := b.Forced(t); n != grant.ForcedBurst {
			t.Errorf("%d are let through", n)
		}
		b.Age("r", func(tok *grant.State) {
			tok.ObtainedAt, tok.ExpiresAt = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		})
		b.Write("refresh/r", nil)
	})
}

// docs/operations.md: a grant that was refused because of a wrong client_id or an address is tried again once that is corrected,
// however often somebody has tried before.
func TestADeadGrantIsTriedAfterItsCorrection(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		rotation := clienttest.NewRotation(enginetest.FirstToken)
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			if r.Form.Get("client_id") != "the-client" {
				return enginetest.InvalidGrant
			}
			return rotation.Answer(r)
		})
		b.Write("roles/r", enginetest.Fields{"client_id": "another"})
		b.NoCreds("r", 400)
		for range 2 * grant.ForcedBurst {
			if status, text := b.Failure(logical.UpdateOperation, "refresh/r", enginetest.Fields{"retry": true}); status != 400 {
				t.Fatalf("%d %s", status, text)
			}
		}
		b.Write("roles/r", enginetest.Fields{"client_id": "the-client"})
		if got := b.Write("refresh/r", nil).Data; got["refreshed"] != true {
			t.Errorf("after the correction: %v", got)
		}
	})
}

// Whoever is told to ask for less, and does, meets the guard no more; explain says the same as a read.
func TestAMinTTLThatTheGuardNames(t *testing.T) {
	for _, lifetime := range []int{50, 120, 300} {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			rotation := clienttest.NewRotation(enginetest.FirstToken)
			rotation.ExpiresIn = lifetime
			server.Handle(rotation.Answer)
			asked, told := (time.Duration(lifetime) * time.Second * 9 / 10).String(), 0
			for range 1800 {
				would := b.Write("explain/r", enginetest.Fields{"min_ttl": asked}).Data["would"]
				_, err := b.Try(t.Context(), enginetest.WriteOp, "creds/r", enginetest.Fields{"min_ttl": asked})
				if failed := would == grant.WouldFail; failed != (err != nil) {
					t.Fatalf("explain says that a read would %v, and it gives %v", would, err)
				}
				if err != nil {
					told++
					m := regexp.MustCompile(`at most (\w+),`).FindStringSubmatch(err.Error())
					if enginetest.ErrStatus(err) != http.StatusTooManyRequests || m == nil {
						t.Fatal(err)
					}
					asked = m[1]
				}
				enginetest.Pause(time.Second)
			}
			if told != 1 {
				t.Errorf("tokens of %ds: told %d times", lifetime, told)
			}
		})
	}
}

// Who wants to know nothing of what is not good any more: two runs of one attempt.
func TestNoTokenAtHandCountsForTheGuard(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Handle(func(*clienttest.Request) clienttest.Answer {
		return clienttest.JSON(200, `{"access_token":"a","expires_in":3600}`)
	})
	b.WriteRole("r")
	old := func() {
		b.Age("r", func(tok *grant.State) {
			tok.ExpiresAt, tok.ObtainedAt = time.Now().Add(-time.Minute), time.Now().Add(-61*time.Minute)
		})
	}
	b.Read("creds/r")
	for range 5 {
		old()
		b.Write("refresh/r", nil)
	}
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil); err != nil {
		t.Errorf("the first refresh with a good token at hand: %v", err)
	}
}
