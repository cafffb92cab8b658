package schedule_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// A role or its provider is edited while an exchange is under way, which ends with a plan by what it began with.
func TestAnExchangeDoesNotUndoThePlanOfAnEdit(t *testing.T) {
	for name, edit := range map[string]struct {
		path string
		f    enginetest.Fields
	}{
		"role":     {"roles/r", enginetest.Fields{"keepalive_period": "1h"}},
		"provider": {"providers/test", enginetest.Fields{"refresh_token_idle_ttl": "10d"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			slow, open := enginetest.Gated(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
			server.Enqueue(enginetest.TokenAnswer("a0", enginetest.Canary+"r0"), slow)
			b.WriteRole("r")
			b.Write("refresh/r", nil)
			refresh := b.Start(t.Context(), enginetest.WriteOp, "refresh/r", nil)
			server.WaitFor(2)
			b.Write(edit.path, edit.f)
			b.Queued("r")
			open()
			enginetest.Await(t, refresh)
			b.Settle("r")
			if !b.Schedule.Index.Has("r") {
				t.Error("the grant is not kept alive, though the definition says so")
			}
		})
	}
}

// The edit finds nothing to plan, since the grant is dead; the exchange revives it and knows nothing of the edit.
func TestAnExchangePlansByTheDefinitionThatItEndsWith(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	slow, open := enginetest.Gated(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
	server.Enqueue(enginetest.InvalidGrant, slow)
	b.WriteRole("r")
	b.Rested()
	b.NoCreds("r", 400)
	b.Write("roles/r", enginetest.Fields{"client_id": "the-right-client"})
	refresh := b.Start(t.Context(), enginetest.WriteOp, "refresh/r", nil) // not a reader, who would plan it too
	server.WaitFor(2)
	b.Write("roles/r", enginetest.Fields{"keepalive_period": "1h"})
	if b.Schedule.Index.Has("r") {
		t.Fatal("a dead grant is planned")
	}
	open()
	enginetest.Await(t, refresh)
	b.Settle("r")
	b.Queued("r")
}

// aside does something once, after a key was read and before its reader goes on.
type aside struct {
	logical.Storage
	key  string
	once sync.Once
	f    func()
}

func (s *aside) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	e, err := s.Storage.Get(ctx, key)
	if key == s.key {
		s.once.Do(s.f)
	}
	return e, err
}

// Background work finds that a role is gone, which is written again just then: the new grant is kept alive.
func TestARoleThatIsWrittenWhileItIsFoundGoneIsKeptAlive(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.StartBackground()
		enginetest.Pause(time.Second)
		b.Delete("roles/r")
		if b.Schedule.Has("r") {
			t.Fatal("a role that was deleted is in the queue")
		}
		b.Schedule.Storage = &aside{Storage: b.Schedule.Storage, key: "role/r", f: func() { b.WriteRole("r") }}
		b.Schedule.Index.Set("r", time.Now()) // as an exchange does that ends after the delete
		enginetest.Pause(time.Second)
		if !b.Schedule.Index.Has("r") {
			t.Error("the role that was written again is not in the queue")
		}
	}, enginetest.Fields{"refresh_token_idle_ttl": "10d"})
}

// Storage can't be read for a moment, just after a role was written.
func TestARoleThatCouldNotBeLookedAtIsPlannedALittleLater(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.StartBackground()
		b.Delete("roles/r")
		var written atomic.Bool
		b.Storage.AfterPut(func(key string) error {
			written.Store(key == "role/s")
			return nil
		})
		b.Storage.OnGet(func(key string) error {
			if written.Load() && strings.HasSuffix(key, "/s") {
				return enginetest.ErrDisk
			}
			return nil
		})
		b.WriteRole("s")
		b.Storage.OnGet(nil)
		enginetest.Pause(2 * schedule.TendDelay)
		if at := b.Due("s"); at.Before(time.Now().Add(24 * time.Hour)) {
			t.Errorf("due %s, want the keepalive of some days", at)
		}
	}, enginetest.Fields{"refresh_token_idle_ttl": "10d"})
}
