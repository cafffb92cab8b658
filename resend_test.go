package oauthrefresh

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
)

// An answer that never came is asked for again at once where that is harmless, once.
func TestAnExchangeWithoutAnAnswerIsRepeatedWhereThatIsHarmless(t *testing.T) {
	for name, c := range map[string]struct {
		provider fields
		repeats  bool
		sameKey  bool
	}{
		"idempotency header": {fields{"idempotency_header": keyHeader}, true, true},
		"reuse grace":        {fields{"reuse_grace": "1m"}, true, false},
		"no rotation":        {fields{"refresh_token_rotation": "never"}, true, false},
		"neither":            {nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				server.Enqueue(clienttest.Answer{Drop: true}, tokenAnswer("a1", canary+"next"))
				if !c.repeats {
					b.noCreds("r", 502)
					b.noCreds("r", 502)
					if n := len(server.Requests()); n != 1 {
						t.Errorf("%d requests", n)
					}
					pause(time.Minute)
				}
				if got := b.data("creds/r")["access_token"]; got != "a1" {
					t.Errorf("access token %v", got)
				}
				keys := idempotencyKeys(server)
				if got := sent(server); !slices.Equal(got, []string{firstToken, firstToken}) || c.sameKey && (keys[0] == "" || keys[0] != keys[1]) {
					t.Errorf("%d requests, the same key: %t", len(got), keys[0] == keys[len(keys)-1])
				}
				if got := b.data("status/r"); got["state"] != "ok" || got["generation"] != int64(1) {
					t.Errorf("the status says %v", got)
				}
			}, c.provider)
		})
	}
}

// A grace is for who has lost an answer, but some servers then give back the refresh token that was
// sent, which the lost one has replaced. That is said, and remembered for when it is refused.
func TestARepeatedAnswerWithTheOldRefreshTokenIsDoubted(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, tokenAnswer("a1", firstToken), tokenAnswer("a2", ""), invalidGrant)
		b.read("creds/r")
		for range 2 {
			if step, _ := b.data("status/r")["next_step"].(string); !strings.Contains(step, "no new refresh token") {
				t.Errorf("the next step is %q", step)
			}
			_, _ = b.try(t.Context(), writeOp, "refresh/r", nil)
			pause(time.Minute)
		}
		if got := b.data("status/r"); got["state"] != "dead" || !saysLost(got) {
			t.Errorf("the status says %v", got)
		}
	}, fields{"refresh_token_rotation": "always", "reuse_grace": "1m"})
}

// No new refresh token from a provider that always sends one may be a pointer that is wrong: the one at hand is spent.
func TestAMissingRefreshTokenIsDoubted(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b, fields{"refresh_token_rotation": "always"})
	server.Enqueue(tokenAnswer("a1", ""))
	b.writeRole("r")
	b.read("creds/r")
	if step, _ := b.data("status/r")["next_step"].(string); !strings.Contains(step, "refresh_token_pointer") {
		t.Errorf("the next step is %q", step)
	}
}

func TestANewRefreshTokenSettlesTheDoubt(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, tokenAnswer("a1", firstToken), tokenAnswer("a2", canary+"next"))
		b.read("creds/r")
		b.write("refresh/r", nil)
		if got := b.data("status/r"); got["next_step"] != nil {
			t.Errorf("the next step is %v", got["next_step"])
		}
	}, fields{"refresh_token_rotation": "always", "reuse_grace": "1m"})
}

func TestAnExchangeIsRepeatedAtOnceOnlyOnce(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true})
		b.noCreds("r", 502)
		b.noCreds("r", 502)
		if n := len(server.Requests()); n != 2 {
			t.Errorf("%d requests", n)
		}
		if got := b.data("status/r"); got["state"] != "unknown" || got["outcome_unknown"] != true {
			t.Errorf("the status says %v", got)
		}
	}, fields{"refresh_token_rotation": "never"})
}

// The grace counts from the first exchange whose answer was lost, not from the latest; one that is made after
// it begins another, since it is the one that may have spent the token in a way that is forgiven.
func TestATryAfterTheGraceBeginsAnother(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		lost := clienttest.Answer{Drop: true}
		server.Enqueue(lost, lost, lost, lost, lost)
		b.noCreds("r", 502)
		pause(45 * time.Second)
		b.noCreds("r", 502)
		pause(20 * time.Second)
		b.noCreds("r", 502)
		if n := len(server.Requests()); n != 2+2+2 {
			t.Errorf("%d requests, want each repeated once, the last one after the grace too", n)
		}
	}, fields{"reuse_grace": "1m"})
}

// An answer that a gateway gave in the provider's place does not count: the provider's own is still to be had
// under the key. Of the provider's own a useless one may have been cut off; the second one it would give for
// ever, so then the key changes.
func TestAUselessAnswerIsAskedForOnceMore(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		gateway, own := clienttest.Text(504, "text/html", "oops"), clienttest.JSON(500, `{"error":"server_error"}`)
		server.Enqueue(gateway, gateway, gateway, own, own, tokenAnswer("a1", ""))
		for range 5 {
			b.noCreds("r", 502)
			pause(10 * time.Minute)
		}
		b.read("creds/r")
		keys := idempotencyKeys(server)
		if len(keys) != 6 || keys[0] == "" || len(slices.Compact(slices.Clone(keys[:5]))) != 1 || keys[5] == "" || keys[5] == keys[0] {
			t.Errorf("keys %q, want the first one five times and then another", keys)
		}
	}, fields{"idempotency_header": keyHeader})
}

