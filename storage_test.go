package oauthrefresh

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// A storageHook decides what becomes of one storage operation: nil lets it be. It may block, and is
// called from as many goroutines as use the storage.
type storageHook func(key string) error

// faultyStorage is storage that fails when told to, before an operation is applied or after it.
// Like Vault's own it refuses a context that has ended and a key with two dots in a row. The zero
// value is ready.
type faultyStorage struct {
	logical.InmemStorage // goes past the hooks

	mu    sync.Mutex
	hooks map[string]storageHook
}

// The setters replace the hook that was there; nil removes it. The after hook sees Puts that are
// applied, and turns them into ones that report an error all the same.
func (s *faultyStorage) onGet(h storageHook) { s.set("get", h) }

func (s *faultyStorage) onPut(h storageHook) { s.set("put", h) }

func (s *faultyStorage) afterPut(h storageHook) { s.set("after put", h) }

func (s *faultyStorage) onDelete(h storageHook) { s.set("delete", h) }

func (s *faultyStorage) set(operation string, h storageHook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hooks == nil {
		s.hooks = map[string]storageHook{}
	}
	s.hooks[operation] = h
}

// run calls the hook without the lock, since it may block.
func (s *faultyStorage) run(ctx context.Context, operation, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if strings.Contains(key, "..") {
		return logical.ErrRelativePath
	}
	s.mu.Lock()
	h := s.hooks[operation]
	s.mu.Unlock()
	if h == nil {
		return nil
	}
	return h(key)
}

func (s *faultyStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if err := s.run(ctx, "get", key); err != nil {
		return nil, err
	}
	return s.InmemStorage.Get(ctx, key)
}

func (s *faultyStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if err := s.run(ctx, "put", entry.Key); err != nil {
		return err
	}
	if err := s.InmemStorage.Put(ctx, entry); err != nil {
		return err
	}
	return s.run(context.WithoutCancel(ctx), "after put", entry.Key)
}

func (s *faultyStorage) Delete(ctx context.Context, key string) error {
	if err := s.run(ctx, "delete", key); err != nil {
		return err
	}
	return s.InmemStorage.Delete(ctx, key)
}

// contents is everything that is stored, past the hooks: two of them compare byte for byte.
func (s *faultyStorage) contents(t testing.TB) map[string]string {
	t.Helper()
	keys, err := logical.CollectKeys(context.Background(), &s.InmemStorage)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, key := range keys {
		entry, err := s.InmemStorage.Get(context.Background(), key)
		if err != nil {
			t.Fatal(err)
		}
		contents[key] = string(entry.Value)
	}
	return contents
}
