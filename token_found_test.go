package oauthrefresh

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
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

// One that was found elsewhere and is refused was none, perhaps: then the one before is tried.
func TestTheRefreshTokenOfBeforeIsTriedWhenTheFoundOneIsRefused(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(
			clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"meta":{"refresh_token":"`+canary+`none"}}`),
			invalidGrant, tokenAnswer("a2", canary+"r2"))
		b.read("creds/r")
		pause(41 * time.Minute)
		if got := b.data("creds/r")["access_token"]; got != "a1" {
			t.Errorf("access token %v", got)
		}
		if got := b.data("status/r")["state"]; got == "dead" {
			t.Error("the grant counts as dead with another refresh token in hand")
		}
		pause(20 * time.Minute)
		if got := b.data("creds/r")["access_token"]; got != "a2" {
			t.Errorf("access token %v", got)
		}
		if got := sent(server); got[1] != canary+"none" || got[2] != firstToken {
			t.Errorf("presented were %q", got)
		}
	})
}

// Storage refuses the only copy: it is held like any answer.
func TestCandidatesAreHeldWhenStorageRefuses(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"a":{"refresh_token":"`+canary+`ra"},"b":{"refresh_token":"`+canary+`rb"}}`))
		b.storage.failPuts(tokenPrefix+"r", errDisk, func(n int) bool { return n > 1 && n < 5 })
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
	if want := []string{canary + "ra", canary + "rb", firstToken}; !slices.Equal(revoked, want) {
		t.Errorf("revoked were %q, want %q", revoked, want)
	}
}
