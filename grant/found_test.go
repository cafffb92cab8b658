package grant_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

var wrapped = clienttest.JSON(200, `{"message":"success","data":{"access_token":"a1","refresh_token":"`+enginetest.Canary+`r1","expires_in":3600}}`)

// The tokens lie where the definition does not look: the refresh token is kept, status says where it was, and
// with the pointers written the grant goes on.
func TestARefreshTokenElsewhereIsKept(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(wrapped, clienttest.JSON(200, `{"data":{"access_token":"a2","refresh_token":"`+enginetest.Canary+`r2","expires_in":3600}}`))
		text := b.NoCreds("r", 503)
		enginetest.SecretIs(t, "the grant's refresh token", b.Stored("r").RefreshToken, enginetest.Canary+"r1")
		enginetest.SecretIs(t, "the one before it", b.Stored("r").Former, enginetest.FirstToken)
		status := b.Data("status/r")
		if step, _ := status["next_step"].(string); !strings.Contains(step, "refresh_token_pointer=/data/refresh_token") || status["refresh_token_found_at"] != "/data/refresh_token" || !strings.Contains(text, "/data/refresh_token") {
			t.Errorf("%q; the status says %v", text, status)
		}
		b.Write("providers/test", enginetest.Fields{
			"access_token_pointer": "/data/access_token", "refresh_token_pointer": "/data/refresh_token", "expires_in_pointer": "/data/expires_in",
		})
		b.Write("roles/r", enginetest.Fields{"ttl": "1h"}) // a moved access_token_pointer wants the role to be written once more
		if got := b.Data("creds/r")["access_token"]; got != "a2" {
			t.Errorf("access token %v", got)
		}
		if got := enginetest.Sent(server); got[1] != enginetest.Canary+"r1" {
			t.Errorf("presented were %q", got)
		}
		if got := b.Data("status/r"); got["state"] != "ok" || got["next_step"] != nil {
			t.Errorf("the status says %v", got)
		}
		if b.Stored("r").Former.IsSet() {
			t.Error("the one before is kept though the pointer has found the next")
		}
	})
}

// A good answer whose refresh token lies elsewhere is used, and doubted.
func TestAGoodAnswerWithItsRefreshTokenElsewhere(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"user":{"refreshToken":"`+enginetest.Canary+`r1"}}`))
		b.Read("creds/r")
		enginetest.SecretIs(t, "the grant's refresh token", b.Stored("r").RefreshToken, enginetest.Canary+"r1")
		if step, _ := b.Data("status/r")["next_step"].(string); !strings.Contains(step, "refresh_token_pointer=/user/refreshToken") {
			t.Errorf("the next step is %q", step)
		}
	})
}

// Of several none is presented until somebody says which. All survive a restart.
func TestOfSeveralRefreshTokensNoneIsGuessed(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(
			clienttest.JSON(200, `{"a":{"refresh_token":"`+enginetest.Canary+`ra"},"b":{"refresh_token":"`+enginetest.Canary+`rb"}}`),
			enginetest.TokenAnswer("a2", enginetest.Canary+"r2"))
		b.NoCreds("r", 503)
		b = enginetest.NewOn(t, b.Storage)
		for range 5 {
			enginetest.Pause(time.Hour)
			if _, text := b.Failure(logical.ReadOperation, "creds/r", nil); !strings.Contains(text, "/a/refresh_token and /b/refresh_token") {
				t.Errorf("the reader hears %q", text)
			}
			b.Refused(enginetest.WriteOp, "refresh/r", nil)
		}
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%d requests before anybody has said which", n)
		}
		if got := b.Data("status/r"); got["state"] != "blocked" || !strings.Contains(got["next_step"].(string), "refresh_token_pointer") {
			t.Errorf("the status says %v", got)
		}
		b.Write("providers/test", enginetest.Fields{"refresh_token_pointer": "/b/refresh_token"})
		b.Read("creds/r")
		if got := enginetest.Sent(server); got[1] != enginetest.Canary+"rb" {
			t.Errorf("presented were %q", got)
		}
	})
}

// One that was found elsewhere and is refused may be good once what made the provider refuse is lifted, or may have
// been none. The one before it may be spent. Whoever is there says which is presented, one after the other.
func TestARefusedTokenThatWasFoundAndTheOneBeforeAreBothKept(t *testing.T) {
	for good, tries := range map[string]int{enginetest.Canary + "found": 1, enginetest.FirstToken: 2} {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			b.StartBackground()
			server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"meta":{"refresh_token":"`+enginetest.Canary+`found"}}`))
			server.Handle(enginetest.Always(enginetest.InvalidGrant))
			b.Read("creds/r")
			enginetest.Pause(3 * time.Hour)
			if text := b.NoCreds("r", 400); !strings.Contains(text, "retry=true") {
				t.Errorf("the reader hears %q", text)
			}
			if n := len(server.Requests()); n != 2 {
				t.Errorf("%d requests before anybody has asked for one", n)
			}
			server.Handle(func(r *clienttest.Request) clienttest.Answer {
				if r.Form.Get("refresh_token") == good {
					return enginetest.TokenAnswer("a2", enginetest.Canary+"r2")
				}
				return enginetest.InvalidGrant
			})
			for n := range tries {
				resp, err := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", enginetest.Fields{"retry": true})
				if ok := err == nil && !resp.IsError(); ok != (n == tries-1) {
					t.Errorf("try %d of %d: %v, %v", n+1, tries, resp, err)
				}
			}
			if got := b.Data("creds/r")["access_token"]; got != "a2" {
				t.Errorf("access token %v", got)
			}
			if b.Stored("r").Former.IsSet() {
				t.Error("the other one is kept though the grant lives")
			}
		})
	}
}

