package grant_test

import (
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// An answer that is repeated under its key, after an immediate repeat in the same attempt, and is over: the renewal must
// present the new refresh token, not the body of before.
func TestRenewAfterResendPresentsTheNewToken(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		short := func(n int) clienttest.Answer {
			return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"a%d","expires_in":20,"refresh_token":"%sr%d"}`, n, enginetest.Canary, n))
		}
		drop := clienttest.Answer{Drop: true}
		server.Enqueue(drop, drop, drop, short(1), short(2), short(3))
		b.NoCreds("r", 502)
		enginetest.Pause(40 * time.Second)
		got := b.Data("creds/r")
		s := enginetest.Sent(server)
		if len(s) != 5 || s[4] != enginetest.Canary+"r1" {
			t.Errorf("presented were %q, keys %q; reader got %v; stored refresh %q", s, idempotencyKeys(server), got["access_token"], b.Stored("r").RefreshToken.Reveal())
		}
	}, enginetest.Fields{"idempotency_header": keyHeader, "refresh_token_rotation": "always"})
}

// The same against a provider with reuse detection.
func TestRenewAfterResendKeepsTheGrant(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		grant := clienttest.NewRotation(enginetest.FirstToken)
		grant.IdempotencyHeader, grant.ExpiresIn = keyHeader, 20
		n := 0
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			a := grant.Answer(r)
			if n++; n <= 3 {
				a.Drop = true
			}
			return a
		})
		b.NoCreds("r", 502)
		enginetest.Pause(40 * time.Second)
		_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
		if grant.Reused() {
			t.Errorf("a spent refresh token was presented: %q; status %v", enginetest.Sent(server), b.Data("status/r"))
		}
	}, enginetest.Fields{"idempotency_header": keyHeader, "refresh_token_rotation": "always"})
}

// A repeated answer that is over and holds several candidates: none may be presented, nor the spent one.
func TestRenewPresentsNothingWithCandidates(t *testing.T) {
	for name, definition := range map[string]enginetest.Fields{"key": {"idempotency_header": keyHeader}, "grace": {"reuse_grace": "1m"}} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				drop := clienttest.Answer{Drop: true}
				server.Enqueue(drop, drop,
					clienttest.JSON(200, `{"access_token":"a1","expires_in":20,"a":{"refresh_token":"`+enginetest.Canary+`ra"},"b":{"refresh_token":"`+enginetest.Canary+`rb"}}`),
					enginetest.InvalidGrant)
				b.NoCreds("r", 502)
				enginetest.Pause(40 * time.Second)
				_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
				if s := enginetest.Sent(server); len(s) != 3 {
					t.Errorf("presented were %q; status %v; candidates kept %d", s, b.Data("status/r"), len(b.Stored("r").Candidates))
				}
			}, definition)
		})
	}
}
