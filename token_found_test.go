package oauthrefresh

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

var wrapped = clienttest.JSON(200, `{"message":"success","data":{"access_token":"a1","refresh_token":"`+canary+`r1","expires_in":3600}}`)

// The tokens lie where the definition does not look: the refresh token is kept, status says where it was, and
// with the pointers written the grant goes on.
func TestARefreshTokenElsewhereIsKept(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(wrapped, clienttest.JSON(200, `{"data":{"access_token":"a2","refresh_token":"`+canary+`r2","expires_in":3600}}`))
		text := b.noCreds("r", 503)
		secretIs(t, "the grant's refresh token", b.stored("r").RefreshToken, canary+"r1")
		secretIs(t, "the one before it", b.stored("r").Former, firstToken)
		status := b.data("status/r")
		if step, _ := status["next_step"].(string); !strings.Contains(step, "refresh_token_pointer=/data/refresh_token") || status["refresh_token_found_at"] != "/data/refresh_token" || !strings.Contains(text, "/data/refresh_token") {
			t.Errorf("%q; the status says %v", text, status)
		}
		b.write("providers/test", fields{
			"access_token_pointer": "/data/access_token", "refresh_token_pointer": "/data/refresh_token", "expires_in_pointer": "/data/expires_in",
		})
		b.write("roles/r", fields{"ttl": "1h"}) // a moved access_token_pointer wants the role to be written once more
		if got := b.data("creds/r")["access_token"]; got != "a2" {
			t.Errorf("access token %v", got)
		}
		if got := sent(server); got[1] != canary+"r1" {
			t.Errorf("presented were %q", got)
		}
		if got := b.data("status/r"); got["state"] != "ok" || got["next_step"] != nil {
			t.Errorf("the status says %v", got)
		}
		if b.stored("r").Former.IsSet() {
			t.Error("the one before is kept though the pointer has found the next")
		}
	})
}

// A good answer whose refresh token lies elsewhere is used, and doubted.
func TestAGoodAnswerWithItsRefreshTokenElsewhere(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"user":{"refreshToken":"`+canary+`r1"}}`))
		b.read("creds/r")
		secretIs(t, "the grant's refresh token", b.stored("r").RefreshToken, canary+"r1")
		if step, _ := b.data("status/r")["next_step"].(string); !strings.Contains(step, "refresh_token_pointer=/user/refreshToken") {
			t.Errorf("the next step is %q", step)
		}
	})
}

// Of several none is presented until somebody says which. All survive a restart.
func TestOfSeveralRefreshTokensNoneIsGuessed(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(
			clienttest.JSON(200, `{"a":{"refresh_token":"`+canary+`ra"},"b":{"refresh_token":"`+canary+`rb"}}`),
			tokenAnswer("a2", canary+"r2"))
		b.noCreds("r", 503)
		b = newTestBackendOn(t, b.storage)
		for range 5 {
			pause(time.Hour)
			if _, text := b.failure(logical.ReadOperation, "creds/r", nil); !strings.Contains(text, "/a/refresh_token and /b/refresh_token") {
				t.Errorf("the reader hears %q", text)
			}
			b.refused(writeOp, "refresh/r", nil)
		}
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%d requests before anybody has said which", n)
		}
		if got := b.data("status/r"); got["state"] != "blocked" || !strings.Contains(got["next_step"].(string), "refresh_token_pointer") {
			t.Errorf("the status says %v", got)
		}
		b.write("providers/test", fields{"refresh_token_pointer": "/b/refresh_token"})
		b.read("creds/r")
		if got := sent(server); got[1] != canary+"rb" {
			t.Errorf("presented were %q", got)
		}
	})
}

// One that was found elsewhere and is refused may be good once what made the provider refuse is lifted, or may have
// been none. The one before it may be spent. Whoever is there says which is presented, one after the other.
func TestARefusedTokenThatWasFoundAndTheOneBeforeAreBothKept(t *testing.T) {
	for good, tries := range map[string]int{canary + "found": 1, firstToken: 2} {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			b.startBackground()
			server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"meta":{"refresh_token":"`+canary+`found"}}`))
			server.Handle(always(invalidGrant))
			b.read("creds/r")
			pause(3 * time.Hour)
			if text := b.noCreds("r", 400); !strings.Contains(text, "retry=true") {
				t.Errorf("the reader hears %q", text)
			}
			if n := len(server.Requests()); n != 2 {
				t.Errorf("%d requests before anybody has asked for one", n)
			}
			server.Handle(func(r *clienttest.Request) clienttest.Answer {
				if r.Form.Get("refresh_token") == good {
					return tokenAnswer("a2", canary+"r2")
				}
				return invalidGrant
			})
			for n := range tries {
				resp, err := b.try(t.Context(), writeOp, "refresh/r", fields{"retry": true})
				if ok := err == nil && !resp.IsError(); ok != (n == tries-1) {
					t.Errorf("try %d of %d: %v, %v", n+1, tries, resp, err)
				}
			}
			if got := b.data("creds/r")["access_token"]; got != "a2" {
				t.Errorf("access token %v", got)
			}
			if b.stored("r").Former.IsSet() {
				t.Error("the other one is kept though the grant lives")
			}
		})
	}
}

