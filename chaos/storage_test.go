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
	grants map[string]*grant // by key; see configure
	// watch makes every operation, where a test wants to; nil for none.
	watch func(key string, writes bool, apply func() error) error
}

// holds tells whether one of the texts is stored of a grant.
func (s *storage) holds(of string, texts ...string) bool {
	for _, key := range []string{"token/" + of, "role/" + of} {
		entry, err := s.Get(context.Background(), key)
		if err != nil {
			panic(err) // not in memory
		}
		for _, text := range texts {
			if entry != nil && strings.Contains(string(entry.Value), `"`+text+`"`) {
				return true
			}
		}
	}
	return false
}

// grant returns the grant that an entry is about if it has the prefix, else nil.
func (s *storage) grant(key, prefix string) *grant {
	if of, ok := strings.CutPrefix(key, prefix); ok {
		return s.grants[of]
	}
	return nil
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

// watched makes an operation, before the eyes of a test that wants to see it.
func (v *view) watched(key string, writes bool, operation func() error) error {
	apply := func() error { return v.alive(operation) }
	if v.watch == nil {
		return apply()
	}
	return v.watch(key, writes, apply)
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

// Put is where a refresh stores its intent and its new state.
func (v *view) Put(ctx context.Context, entry *logical.StorageEntry) error {
	apply := func() error { return v.storage.Put(ctx, entry) }
	if g := v.grant(entry.Key, "role/"); g != nil {
		return v.putRole(g, apply)
	}
	g := v.grant(entry.Key, "token/")
	if g == nil {
		return v.watched(entry.Key, true, apply)
	}
	t, o := g.armed(), g.outage()
	before, after := t.put()
	if after == intentStored {
		g.begin()
	}
	t.hold(before)
	if err := o.before(after); err != nil {
		return err
	}
	if t.refuses(after) {
		return errStorage
	}
	if err := v.alive(apply); err != nil {
		return err
	}
	t.hold(after)
	if after == stateStored {
		t.pass(stored)
	}
	return o.after(after)
}

// putRole is where the plugin makes the next secret the role's.
func (v *view) putRole(g *grant, apply func() error) error {
	t := g.armed()
	t.hold(beforePromotion)
	if err := v.alive(apply); err != nil {
		return err
	}
	t.hold(promoted)
	return nil
}

// Get implements logical.Storage.
func (v *view) Get(ctx context.Context, key string) (entry *logical.StorageEntry, err error) {
	err = v.watched(key, false, func() error {
		entry, err = v.storage.Get(ctx, key)
		return err
	})
	return entry, err
}

// List implements logical.Storage.
func (v *view) List(ctx context.Context, prefix string) (keys []string, err error) {
	err = v.watched(prefix, false, func() error {
		keys, err = v.storage.List(ctx, prefix)
		return err
	})
	return keys, err
}

// Delete implements logical.Storage.
func (v *view) Delete(ctx context.Context, key string) error {
	return v.watched(key, true, func() error { return v.storage.Delete(ctx, key) })
}
