package schedule_test

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// hanging is storage of which one call is never answered: it ends with its caller's deadline, if that has one.
type hanging struct {
	logical.Storage
	get, list string // key or prefix of the call that hangs, once
	over      chan struct{}
}

func (h *hanging) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-h.over:
		return context.Canceled
	}
}

func (h *hanging) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if key == h.get {
		h.get = ""
		return nil, h.wait(ctx)
	}
	return h.Storage.Get(ctx, key)
}

func (h *hanging) List(ctx context.Context, prefix string) ([]string, error) {
	if prefix == h.list {
		h.list = ""
		return nil, h.wait(ctx)
	}
	return h.Storage.List(ctx, prefix)
}

// One storage call at the start that is never answered must not cost all background work for the life of the process.
func TestOneHangingCallAtTheStart(t *testing.T) {
	for name, h := range map[string]*hanging{"the sign of life": {get: grant.LifeKey}, "the list of roles": {list: role.Prefix}} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Handle(enginetest.Always(clienttest.JSON(200, `{"access_token":"a1","expires_in":36000}`)))
				h.Storage, h.over = b.Storage, make(chan struct{})
				defer close(h.over)
				b.Schedule.Start(b.Grants.Over(h))
				for range 12 { // Vault's periodic call
					enginetest.Pause(time.Minute)
				}
				enginetest.Pause(time.Hour)
				// A grant that nobody reads, and whose provider says that it must be kept alive.
				b.Write("providers/test", enginetest.Fields{"refresh_token_idle_ttl": "2h"})
				enginetest.Pause(3 * time.Hour)
				if n := len(server.Requests()); n == 0 {
					t.Errorf("the grant has died of disuse: nobody asked in four hours")
				}
			})
		})
	}
}
