package oauthrefresh

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// queued waits until a role is in the queue.
func (b *testBackend) queued(name string) {
	b.t.Helper()
	for end := time.Now().Add(10 * time.Second); !b.schedule.Queue.Has(grant.Key(name)); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s is never planned", name)
		}
	}
}

// A role or its provider is edited while an exchange is under way, which ends with a plan by what it began with.
func TestAnExchangeDoesNotUndoThePlanOfAnEdit(t *testing.T) {
	for name, edit := range map[string]struct {
		path string
		f    fields
	}{
		"role":     {"roles/r", fields{"keepalive_period": "1h"}},
		"provider": {"providers/test", fields{"refresh_token_idle_ttl": "10d"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b)
			slow, open := gated(tokenAnswer("a1", canary+"r1"))
			server.Enqueue(tokenAnswer("a0", canary+"r0"), slow)
			b.writeRole("r")
			b.write("refresh/r", nil)
			refresh := b.start(t.Context(), writeOp, "refresh/r", nil)
			server.WaitFor(2)
			b.write(edit.path, edit.f)
			b.queued("r")
			open()
			await(t, refresh)
			b.settle("r")
			if !b.schedule.Queue.Has("r") {
				t.Error("the grant is not kept alive, though the definition says so")
			}
		})
	}
}

// The edit finds nothing to plan, since the grant is dead; the exchange revives it and knows nothing of the edit.
func TestAnExchangePlansByTheDefinitionThatItEndsWith(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	slow, open := gated(tokenAnswer("a1", canary+"r1"))
	server.Enqueue(invalidGrant, slow)
	b.writeRole("r")
	b.noCreds("r", 400)
	b.write("roles/r", fields{"client_id": "the-right-client"})
	refresh := b.start(t.Context(), writeOp, "refresh/r", nil) // not a reader, who would plan it too
	server.WaitFor(2)
	b.write("roles/r", fields{"keepalive_period": "1h"})
	if b.schedule.Queue.Has("r") {
		t.Fatal("a dead grant is planned")
	}
	open()
	await(t, refresh)
	b.settle("r")
	b.queued("r")
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
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.startBackground()
		pause(time.Second)
		b.delete("roles/r")
		if b.schedule.Has("r") {
			t.Fatal("a role that was deleted is in the queue")
		}
		b.schedule.Storage = &aside{Storage: b.schedule.Storage, key: "role/r", f: func() { b.writeRole("r") }}
		b.schedule.Queue.Set("r", time.Now()) // as an exchange does that ends after the delete
		pause(time.Second)
		if !b.schedule.Queue.Has("r") {
			t.Error("the role that was written again is not in the queue")
		}
	}, fields{"refresh_token_idle_ttl": "10d"})
}

// Storage can't be read for a moment, just after a role was written.
func TestARoleThatCouldNotBeLookedAtIsPlannedALittleLater(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.startBackground()
		b.delete("roles/r")
		var written atomic.Bool
		b.storage.afterPut(func(key string) error {
			written.Store(key == "role/s")
			return nil
		})
		b.storage.onGet(func(key string) error {
			if written.Load() && strings.HasSuffix(key, "/s") {
				return errDisk
			}
			return nil
		})
		b.writeRole("s")
		b.storage.onGet(nil)
		pause(2 * schedule.TendDelay)
		if at := b.due("s"); at.Before(time.Now().Add(24 * time.Hour)) {
			t.Errorf("due %s, want the keepalive of some days", at)
		}
	}, fields{"refresh_token_idle_ttl": "10d"})
}

// due is when a role is due; the zero time when it is not in the queue.
func (b *testBackend) due(name string) time.Time {
	q := b.schedule.Queue
	q.Mu.Lock()
	defer q.Mu.Unlock()
	if i := q.Items[grant.Key(name)]; i != nil {
		return i.Due
	}
	return time.Time{}
}
