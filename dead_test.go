package oauthrefresh

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

var invalidGrant = clienttest.JSON(400, `{"error":"invalid_grant","error_description":"`+canary+`text of the provider"}`)

// A refused refresh token is never sent again, whoever asks and whatever is edited, until somebody
// writes another.
func TestADeadGrantWaitsForANewRefreshToken(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(invalidGrant)
		if text := b.noCreds("r", 400); !strings.Contains(text, "authorize again") || strings.Contains(text, canary) {
			t.Errorf("the reader hears %q", text)
		}
		for _, edit := range []func(){
			func() {},
			func() { pause(365 * 24 * time.Hour) },
			func() { b.write("roles/r", fields{"client_secret": canary + "other"}) },
			func() { b.write("providers/test", fields{"docs": "https://docs.example.com"}) },
			func() { b.write("config", fields{"request_timeout": "20s"}) },
		} {
			edit()
			b.noCreds("r", 400)
			b.refused(logical.UpdateOperation, "refresh/r", nil)
		}
		if got := sent(server); !slices.Equal(got, []string{firstToken}) {
			t.Errorf("%d requests", len(got))
		}
		if got := b.data("status/r"); got["state"] != "dead" || got["reauthorization_required"] != true || saysLost(got) {
			t.Errorf("the status says %v", got)
		}
		if got := b.data("status")["reauthorization_required"]; !slices.Equal(got.([]string), []string{"r"}) {
			t.Errorf("the status of the mount names %v", got)
		}
		secretIs(t, "the stored refresh token", b.stored("r").RefreshToken, firstToken)

		b.write("roles/r", fields{"refresh_token": canary + "new"})
		if got := b.data("status/r"); got["state"] != "new" || got["reauthorization_required"] != false || got["next_step"] != nil {
			t.Errorf("with a new refresh token the status says %v", got)
		}
		server.Enqueue(tokenAnswer("b1", ""))
		if got := b.data("creds/r"); got["access_token"] != "b1" || got["generation"] != int64(1) {
			t.Errorf("the new grant gives %v", got)
		}
	})
}

// The access token outlives its grant, and is served to its end.
func TestADeadGrantsTokenIsServedToItsEnd(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", canary+"next"), invalidGrant)
		b.read("creds/r")
		pause(45 * time.Minute)
		for _, left := range []time.Duration{15 * time.Minute, time.Minute, 36 * time.Second} {
			pause(time.Until(b.stored("r").ExpiresAt) - left)
			resp := b.read("creds/r")
			if resp.Data["access_token"] != "a1" || resp.Secret.TTL != left-30*time.Second {
				t.Errorf("with %s left, %v with a lease of %s", left, resp.Data["access_token"], resp.Secret.TTL)
			}
			if len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "status/r") || strings.Contains(resp.Warnings[0], canary) {
				t.Errorf("the warnings are %q", resp.Warnings)
			}
		}
		pause(2 * time.Second)
		b.noCreds("r", 400)
		if got := sent(server); !slices.Equal(got, []string{firstToken, canary + "next"}) {
			t.Errorf("%d requests", len(got))
		}
	})
}

// Who asks for more than is left is told of the grant instead of being given less.
func TestADeadGrantsTokenDoesNotServeALongerMinTTL(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", ""), invalidGrant)
		b.read("creds/r")
		pause(45 * time.Minute)
		b.write("creds/r", fields{"min_ttl": "10m"})
		b.refused(logical.UpdateOperation, "creds/r", fields{"min_ttl": "20m"})
	})
}

// A wrong client secret says nothing of the grant, however often it is refused.
func TestARefusedClientCondemnsNothing(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(401, `{"error":"invalid_client"}`) })
		for range 10 {
			if text := b.noCreds("r", 400); !strings.Contains(text, "client_secret") {
				t.Errorf("the reader hears %q", text)
			}
			pause(time.Hour)
		}
		if got := b.data("status/r"); got["state"] != "failing" || got["reauthorization_required"] != false || got["outcome_unknown"] != false {
			t.Errorf("the status says %v", got)
		}
		server.Handle(func(*clienttest.Request) clienttest.Answer { return tokenAnswer("a1", "") })
		b.write("roles/r", fields{"client_secret": canary + "right"}) // and who mends it need not wait
		if got := b.data("creds/r")["access_token"]; got != "a1" {
			t.Errorf("access token %v", got)
		}
		if got := sent(server); len(got) != 11 || slices.ContainsFunc(got, func(s string) bool { return s != firstToken }) {
			t.Errorf("presented were %q", got)
		}
	})
}

// A verdict that storage does not take is remembered by this process, and pronounced again by the provider
// to the next.
func TestARefusalThatCannotBeStored(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(func(*clienttest.Request) clienttest.Answer { return invalidGrant })
		b.failSecondPut(1)
		for i, b := range []*testBackend{b, newTestBackendOn(t, b.storage)} {
			b.noCreds("r", 400)
			b.noCreds("r", 400)
			b.noCreds("r", 400)
			if got := b.data("status/r"); got["state"] != "dead" || len(server.Requests()) != i+1 {
				t.Errorf("after %d requests the status says %v", len(server.Requests()), got)
			}
		}
	})
}
