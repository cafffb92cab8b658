package oauthrefresh

import (
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// An answer that is repeated under its key, after an immediate repeat in the same attempt, and is over: the renewal must
// present the new refresh token, not the body of before.
func TestRenewAfterResendPresentsTheNewToken(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		short := func(n int) clienttest.Answer {
			return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"a%d","expires_in":20,"refresh_token":"%sr%d"}`, n, canary, n))
		}
		drop := clienttest.Answer{Drop: true}
		server.Enqueue(drop, drop, drop, short(1), short(2), short(3))
		b.noCreds("r", 502)
		pause(40 * time.Second)
		got := b.data("creds/r")
		s := sent(server)
		if len(s) != 5 || s[4] != canary+"r1" {
			t.Errorf("presented were %q, keys %q; reader got %v; stored refresh %q", s, idempotencyKeys(server), got["access_token"], b.stored("r").RefreshToken.Reveal())
		}
	}, fields{"idempotency_header": keyHeader, "refresh_token_rotation": "always"})
}

// The same against a provider with reuse detection.
func TestRenewAfterResendKeepsTheGrant(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		grant := clienttest.NewRotation(firstToken)
		grant.IdempotencyHeader, grant.ExpiresIn = keyHeader, 20
		n := 0
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			a := grant.Answer(r)
			if n++; n <= 3 {
				a.Drop = true
			}
			return a
		})
		b.noCreds("r", 502)
		pause(40 * time.Second)
		_, _ = b.try(t.Context(), readOp, "creds/r", nil)
		if grant.Reused() {
			t.Errorf("a spent refresh token was presented: %q; status %v", sent(server), b.data("status/r"))
		}
	}, fields{"idempotency_header": keyHeader, "refresh_token_rotation": "always"})
}

// A repeated answer that is over and holds several candidates: none may be presented, nor the spent one.
func TestRenewPresentsNothingWithCandidates(t *testing.T) {
	for name, definition := range map[string]fields{"key": {"idempotency_header": keyHeader}, "grace": {"reuse_grace": "1m"}} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				drop := clienttest.Answer{Drop: true}
				server.Enqueue(drop, drop,
					clienttest.JSON(200, `{"access_token":"a1","expires_in":20,"a":{"refresh_token":"`+canary+`ra"},"b":{"refresh_token":"`+canary+`rb"}}`),
					invalidGrant)
				b.noCreds("r", 502)
				pause(40 * time.Second)
				_, _ = b.try(t.Context(), readOp, "creds/r", nil)
				if s := sent(server); len(s) != 3 {
					t.Errorf("presented were %q; status %v; candidates kept %d", s, b.data("status/r"), len(b.stored("r").Candidates))
				}
			}, definition)
		})
	}
}
