package grant

import (
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// definitions spare each look at a grant the reads of what it shares with many others: its provider, what its roles are held
// to of that, and the configuration. They are sound where memory is, and for the same reasons.
type definitions struct {
	mu      sync.Mutex
	entries *simplelru.LRU[string, *logical.StorageEntry] // nil for one that is not there
	writes  int64                                         // so far
}

// maxDefinitions bounds them: a definition is some hundred bytes.
const maxDefinitions = 1 << 10

func newDefinitions() *definitions {
	entries, err := simplelru.NewLRU[string, *logical.StorageEntry](maxDefinitions, nil)
	if err != nil {
		panic("an LRU has no size")
	}
	return &definitions{entries: entries}
}

// defines tells whether an entry is one of these.
func defines(key string) bool {
	return key == provider.ConfigKey || strings.HasPrefix(key, provider.Prefix) || strings.HasPrefix(key, role.PinsPrefix)
}

// recall returns what is remembered of an entry, and the count of writes for keep.
func (d *definitions) recall(key string) (entry *logical.StorageEntry, ok bool, writes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	entry, ok = d.entries.Get(key)
	return entry, ok, d.writes
}

// keep remembers an entry that was read, unless one was written since.
func (d *definitions) keep(key string, entry *logical.StorageEntry, writes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writes == writes {
		d.entries.Add(key, entry)
	}
}

// forget drops an entry, "" for all.
func (d *definitions) forget(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writes++; key == "" {
		d.entries.Purge()
		return
	}
	d.entries.Remove(key)
}
