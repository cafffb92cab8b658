package oauthrefresh

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// forced presses until the guard holds, and returns how often it let through.
func (b *testBackend) forced(t *testing.T) (n int) {
	t.Helper()
	for ; n < 3*grant.ForcedBurst; n++ {
		resp, err := b.try(t.Context(), writeOp, "refresh/r", nil)
		if errStatus(err) == http.StatusTooManyRequests {
			return n
		}
		if err != nil || resp.IsError() {
			t.Fatal(resp, err)
		}
	}
	return n
}

// The guard against readers who force refreshes begins anew with a write, of whatever a refresh is made with.
func TestAWriteLiftsTheGuard(t *testing.T) {
	for path, f := range map[string]fields{
		"roles/r": {"ttl": "50m"}, "providers/test": {"docs": "https://docs.example.com"}, "config": {"request_timeout": "20s"},
	} {
		t.Run(path, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				newGrant(server)
				b.read("creds/r")
				if n := b.forced(t); n != grant.ForcedBurst {
					t.Errorf("%d are let through", n)
				}
				b.write(path, f)
				if n := b.forced(t); n != grant.ForcedBurst {
					t.Errorf("after the write %d are let through", n)
				}
			})
		})
	}
}

// Who has no token at hand is not told that it is current: a failure has its own pause, and that is all.
func TestNoGuardWhereNoTokenIsAtHand(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.read("creds/r")
		if n := b.forced(t); n != grant.ForcedBurst {
			t.Errorf("%d are let through", n)
		}
		b.age("r", func(tok *grant.State) {
			tok.ObtainedAt, tok.ExpiresAt = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		})
		b.write("refresh/r", nil)
	})
}

// README: a grant that was refused because of a wrong client_id or an address is tried again once that is corrected,
// however often somebody has tried before.
func TestADeadGrantIsTriedAfterItsCorrection(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		rotation := clienttest.NewRotation(firstToken)
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			if r.Form.Get("client_id") != "the-client" {
				return invalidGrant
			}
			return rotation.Answer(r)
		})
		b.write("roles/r", fields{"client_id": "another"})
		b.noCreds("r", 400)
		for range 2 * grant.ForcedBurst {
			if status, text := b.failure(logical.UpdateOperation, "refresh/r", fields{"retry": true}); status != 400 {
				t.Fatalf("%d %s", status, text)
			}
		}
		b.write("roles/r", fields{"client_id": "the-client"})
		if got := b.write("refresh/r", nil).Data; got["refreshed"] != true {
			t.Errorf("after the correction: %v", got)
		}
	})
}

// Whoever is told to ask for less, and does, meets the guard no more; explain says the same as a read.
func TestAMinTTLThatTheGuardNames(t *testing.T) {
	for _, lifetime := range []int{50, 120, 300} {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			rotation := clienttest.NewRotation(firstToken)
			rotation.ExpiresIn = lifetime
			server.Handle(rotation.Answer)
			asked, told := (time.Duration(lifetime) * time.Second * 9 / 10).String(), 0
			for range 1800 {
				would := b.write("explain/r", fields{"min_ttl": asked}).Data["would"]
				_, err := b.try(t.Context(), writeOp, "creds/r", fields{"min_ttl": asked})
				if failed := would == grant.WouldFail; failed != (err != nil) {
					t.Fatalf("explain says that a read would %v, and it gives %v", would, err)
				}
				if err != nil {
					told++
					m := regexp.MustCompile(`at most (\w+),`).FindStringSubmatch(err.Error())
					if errStatus(err) != http.StatusTooManyRequests || m == nil {
						t.Fatal(err)
					}
					asked = m[1]
				}
				pause(time.Second)
			}
			if told != 1 {
				t.Errorf("tokens of %ds: told %d times", lifetime, told)
			}
		})
	}
}

// Who wants to know nothing of what is not good any more: two runs of one attempt.
func TestNoTokenAtHandCountsForTheGuard(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	server.Handle(func(*clienttest.Request) clienttest.Answer {
		return clienttest.JSON(200, `{"access_token":"a","expires_in":3600}`)
	})
	b.writeRole("r")
	old := func() {
		b.age("r", func(tok *grant.State) {
			tok.ExpiresAt, tok.ObtainedAt = time.Now().Add(-time.Minute), time.Now().Add(-61*time.Minute)
		})
	}
	b.read("creds/r")
	for range 5 {
		old()
		b.write("refresh/r", nil)
	}
	if _, err := b.try(t.Context(), writeOp, "refresh/r", nil); err != nil {
		t.Errorf("the first refresh with a good token at hand: %v", err)
	}
}