// One that was found and has been accepted needs none beside it: the one before is spent.
func TestAFoundTokenThatIsAcceptedStandsAlone(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		found := func(n string) clienttest.Answer {
			return clienttest.JSON(200, `{"access_token":"a`+n+`","expires_in":3600,"data":{"refresh_token":"`+enginetest.Canary+`r`+n+`"}}`)
		}
		server.Enqueue(found("1"), found("2"), enginetest.InvalidGrant, enginetest.TokenAnswer("a3", ""))
		b.Read("creds/r")
		enginetest.Pause(61 * time.Minute)
		b.Read("creds/r")
		if b.Stored("r").Former.IsSet() {
			t.Error("the place is right, and a spent token is kept")
		}
		enginetest.Pause(61 * time.Minute)
		b.NoCreds("r", 400)
		b.Write("refresh/r", enginetest.Fields{"retry": true})
		if got := enginetest.Sent(server); got[3] != enginetest.Canary+"r2" {
			t.Errorf("presented were %q", got)
		}
	})
}

// The first guess of several may be wrong: the others are still there.
func TestAWrongGuessKeepsTheOtherCandidates(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"a":{"refresh_token":"`+enginetest.Canary+`ra"},"b":{"refresh_token":"`+enginetest.Canary+`rb"}}`))
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			if r.Form.Get("refresh_token") == enginetest.Canary+"rb" {
				return enginetest.TokenAnswer("a2", enginetest.Canary+"r2")
			}
			return enginetest.InvalidGrant
		})
		b.NoCreds("r", 503)
		b.Write("providers/test", enginetest.Fields{"refresh_token_pointer": "/a/refresh_token"})
		b.NoCreds("r", 400)
		b.NoCreds("r", 400)
		b.Write("providers/test", enginetest.Fields{"refresh_token_pointer": "/b/refresh_token"})
		b.Read("creds/r")
		if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken, enginetest.Canary + "ra", enginetest.Canary + "rb"}) {
			t.Errorf("presented were %q", got)
		}
		if left := b.Stored("r").Candidates; len(left) != 0 {
			t.Errorf("%d candidates are left once one was accepted", len(left))
		}
	})
}

// A pointer that finds something counts, and may be wrong: what stands under the refresh token's own name is kept.
func TestAWrongPointerThatFindsSomethingCostsNothing(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(
			clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"refresh_token":"`+enginetest.Canary+`r1","session":{"id":"0123456789abcdef"}}`),
			enginetest.InvalidGrant, enginetest.TokenAnswer("a2", enginetest.Canary+"r2"))
		b.Read("creds/r")
		if got := b.Data("status/r")["state"]; got != "ok" {
			t.Errorf("the state is %v", got)
		}
		enginetest.Pause(61 * time.Minute)
		b.NoCreds("r", 400)
		b.Write("providers/test", enginetest.Fields{"refresh_token_pointer": "/refresh_token"})
		if got := b.Data("creds/r")["access_token"]; got != "a2" {
			t.Errorf("access token %v", got)
		}
		if got := enginetest.Sent(server); got[2] != enginetest.Canary+"r1" {
			t.Errorf("presented were %q", got)
		}
	}, enginetest.Fields{"refresh_token_pointer": "/session/id"})
}

