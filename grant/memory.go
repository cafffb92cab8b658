package grant

import (
	"context"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// memory spares a warm read its looks into storage, each a call to another process. It is sound where
// this process alone writes what it remembers, so three things must hold:
//
//   - Nobody else writes. Of a mount's storage, only the active node's plugin process may (writes), and
//     Vault runs one process for each mount. It ends that process when it steps down, seals, reloads the
//     plugin or restores a snapshot, and a new one remembers nothing.
//   - What this process writes is forgotten after each write, whatever comes of it: view.
//   - A look into storage that a write has overtaken is not remembered: begin and keep.
//
// It is for reads of good tokens only. Whoever refreshes reads storage: once, where nothing has written
// since the caller has (holds).
type memory struct {
	Mu    sync.Mutex
	roles *simplelru.LRU[Key, remembered]
	kinds *simplelru.LRU[string, bool] // of roles: whether one keeps a grant for each owner
	Looks map[Key]*looks               // into storage, of each role, as long as no write has overtaken them
	edits int64                        // writes to roles, providers and the configuration so far
}

// remembered is all that a read of a token in use needs.
type remembered struct {
	terms Terms
	State *State
}

// maxRemembered bounds the memory: with a JWT of 1 KiB and what comes with it, 50 MB. Roles beyond it
// are read from storage.
const maxRemembered = 1 << 14

// maxKinds bounds what is remembered of roles that nobody need read for: a name and a bit.
const maxKinds = 1 << 16

// looks are those under way with no write between them. Readers come at the same time, so one that comes later must
// not undo what another has seen.
type looks struct{ open int }

// look is one look into storage.
type look struct {
	among *looks
	edits int64 // memory.edits when it began
}

func newMemory() *memory {
	roles, err := simplelru.NewLRU[Key, remembered](maxRemembered, nil)
	kinds, kindsErr := simplelru.NewLRU[string, bool](maxKinds, nil)
	if err != nil || kindsErr != nil {
		panic("an LRU has no size")
	}
	return &memory{roles: roles, kinds: kinds, Looks: map[Key]*looks{}}
}

// recall returns what is remembered of a role.
func (m *memory) recall(key Key) (remembered, bool) {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	return m.roles.Get(key)
}

// begin announces a look into storage. Each must be ended.
func (m *memory) begin(key Key) *look {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	if m.Looks[key] == nil {
		m.Looks[key] = new(looks)
	}
	m.Looks[key].open++
	return &look{among: m.Looks[key], edits: m.edits}
}

// holds tells whether nothing was written since a look began that it may have missed.
func (m *memory) holds(key Key, l *look) bool {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	return m.Looks[key] == l.among
}

// whileHolds calls f if nothing was written since a look began that it may have missed, and forgets no write before f has
// returned. It tells whether it did.
func (m *memory) whileHolds(key Key, l *look, f func()) bool {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	if m.Looks[key] != l.among {
		return false
	}
	f()
	return true
}

// edited tells whether a role, a provider or the configuration was written since a look began.
func (m *memory) edited(l *look) bool {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	return m.edits != l.edits
}

// end ends a look.
func (m *memory) end(key Key, l *look) {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	if l.among.open--; l.among.open == 0 && m.Looks[key] == l.among {
		delete(m.Looks, key)
	}
}

// keep remembers what a look has seen, unless something was written since it began.
func (m *memory) keep(key Key, l *look, r remembered) {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	if m.Looks[key] == l.among {
		m.roles.Add(key, r)
	}
}

// forget drops all that an entry's key has to do with.
func (m *memory) forget(entry string) {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	kind, name, _ := strings.Cut(entry, "/")
	if kind += "/"; kind == role.Prefix || kind == provider.Prefix || entry == provider.ConfigKey {
		m.edits++
	}
	switch kind {
	case role.Prefix:
		m.forgetRole(name)
	case Prefix:
		m.roles.Remove(Key(name))
		delete(m.Looks, Key(name))
	case provider.Prefix:
		m.purge()
	}
	if entry == provider.ConfigKey { // no token depends on it, but what hinders a refresh does
		clear(m.Looks)
	}
}

// forgetRole drops what is remembered of a role, and of all its owners' grants.
func (m *memory) forgetRole(name string) {
	for _, key := range m.roles.Keys() {
		if key.Role() == name {
			m.roles.Remove(key)
		}
	}
	for key := range m.Looks {
		if key.Role() == name {
			delete(m.Looks, key)
		}
	}
	m.kinds.Remove(name)
}

// kind tells whether a role keeps a grant for each owner, as far as that is remembered.
func (m *memory) kind(name string) (perOwner, known bool) {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	return m.kinds.Get(name)
}

// keepKind remembers what a look has seen, unless something was written since it began.
func (m *memory) keepKind(key Key, l *look, perOwner bool) {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	if m.Looks[key] == l.among {
		m.kinds.Add(key.Role(), perOwner)
	}
}

// Forget drops what is remembered of the entry with this storage key, which somebody else has written.
func (k *Keeper) Forget(entry string) {
	k.Memory.forget(entry)
	if defines(entry) {
		k.definitions.forget(entry)
	}
}

// clear forgets everything.
func (m *memory) clear() {
	m.Mu.Lock()
	defer m.Mu.Unlock()
	m.purge()
}

func (m *memory) purge() {
	m.roles.Purge()
	m.kinds.Purge()
	clear(m.Looks)
}

// remember keeps a good token for the next reader, without what readers don't get.
func (k *Keeper) remember(g *Grant, t Terms) {
	if !mount.Writes(k.System()) || k.Held.Get(g.Key) != nil {
		return
	}
	lean := new(*g.State)
	lean.RefreshToken, lean.Former, lean.Candidates, lean.Intent, lean.Fault, lean.Refreshes = client.Secret{}, client.Secret{}, nil, nil, nil, nil
	k.Memory.keep(g.Key, g.look, remembered{t, lean})
}

// view is the storage of a request. Every write of the mount goes through one.
type view struct {
	logical.Storage
	k *Keeper
}

// Over is the view of a request's storage; nil stays nil.
func (k *Keeper) Over(s logical.Storage) logical.Storage {
	if _, ok := s.(*view); ok || s == nil {
		return s
	}
	return &view{s, k}
}

// Get implements logical.Storage. What many grants share is remembered where this process alone writes it.
func (v *view) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if !defines(key) {
		return v.Storage.Get(ctx, key)
	}
	if !mount.Writes(v.k.System()) {
		v.k.definitions.forget("")
		return v.Storage.Get(ctx, key)
	}
	entry, ok, writes := v.k.definitions.recall(key)
	if ok {
		return entry, nil
	}
	entry, err := v.Storage.Get(ctx, key)
	if err == nil {
		v.k.definitions.keep(key, entry, writes)
	}
	return entry, err
}

// Put implements logical.Storage.
func (v *view) Put(ctx context.Context, entry *logical.StorageEntry) error {
	defer v.wrote(entry.Key)
	return v.Storage.Put(ctx, entry)
}

// Delete implements logical.Storage.
func (v *view) Delete(ctx context.Context, key string) error {
	defer v.wrote(key)
	return v.Storage.Delete(ctx, key)
}

// wrote has what is remembered of an entry forgotten, whatever came of the write.
func (v *view) wrote(key string) {
	v.k.Forget(key)
	v.k.Written(key)
}
