package grant_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// An answer that never came is asked for again at once where that is harmless, once.
func TestAnExchangeWithoutAnAnswerIsRepeatedWhereThatIsHarmless(t *testing.T) {
	for name, c := range map[string]struct {
		provider enginetest.Fields
		repeats  bool
		sameKey  bool
	}{
		"idempotency header": {enginetest.Fields{"idempotency_header": keyHeader}, true, true},
		"reuse grace":        {enginetest.Fields{"reuse_grace": "1m"}, true, false},
		"no rotation":        {enginetest.Fields{"refresh_token_rotation": "never"}, true, false},
		"neither":            {nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
				if !c.repeats {
					b.NoCreds("r", 502)
					b.NoCreds("r", 502)
					if n := len(server.Requests()); n != 1 {
						t.Errorf("%d requests", n)
					}
					enginetest.Pause(time.Minute)
				}
				if got := b.Data("creds/r")["access_token"]; got != "a1" {
					t.Errorf("access token %v", got)
				}
				keys := idempotencyKeys(server)
				if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken, enginetest.FirstToken}) || c.sameKey && (keys[0] == "" || keys[0] != keys[1]) {
					t.Errorf("%d requests, the same key: %t", len(got), keys[0] == keys[len(keys)-1])
				}
				if got := b.Data("status/r"); got["state"] != "ok" || got["generation"] != int64(1) {
					t.Errorf("the status says %v", got)
				}
			}, c.provider)
		})
	}
}

// A grace is for who has lost an answer, but some servers then give back the refresh token that was
// sent, which the lost one has replaced. That is said, and remembered for when it is refused.
func TestARepeatedAnswerWithTheOldRefreshTokenIsDoubted(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a1", enginetest.FirstToken), enginetest.TokenAnswer("a2", ""), enginetest.InvalidGrant)
		b.Read("creds/r")
		for range 2 {
			if step, _ := b.Data("status/r")["next_step"].(string); !strings.Contains(step, "no new refresh token") {
				t.Errorf("the next step is %q", step)
			}
			_, _ = b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil)
			enginetest.Pause(time.Minute)
		}
		if got := b.Data("status/r"); got["state"] != "dead" || !saysLost(got) {
			t.Errorf("the status says %v", got)
		}
	}, enginetest.Fields{"refresh_token_rotation": "always", "reuse_grace": "1m"})
}

// No new refresh token from a provider that always sends one may be a pointer that is wrong: the one at hand is spent.
func TestAMissingRefreshTokenIsDoubted(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"refresh_token_rotation": "always"})
	server.Enqueue(enginetest.TokenAnswer("a1", ""))
	b.WriteRole("r")
	b.Read("creds/r")
	if step, _ := b.Data("status/r")["next_step"].(string); !strings.Contains(step, "refresh_token_pointer") {
		t.Errorf("the next step is %q", step)
	}
}

func TestANewRefreshTokenSettlesTheDoubt(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a1", enginetest.FirstToken), enginetest.TokenAnswer("a2", enginetest.Canary+"next"))
		b.Read("creds/r")
		b.Write("refresh/r", nil)
		if got := b.Data("status/r"); got["next_step"] != nil {
			t.Errorf("the next step is %v", got["next_step"])
		}
	}, enginetest.Fields{"refresh_token_rotation": "always", "reuse_grace": "1m"})
}

func TestAnExchangeIsRepeatedAtOnceOnlyOnce(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true})
		b.NoCreds("r", 502)
		b.NoCreds("r", 502)
		if n := len(server.Requests()); n != 2 {
			t.Errorf("%d requests", n)
		}
		if got := b.Data("status/r"); got["state"] != "unknown" || got["outcome_unknown"] != true {
			t.Errorf("the status says %v", got)
		}
	}, enginetest.Fields{"refresh_token_rotation": "never"})
}

// The grace counts from the first exchange whose answer was lost, not from the latest; one that is made after
// it begins another, since it is the one that may have spent the token in a way that is forgiven.
func TestATryAfterTheGraceBeginsAnother(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		lost := clienttest.Answer{Drop: true}
		server.Enqueue(lost, lost, lost, lost, lost)
		b.NoCreds("r", 502)
		enginetest.Pause(45 * time.Second)
		b.NoCreds("r", 502)
		enginetest.Pause(20 * time.Second)
		b.NoCreds("r", 502)
		if n := len(server.Requests()); n != 2+2+2 {
			t.Errorf("%d requests, want each repeated once, the last one after the grace too", n)
		}
	}, enginetest.Fields{"reuse_grace": "1m"})
}