// What no pointer can name is not to be chosen by one.
func TestAdviceAboutARefreshTokenCanBeFollowed(t *testing.T) {
	for name, body := range map[string]string{
		"one":     `{"access_token":"a1","expires_in":3600,"body":"{\"refresh_token\":\"` + enginetest.Canary + `ra\"}"}`,
		"several": `{"access_token":"a1","expires_in":3600,"body":"{\"refresh_token\":\"` + enginetest.Canary + `ra\"}","was":"{\"refresh_token\":\"` + enginetest.Canary + `rb\"}"}`,
	} {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Enqueue(clienttest.JSON(200, body))
			b.Read("creds/r")
			step := b.Data("status/r")["next_step"].(string)
			if strings.Contains(step, "refresh_token_pointer=") || strings.Contains(step, " at  and ") || !strings.Contains(step, "no plain JSON") {
				t.Errorf("%s: %s", name, step)
			}
		})
	}
}

// Candidates came by rotation and were never shown to anybody: they follow to no other place.
func TestCandidatesDoNotFollowAMovedProvider(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	other := clienttest.New(t, clienttest.Options{})
	server.Enqueue(clienttest.JSON(200, `{"a":{"refresh_token":"`+enginetest.Canary+`ra"},"b":{"refresh_token":"`+enginetest.Canary+`rb"}}`))
	other.Handle(enginetest.Always(enginetest.TokenAnswer("a2", enginetest.Canary+"r2")))
	b.WriteRole("r")
	b.NoCreds("r", 503)
	b.Write("providers/test", enginetest.Fields{"token_endpoint": other.URL() + "/token", "revocation_endpoint": other.URL() + "/revoke", "refresh_token_pointer": "/b/refresh_token"})
	b.Refused(enginetest.WriteOp, "roles/r", enginetest.RoleOf("test")) // what the operator first wrote, which is in Terraform's state
	_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
	if got := enginetest.Sent(other); len(got) != 0 {
		t.Errorf("the other place was sent %q", got)
	}
}

// A value that is none, says the provider, keeps nobody from ending the grant.
func TestACandidateThatIsNoneHindersNoRevocation(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	var revoked []string
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path != "/revoke" {
			return clienttest.JSON(200, `{"access_token":"a1","a":{"refresh_token":"`+enginetest.Canary+`none"},"b":{"refresh_token":"`+enginetest.Canary+`rb"}}`)
		}
		token := r.Form.Get("token")
		if token == enginetest.Canary+"none" {
			return clienttest.JSON(400, `{"error":"invalid_request"}`)
		}
		revoked = append(revoked, token)
		return clienttest.Answer{Status: 200}
	})
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("revoke/r", nil)
	if want := []string{enginetest.FirstToken, enginetest.Canary + "rb"}; !slices.Equal(revoked, want) {
		t.Errorf("revoked were %q, want %q", revoked, want)
	}
}

// Storage refuses the only copy: it is held like any answer.
func TestCandidatesAreHeldWhenStorageRefuses(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"a":{"refresh_token":"`+enginetest.Canary+`ra"},"b":{"refresh_token":"`+enginetest.Canary+`rb"}}`))
		b.Storage.FailPuts(grant.Prefix+"r", enginetest.ErrDisk, func(n int) bool { return n > 1 && n < 5 })
		b.NoCreds("r", 503)
		enginetest.Pause(time.Minute)
		if got := b.Stored("r"); len(got.Candidates) != 2 {
			t.Errorf("stored are %d", len(got.Candidates))
		}
	})
}

// Whoever ends the grant ends all that may be its refresh token.
func TestARevocationEndsAllThatMayBeTheRefreshToken(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	var revoked []string
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path == "/revoke" {
			revoked = append(revoked, r.Form.Get("token"))
			return clienttest.Answer{Status: 200}
		}
		return clienttest.JSON(200, `{"access_token":"a1","a":{"refresh_token":"`+enginetest.Canary+`ra"},"b":{"refresh_token":"`+enginetest.Canary+`rb"}}`)
	})
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("revoke/r", nil)
	if want := []string{enginetest.FirstToken, enginetest.Canary + "ra", enginetest.Canary + "rb"}; !slices.Equal(revoked, want) {
		t.Errorf("revoked were %q, want %q", revoked, want)
	}
}
