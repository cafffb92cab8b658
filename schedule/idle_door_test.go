package schedule_test

import (
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A definition that was deleted and written again: the grants of its roles are kept alive as before.
func TestIdleGrantsOutliveTheirProvidersDefinition(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		grant := enginetest.NewGrant(server)
		b.Write("roles/r", enginetest.Fields{"keepalive_period": "24h"})
		b.StartBackground()
		b.Read("creds/r")
		enginetest.Pause(time.Minute)
		def := enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"}
		b.Delete("providers/test")
		enginetest.Pause(25 * time.Hour) // tend finds no provider
		b.Write("providers/test", def)
		for range 10 * 24 * 60 {
			enginetest.Pause(time.Minute)
		}
		if grant.Refreshes() < 2 {
			t.Errorf("%d refreshes in ten days at a keepalive of one day, queued: %v", grant.Refreshes(), b.Schedule.Index.Has("r"))
		}
	})
}

// A provider whose refresh tokens turn out to age: its idle grants are kept alive from then on.
func TestIdleGrantsFollowTheirProvidersDefinition(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		grant := enginetest.NewGrant(server)
		b.StartBackground()
		b.Read("creds/r")
		b.Write("providers/test", enginetest.Fields{"refresh_token_idle_ttl": "48h"})
		enginetest.Pause(10 * 24 * time.Hour)
		if grant.Refreshes() < 2 {
			t.Errorf("%d refreshes in ten days at an idle TTL of two days, queued: %v", grant.Refreshes(), b.Schedule.Index.Has("r"))
		}
	})
}

// One failed read at unseal: nobody reads this role, so nothing else would find it again.
func TestAnErrorAtTheStartForgetsNoGrant(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		grant := enginetest.NewGrant(server)
		b.Write("roles/r", enginetest.Fields{"keepalive_period": "24h"})
		b.Read("creds/r")
		after := enginetest.NewOn(t, b.Storage)
		var failed atomic.Bool
		b.Storage.OnGet(func(key string) error {
			if key == "token/r" && failed.CompareAndSwap(false, true) {
				return enginetest.ErrDisk
			}
			return nil
		})
		after.StartBackground()
		enginetest.Pause(10 * 24 * time.Hour)
		if grant.Refreshes() < 2 {
			t.Errorf("%d refreshes in ten days at a keepalive of one day, queued: %v", grant.Refreshes(), after.Schedule.Index.Has("r"))
		}
	})
}