// One that was found and has been accepted needs none beside it: the one before is spent.
func TestAFoundTokenThatIsAcceptedStandsAlone(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		found := func(n string) clienttest.Answer {
			return clienttest.JSON(200, `{"access_token":"a`+n+`","expires_in":3600,"data":{"refresh_token":"`+canary+`r`+n+`"}}`)
		}
		server.Enqueue(found("1"), found("2"), invalidGrant, tokenAnswer("a3", ""))
		b.read("creds/r")
		pause(61 * time.Minute)
		b.read("creds/r")
		if b.stored("r").Former.IsSet() {
			t.Error("the place is right, and a spent token is kept")
		}
		pause(61 * time.Minute)
		b.noCreds("r", 400)
		b.write("refresh/r", fields{"retry": true})
		if got := sent(server); got[3] != canary+"r2" {
			t.Errorf("presented were %q", got)
		}
	})
}

// The first guess of several may be wrong: the others are still there.
func TestAWrongGuessKeepsTheOtherCandidates(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"a":{"refresh_token":"`+canary+`ra"},"b":{"refresh_token":"`+canary+`rb"}}`))
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			if r.Form.Get("refresh_token") == canary+"rb" {
				return tokenAnswer("a2", canary+"r2")
			}
			return invalidGrant
		})
		b.noCreds("r", 503)
		b.write("providers/test", fields{"refresh_token_pointer": "/a/refresh_token"})
		b.noCreds("r", 400)
		b.noCreds("r", 400)
		b.write("providers/test", fields{"refresh_token_pointer": "/b/refresh_token"})
		b.read("creds/r")
		if got := sent(server); !slices.Equal(got, []string{firstToken, canary + "ra", canary + "rb"}) {
			t.Errorf("presented were %q", got)
		}
		if left := b.stored("r").Candidates; len(left) != 0 {
			t.Errorf("%d candidates are left once one was accepted", len(left))
		}
	})
}

// A pointer that finds something counts, and may be wrong: what stands under the refresh token's own name is kept.
func TestAWrongPointerThatFindsSomethingCostsNothing(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(
			clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"refresh_token":"`+canary+`r1","session":{"id":"0123456789abcdef"}}`),
			invalidGrant, tokenAnswer("a2", canary+"r2"))
		b.read("creds/r")
		if got := b.data("status/r")["state"]; got != "ok" {
			t.Errorf("the state is %v", got)
		}
		pause(61 * time.Minute)
		b.noCreds("r", 400)
		b.write("providers/test", fields{"refresh_token_pointer": "/refresh_token"})
		if got := b.data("creds/r")["access_token"]; got != "a2" {
			t.Errorf("access token %v", got)
		}
		if got := sent(server); got[2] != canary+"r1" {
			t.Errorf("presented were %q", got)
		}
	}, fields{"refresh_token_pointer": "/session/id"})
}