// An answer that a gateway gave in the provider's place does not count: the provider's own is still to be had
// under the key. Of the provider's own a useless one may have been cut off; the second one it would give for
// ever, so then the key changes.
func TestAUselessAnswerIsAskedForOnceMore(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		gateway, own := clienttest.Text(504, "text/html", "oops"), clienttest.JSON(500, `{"error":"server_error"}`)
		server.Enqueue(gateway, gateway, gateway, own, own, enginetest.TokenAnswer("a1", ""))
		for range 5 {
			b.NoCreds("r", 502)
			enginetest.Pause(10 * time.Minute)
		}
		b.Read("creds/r")
		keys := idempotencyKeys(server)
		if len(keys) != 6 || keys[0] == "" || len(slices.Compact(slices.Clone(keys[:5]))) != 1 || keys[5] == "" || keys[5] == keys[0] {
			t.Errorf("keys %q, want the first one five times and then another", keys)
		}
	}, enginetest.Fields{"idempotency_header": keyHeader})
}

// A gateway's answer within the grace is no answer either, and the grace is short.
func TestAGatewaysAnswerIsAskedForAgainWithinTheGrace(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Text(502, "text/html", "oops"), enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
		b.Read("creds/r")
		if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken, enginetest.FirstToken}) {
			t.Errorf("%q were sent", got)
		}
	}, enginetest.Fields{"reuse_grace": "1m"})
}

// A provider that hangs must leave time for another try in its grace; one that is slow must be heard, and is
// with the last try, which may take its time.
func TestAnExchangeEndsWithinTheGrace(t *testing.T) {
	now := time.Now()
	spends := &role.Role{Settings: role.Settings{GrantType: client.GrantRefreshToken}}
	for _, c := range []struct {
		provider client.Provider
		role     *role.Role
		since    time.Duration // since the first exchange whose answer is unknown
		want     time.Duration
	}{
		{client.Provider{}, spends, 0, 40 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(time.Minute)}, spends, 0, 30 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(time.Minute)}, spends, 30 * time.Second, 15 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(10 * time.Second)}, spends, 0, 5 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(10 * time.Second)}, spends, 5 * time.Second, 2500 * time.Millisecond},
		{client.Provider{ReuseGrace: client.Duration(10 * time.Second)}, spends, 8600 * time.Millisecond, 40 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(10 * time.Second)}, spends, 8400 * time.Millisecond, time.Second},
		{client.Provider{ReuseGrace: client.Duration(2 * time.Second)}, spends, time.Millisecond, time.Second},
		{client.Provider{ReuseGrace: client.Duration(10 * time.Second)}, spends, time.Minute, 40 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(10 * time.Second)}, spends, -time.Hour, 40 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(time.Hour)}, spends, 0, 40 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(10 * time.Second), RefreshTokenRotation: client.RotationNever}, spends, 0, 40 * time.Second},
		{client.Provider{ReuseGrace: client.Duration(10 * time.Second)}, new(role.Role), 0, 40 * time.Second},
	} {
		target := &role.Target{Role: c.role, Provider: &c.provider, Options: client.Options{Timeout: 40 * time.Second}}
		got := (&grant.Intent{At: now, UnknownSince: now.Add(-c.since)}).Within(target, now)
		if got.Timeout != c.want || (got.Bound == "") != (c.want == 40*time.Second) {
			t.Errorf("%+v, %s after the first: %s, bounded by %q; want %s", c.provider, c.since, got.Timeout, got.Bound, c.want)
		}
	}
}

// Where nothing forgives a second use, the next try may end the grant. It waits while there is a token.
func TestAnUnknownOutcomeWaitsForTheTokensEnd(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.StartBackground()
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), clienttest.Answer{Drop: true})
		b.Read("creds/r")
		enginetest.Pause(41 * time.Minute) // due
		for range 15 {
			resp := b.Read("creds/r")
			if resp.Data["access_token"] != "a1" || len(resp.Warnings) == 0 {
				t.Fatalf("%v with warnings %q", resp.Data, resp.Warnings)
			}
			enginetest.Pause(time.Minute)
		}
		if n := len(server.Requests()); n != 2 {
			t.Errorf("%d requests while the token lived, want the one whose answer was lost", n)
		}
		server.Enqueue(enginetest.TokenAnswer("a3", enginetest.Canary+"r3"))
		enginetest.Pause(10 * time.Minute)
		if got := b.Data("creds/r")["access_token"]; got != "a3" {
			t.Errorf("after the token's end a reader gets %v", got)
		}
	})
}

