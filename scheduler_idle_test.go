package oauthrefresh

import (
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A definition that was deleted and written again: the grants of its roles are kept alive as before.
func TestIdleGrantsOutliveTheirProvidersDefinition(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		grant := newGrant(server)
		b.write("roles/r", fields{"keepalive_period": "24h"})
		b.startBackground()
		b.read("creds/r")
		pause(time.Minute)
		def := fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"}
		b.delete("providers/test")
		pause(25 * time.Hour) // tend finds no provider
		b.write("providers/test", def)
		for range 10 * 24 * 60 {
			pause(time.Minute)
		}
		if grant.Refreshes() < 2 {
			t.Errorf("%d refreshes in ten days at a keepalive of one day, queued: %v", grant.Refreshes(), b.schedule.Queue.Has("r"))
		}
	})
}

// A provider whose refresh tokens turn out to age: its idle grants are kept alive from then on.
func TestIdleGrantsFollowTheirProvidersDefinition(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		grant := newGrant(server)
		b.startBackground()
		b.read("creds/r")
		b.write("providers/test", fields{"refresh_token_idle_ttl": "48h"})
		pause(10 * 24 * time.Hour)
		if grant.Refreshes() < 2 {
			t.Errorf("%d refreshes in ten days at an idle TTL of two days, queued: %v", grant.Refreshes(), b.schedule.Queue.Has("r"))
		}
	})
}

// One failed read at unseal: nobody reads this role, so nothing else would find it again.
func TestAnErrorAtTheStartForgetsNoGrant(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		grant := newGrant(server)
		b.write("roles/r", fields{"keepalive_period": "24h"})
		b.read("creds/r")
		after := newTestBackendOn(t, b.storage)
		var failed atomic.Bool
		b.storage.onGet(func(key string) error {
			if key == "token/r" && failed.CompareAndSwap(false, true) {
				return errDisk
			}
			return nil
		})
		after.startBackground()
		pause(10 * 24 * time.Hour)
		if grant.Refreshes() < 2 {
			t.Errorf("%d refreshes in ten days at a keepalive of one day, queued: %v", grant.Refreshes(), after.schedule.Queue.Has("r"))
		}
	})
}