// What no pointer can name is not to be chosen by one.
func TestAdviceAboutARefreshTokenCanBeFollowed(t *testing.T) {
	for name, body := range map[string]string{
		"one":     `{"access_token":"a1","expires_in":3600,"body":"{\"refresh_token\":\"` + canary + `ra\"}"}`,
		"several": `{"access_token":"a1","expires_in":3600,"body":"{\"refresh_token\":\"` + canary + `ra\"}","was":"{\"refresh_token\":\"` + canary + `rb\"}"}`,
	} {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			server.Enqueue(clienttest.JSON(200, body))
			b.read("creds/r")
			step := b.data("status/r")["next_step"].(string)
			if strings.Contains(step, "refresh_token_pointer=") || strings.Contains(step, " at  and ") || !strings.Contains(step, "no plain JSON") {
				t.Errorf("%s: %s", name, step)
			}
		})
	}
}

// Candidates came by rotation and were never shown to anybody: they follow to no other place.
func TestCandidatesDoNotFollowAMovedProvider(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	other := clienttest.New(t, clienttest.Options{})
	server.Enqueue(clienttest.JSON(200, `{"a":{"refresh_token":"`+canary+`ra"},"b":{"refresh_token":"`+canary+`rb"}}`))
	other.Handle(always(tokenAnswer("a2", canary+"r2")))
	b.writeRole("r")
	b.noCreds("r", 503)
	b.write("providers/test", fields{"token_endpoint": other.URL() + "/token", "revocation_endpoint": other.URL() + "/revoke", "refresh_token_pointer": "/b/refresh_token"})
	b.refused(writeOp, "roles/r", roleOf("test")) // what the operator first wrote, which is in Terraform's state
	_, _ = b.try(t.Context(), readOp, "creds/r", nil)
	if got := sent(other); len(got) != 0 {
		t.Errorf("the other place was sent %q", got)
	}
}

// A value that is none, says the provider, keeps nobody from ending the grant.
func TestACandidateThatIsNoneHindersNoRevocation(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	var revoked []string
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path != "/revoke" {
			return clienttest.JSON(200, `{"access_token":"a1","a":{"refresh_token":"`+canary+`none"},"b":{"refresh_token":"`+canary+`rb"}}`)
		}
		token := r.Form.Get("token")
		if token == canary+"none" {
			return clienttest.JSON(400, `{"error":"invalid_request"}`)
		}
		revoked = append(revoked, token)
		return clienttest.Answer{Status: 200}
	})
	b.writeRole("r")
	b.read("creds/r")
	b.write("revoke/r", nil)
	if want := []string{firstToken, canary + "rb"}; !slices.Equal(revoked, want) {
		t.Errorf("revoked were %q, want %q", revoked, want)
	}
}

// Storage refuses the only copy: it is held like any answer.
func TestCandidatesAreHeldWhenStorageRefuses(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"a":{"refresh_token":"`+canary+`ra"},"b":{"refresh_token":"`+canary+`rb"}}`))
		b.storage.failPuts(grant.Prefix+"r", errDisk, func(n int) bool { return n > 1 && n < 5 })
		b.noCreds("r", 503)
		pause(time.Minute)
		if got := b.stored("r"); len(got.Candidates) != 2 {
			t.Errorf("stored are %d", len(got.Candidates))
		}
	})
}

// Whoever ends the grant ends all that may be its refresh token.
func TestARevocationEndsAllThatMayBeTheRefreshToken(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	var revoked []string
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path == "/revoke" {
			revoked = append(revoked, r.Form.Get("token"))
			return clienttest.Answer{Status: 200}
		}
		return clienttest.JSON(200, `{"access_token":"a1","a":{"refresh_token":"`+canary+`ra"},"b":{"refresh_token":"`+canary+`rb"}}`)
	})
	b.writeRole("r")
	b.read("creds/r")
	b.write("revoke/r", nil)
	if want := []string{firstToken, canary + "ra", canary + "rb"}; !slices.Equal(revoked, want) {
		t.Errorf("revoked were %q, want %q", revoked, want)
	}
}
