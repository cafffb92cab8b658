package grant_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A refused refresh token is never sent again, whoever asks and whatever is edited, until somebody
// writes another.
func TestADeadGrantWaitsForANewRefreshToken(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.InvalidGrant)
		if text := b.NoCreds("r", 400); !strings.Contains(text, "authorize again") || strings.Contains(text, enginetest.Canary) {
			t.Errorf("the reader hears %q", text)
		}
		for _, edit := range []func(){
			func() {},
			func() { enginetest.Pause(365 * 24 * time.Hour) },
			func() { b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "other"}) },
			func() { b.Write("providers/test", enginetest.Fields{"docs": "https://docs.example.com"}) },
			func() { b.Write("config", enginetest.Fields{"request_timeout": "20s"}) },
		} {
			edit()
			b.NoCreds("r", 400)
			b.Refused(logical.UpdateOperation, "refresh/r", nil)
		}
		if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken}) {
			t.Errorf("%d requests", len(got))
		}
		if got := b.Data("status/r"); got["state"] != "dead" || got["reauthorization_required"] != true || saysLost(got) {
			t.Errorf("the status says %v", got)
		}
		if got := b.Data("status")["reauthorization_required"]; !slices.Equal(got.([]string), []string{"r"}) {
			t.Errorf("the status of the mount names %v", got)
		}
		enginetest.SecretIs(t, "the stored refresh token", b.Stored("r").RefreshToken, enginetest.FirstToken)

		b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"})
		if got := b.Data("status/r"); got["state"] != "new" || got["reauthorization_required"] != false || got["next_step"] != nil {
			t.Errorf("with a new refresh token the status says %v", got)
		}
		server.Enqueue(enginetest.TokenAnswer("b1", ""))
		if got := b.Data("creds/r"); got["access_token"] != "b1" || got["generation"] != int64(1) {
			t.Errorf("the new grant gives %v", got)
		}
	})
}

// The access token outlives its grant, and is served to its end.
func TestADeadGrantsTokenIsServedToItsEnd(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"next"), enginetest.InvalidGrant)
		b.Read("creds/r")
		enginetest.Pause(45 * time.Minute)
		for _, left := range []time.Duration{15 * time.Minute, time.Minute, 36 * time.Second} {
			enginetest.Pause(time.Until(b.Stored("r").ExpiresAt) - left)
			resp := b.Read("creds/r")
			if resp.Data["access_token"] != "a1" || resp.Secret.TTL != left-30*time.Second {
				t.Errorf("with %s left, %v with a lease of %s", left, resp.Data["access_token"], resp.Secret.TTL)
			}
			if len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "status/r") || strings.Contains(resp.Warnings[0], enginetest.Canary) {
				t.Errorf("the warnings are %q", resp.Warnings)
			}
		}
		enginetest.Pause(2 * time.Second)
		b.NoCreds("r", 400)
		if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken, enginetest.Canary + "next"}) {
			t.Errorf("%d requests", len(got))
		}
	})
}

// Who asks for more than is left is told of the grant instead of being given less.
func TestADeadGrantsTokenDoesNotServeALongerMinTTL(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", ""), enginetest.InvalidGrant)
		b.Read("creds/r")
		enginetest.Pause(45 * time.Minute)
		b.Write("creds/r", enginetest.Fields{"min_ttl": "10m"})
		b.Refused(logical.UpdateOperation, "creds/r", enginetest.Fields{"min_ttl": "20m"})
	})
}

// A wrong client secret says nothing of the grant, however often it is refused.
func TestARefusedClientCondemnsNothing(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(401, `{"error":"invalid_client"}`) })
		for range 10 {
			if text := b.NoCreds("r", 400); !strings.Contains(text, "client_secret") {
				t.Errorf("the reader hears %q", text)
			}
			enginetest.Pause(time.Hour)
		}
		if got := b.Data("status/r"); got["state"] != "failing" || got["reauthorization_required"] != false || got["outcome_unknown"] != false {
			t.Errorf("the status says %v", got)
		}
		server.Handle(func(*clienttest.Request) clienttest.Answer { return enginetest.TokenAnswer("a1", "") })
		b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "right"}) // and who mends it need not wait
		if got := b.Data("creds/r")["access_token"]; got != "a1" {
			t.Errorf("access token %v", got)
		}
		if got := enginetest.Sent(server); len(got) != 11 || slices.ContainsFunc(got, func(s string) bool { return s != enginetest.FirstToken }) {
			t.Errorf("presented were %q", got)
		}
	})
}

// A verdict that storage does not take is remembered by this process, and pronounced again by the provider
// to the next.
func TestARefusalThatCannotBeStored(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(func(*clienttest.Request) clienttest.Answer { return enginetest.InvalidGrant })
		b.FailSecondPut(1)
		for i, b := range []*enginetest.Mount{b, enginetest.NewOn(t, b.Storage)} {
			b.NoCreds("r", 400)
			b.NoCreds("r", 400)
			b.NoCreds("r", 400)
			if got := b.Data("status/r"); got["state"] != "dead" || len(server.Requests()) != i+1 {
				t.Errorf("after %d requests the status says %v", len(server.Requests()), got)
			}
		}
	})
}