// A gateway's answer within the grace is no answer either, and the grace is short.
func TestAGatewaysAnswerIsAskedForAgainWithinTheGrace(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Text(502, "text/html", "oops"), tokenAnswer("a1", canary+"next"))
		b.read("creds/r")
		if got := sent(server); !slices.Equal(got, []string{firstToken, firstToken}) {
			t.Errorf("%q were sent", got)
		}
	}, fields{"reuse_grace": "1m"})
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
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		b.startBackground()
		server.Enqueue(tokenAnswer("a1", canary+"r1"), clienttest.Answer{Drop: true})
		b.read("creds/r")
		pause(41 * time.Minute) // due
		for range 15 {
			resp := b.read("creds/r")
			if resp.Data["access_token"] != "a1" || len(resp.Warnings) == 0 {
				t.Fatalf("%v with warnings %q", resp.Data, resp.Warnings)
			}
			pause(time.Minute)
		}
		if n := len(server.Requests()); n != 2 {
			t.Errorf("%d requests while the token lived, want the one whose answer was lost", n)
		}
		server.Enqueue(tokenAnswer("a3", canary+"r3"))
		pause(10 * time.Minute)
		if got := b.data("creds/r")["access_token"]; got != "a3" {
			t.Errorf("after the token's end a reader gets %v", got)
		}
	})
}

// A token that the lost refresh may have killed is no reason to wait.
func TestAnUnknownOutcomeIsTriedWhereARefreshInvalidates(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", canary+"r1"), clienttest.Answer{Drop: true}, tokenAnswer("a3", canary+"r3"))
		b.read("creds/r")
		pause(41 * time.Minute)
		b.read("creds/r")
		pause(time.Minute)
		if got := b.data("creds/r")["access_token"]; got != "a3" {
			t.Errorf("a reader gets %v", got)
		}
	}, fields{"refresh_invalidates_access_token": true})
}

// Unless somebody asks for it.
func TestAnUnknownOutcomeIsTriedByForce(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", canary+"r1"), clienttest.Answer{Drop: true}, tokenAnswer("a3", canary+"r3"))
		b.read("creds/r")
		pause(41 * time.Minute)
		b.read("creds/r")
		pause(time.Minute)
		if got := b.write("refresh/r", nil).Data["generation"]; got != int64(2) {
			t.Errorf("generation %v", got)
		}
	})
}

// An answer that is given again under its key was first given when the first one was lost, and so were the
// lifetimes in it: counted from the repetition, readers would be served a token that has ended.
func TestARepeatedAnswerIsAsOldAsTheFirstExchange(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true}, tokenAnswer("a1", canary+"next"))
		first := time.Now()
		b.noCreds("r", 502)
		pause(20 * time.Minute)
		if got := b.data("creds/r"); got["access_token"] != "a1" || got["expires_at"] != first.Add(time.Hour).UTC().Format(time.RFC3339) {
			t.Errorf("the token ends at %v, an hour after %s is right", got["expires_at"], first)
		}
	}, fields{"idempotency_header": keyHeader})
}

// One that is so old that its token has ended brings the next refresh token, which brings a token.
func TestARepeatedAnswerWhoseTokenHasEndedIsRenewed(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true},
			clienttest.JSON(200, `{"access_token":"a1","token_type":"Bearer","expires_in":600,"refresh_token":"`+canary+`next"}`),
			tokenAnswer("a2", ""))
		b.noCreds("r", 502)
		pause(20 * time.Minute)
		if got := b.data("creds/r"); got["access_token"] != "a2" || got["generation"] != int64(2) {
			t.Errorf("the reader gets %v", got)
		}
		if got := sent(server); !slices.Equal(got[2:], []string{firstToken, canary + "next"}) {
			t.Errorf("%d requests", len(got))
		}
		if keys := idempotencyKeys(server); keys[0] != keys[2] || keys[2] == keys[3] {
			t.Error("the keys are not: the lost exchange's again, then a new one")
		}
	}, fields{"idempotency_header": keyHeader})
}

// What was unknown stays so until an exchange tells: a busy endpoint says nothing of the lost answer.
func TestAnUnknownOutcomeOutlastsRefusalsOfOtherKinds(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"busy":              clienttest.Text(503, "text/plain", "busy"),
		"client is refused": clienttest.JSON(401, `{"error":"invalid_client"}`),
	} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				server.Enqueue(clienttest.Answer{Drop: true}, answer, clienttest.JSON(400, `{"error":"invalid_grant"}`))
				b.noCreds("r", 502)
				lost := b.data("status/r")["outcome_unknown_since"]
				pause(time.Minute)
				_, _ = b.failure(logical.ReadOperation, "creds/r", nil)
				if got := b.data("status/r"); got["state"] != "unknown" || got["outcome_unknown_since"] != lost || !strings.Contains(got["next_step"].(string), "whether the provider has spent") {
					t.Errorf("the status says %v", got)
				}
				pause(2 * time.Minute)
				b.noCreds("r", 400)
				if got := b.data("status/r"); got["state"] != "dead" || !saysLost(got) || got["outcome_unknown_since"] != nil {
					t.Errorf("the status says %v", got)
				}
			})
		})
	}
}
