package chaos

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"
)

// storage is what Vault keeps while plugin processes come and go.
type storage struct {
	logical.InmemStorage
	trap func(role string) *trap
}

// holds tells whether one of the refresh tokens is stored for a role, wherever that may be.
func (s *storage) holds(role string, refreshTokens []string) (bool, error) {
	for _, key := range []string{"token/" + role, "role/" + role} {
		entry, err := s.Get(context.Background(), key)
		if err != nil {
			return false, err
		}
		for _, token := range refreshTokens {
			if entry != nil && strings.Contains(string(entry.Value), `"`+token+`"`) {
				return true, nil
			}
		}
	}
	return false, nil
}

// errCut is what a process hears that no longer exists.
var errCut = errors.New("the connection is cut")

// view is the storage as one process sees it, until the process ends.
type view struct {
	*storage
	mu   sync.RWMutex
	gone bool
}

func (v *view) cut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gone = true
}

// alive runs an operation unless its process has ended: Vault doesn't apply what a dead one has
// asked for.
func (v *view) alive(operation func() error) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.gone {
		return errCut
	}
	return operation()
}

func (v *view) Put(ctx context.Context, entry *logical.StorageEntry) error {
	role, ok := strings.CutPrefix(entry.Key, "token/")
	if !ok {
		return v.alive(func() error { return v.storage.Put(ctx, entry) })
	}
	t := v.trap(role)
	before, after := t.put()
	t.hold(before)
	if err := v.alive(func() error { return v.storage.Put(ctx, entry) }); err != nil {
		return err
	}
	t.hold(after)
	if after == stateStored {
		t.pass(stored)
	}
	return nil
}

func (v *view) Get(ctx context.Context, key string) (entry *logical.StorageEntry, err error) {
	if role, ok := strings.CutPrefix(key, "role/"); ok {
		if t := v.trap(role); t.passed(stored) {
			t.hold(readerWaits)
		}
	}
	err = v.alive(func() error {
		entry, err = v.storage.Get(ctx, key)
		return err
	})
	return entry, err
}
