// Package mount is what Vault's framework leaves to every secrets engine, and knows nothing of OAuth: entries in
// storage, the fields of a write and their checks, refusals, locks by name, tasks that a mount's end waits for, what
// this node may do, and how paths are shown.
package mount

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// Load reads a storage entry into an empty or preset value and tells whether there is one. Numbers
// in values of any type stay as they were written: an id beyond 2^53 would lose digits as a float.
func Load(ctx context.Context, s logical.Storage, key string, into any) (bool, error) {
	entry, err := s.Get(ctx, key)
	if err != nil || entry == nil {
		return false, StorageError(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(entry.Value))
	decoder.UseNumber()
	if decoder.Decode(into) != nil {
		// Not the decoder's text: it may quote what it could not read.
		return false, DamagedError(key)
	}
	return true, nil
}

// DamagedError is what Load returns for an entry that is no JSON of its kind: its key.
type DamagedError string

// Error implements error: a sentence that names the key and nothing of the entry.
func (e DamagedError) Error() string {
	return "the storage entry " + string(e) + " is damaged or from a newer version of the plugin"
}

// StorageTimeout bounds one storage operation that has no caller to give up, as those of a refresh.
const StorageTimeout = 15 * time.Second

// List returns the keys under a prefix. It has no caller to give up, so it has a bound of its own.
func List(s logical.Storage, prefix string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), StorageTimeout)
	defer cancel()
	names, err := s.List(ctx, prefix)
	return names, StorageError(err)
}

// Save writes a storage entry, the value as JSON.
func Save(ctx context.Context, s logical.Storage, key string, value any) error {
	entry, err := logical.StorageEntryJSON(key, value)
	if err != nil {
		return err
	}
	return StorageError(s.Put(ctx, entry))
}

// StorageError gives back its identity to the one storage error that Vault acts on: over the
// plugin's gRPC connection only the text of an error arrives, and what is read-only here must be
// handed on as that, not as a provider's or a reader's fault.
func StorageError(err error) error {
	if err != nil && strings.Contains(err.Error(), logical.ErrReadOnly.Error()) {
		return logical.ErrReadOnly
	}
	return err
}