// A token that the lost refresh may have killed is no reason to wait.
func TestAnUnknownOutcomeIsTriedWhereARefreshInvalidates(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a3", enginetest.Canary+"r3"))
		b.Read("creds/r")
		enginetest.Pause(41 * time.Minute)
		b.Read("creds/r")
		enginetest.Pause(time.Minute)
		if got := b.Data("creds/r")["access_token"]; got != "a3" {
			t.Errorf("a reader gets %v", got)
		}
	}, enginetest.Fields{"refresh_invalidates_access_token": true})
}

// Unless somebody asks for it.
func TestAnUnknownOutcomeIsTriedByForce(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a3", enginetest.Canary+"r3"))
		b.Read("creds/r")
		enginetest.Pause(41 * time.Minute)
		b.Read("creds/r")
		enginetest.Pause(time.Minute)
		if got := b.Write("refresh/r", nil).Data["generation"]; got != int64(2) {
			t.Errorf("generation %v", got)
		}
	})
}

// An answer that is given again under its key was first given when the first one was lost, and so were the
// lifetimes in it: counted from the repetition, readers would be served a token that has ended.
func TestARepeatedAnswerIsAsOldAsTheFirstExchange(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
		first := time.Now()
		b.NoCreds("r", 502)
		enginetest.Pause(20 * time.Minute)
		if got := b.Data("creds/r"); got["access_token"] != "a1" || got["expires_at"] != first.Add(time.Hour).UTC().Format(time.RFC3339) {
			t.Errorf("the token ends at %v, an hour after %s is right", got["expires_at"], first)
		}
	}, enginetest.Fields{"idempotency_header": keyHeader})
}

// One that is so old that its token has ended brings the next refresh token, which brings a token.
func TestARepeatedAnswerWhoseTokenHasEndedIsRenewed(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true},
			clienttest.JSON(200, `{"access_token":"a1","token_type":"Bearer","expires_in":600,"refresh_token":"`+enginetest.Canary+`next"}`),
			enginetest.TokenAnswer("a2", ""))
		b.NoCreds("r", 502)
		enginetest.Pause(20 * time.Minute)
		if got := b.Data("creds/r"); got["access_token"] != "a2" || got["generation"] != int64(2) {
			t.Errorf("the reader gets %v", got)
		}
		if got := enginetest.Sent(server); !slices.Equal(got[2:], []string{enginetest.FirstToken, enginetest.Canary + "next"}) {
			t.Errorf("%d requests", len(got))
		}
		if keys := idempotencyKeys(server); keys[0] != keys[2] || keys[2] == keys[3] {
			t.Error("the keys are not: the lost exchange's again, then a new one")
		}
	}, enginetest.Fields{"idempotency_header": keyHeader})
}

// What was unknown stays so until an exchange tells: a busy endpoint says nothing of the lost answer.
func TestAnUnknownOutcomeOutlastsRefusalsOfOtherKinds(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"busy":              clienttest.Text(503, "text/plain", "busy"),
		"client is refused": clienttest.JSON(401, `{"error":"invalid_client"}`),
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(clienttest.Answer{Drop: true}, answer, clienttest.JSON(400, `{"error":"invalid_grant"}`))
				b.NoCreds("r", 502)
				lost := b.Data("status/r")["outcome_unknown_since"]
				enginetest.Pause(time.Minute)
				_, _ = b.Failure(logical.ReadOperation, "creds/r", nil)
				if got := b.Data("status/r"); got["state"] != "unknown" || got["outcome_unknown_since"] != lost || !strings.Contains(got["next_step"].(string), "whether the provider has spent") {
					t.Errorf("the status says %v", got)
				}
				enginetest.Pause(2 * time.Minute)
				b.NoCreds("r", 400)
				if got := b.Data("status/r"); got["state"] != "dead" || !saysLost(got) || got["outcome_unknown_since"] != nil {
					t.Errorf("the status says %v", got)
				}
			})
		})
	}
}
