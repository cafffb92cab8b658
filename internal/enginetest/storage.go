package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// StorageHook decides what becomes of one storage operation: nil lets it be. It may block, and is
// called from as many goroutines as use the storage.
type StorageHook func(key string) error

// Storage is storage that fails when told to, before an operation is applied or after it.
// Like Vault's own it refuses a context that has ended and a key with two dots in a row. The zero
// value is ready.
type Storage struct {
	logical.InmemStorage // goes past the hooks

	mu    sync.Mutex
	hooks map[string]StorageHook
}

// OnGet sets the hook of reads. The setters replace the hook that was there; nil removes it.
func (s *Storage) OnGet(h StorageHook) { s.set("get", h) }

// OnPut sets the hook of Puts, called before one is applied.
func (s *Storage) OnPut(h StorageHook) { s.set("put", h) }

// AfterPut sets the hook of Puts that are applied: its error is reported all the same.
func (s *Storage) AfterPut(h StorageHook) { s.set("after put", h) }

// OnDelete sets the hook of deletes.
func (s *Storage) OnDelete(h StorageHook) { s.set("delete", h) }

func (s *Storage) set(operation string, h StorageHook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hooks == nil {
		s.hooks = map[string]StorageHook{}
	}
	s.hooks[operation] = h
}

// run calls the hook without the lock, since it may block.
func (s *Storage) run(ctx context.Context, operation, key string) error {
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

// Get implements logical.Storage.
func (s *Storage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if err := s.run(ctx, "get", key); err != nil {
		return nil, err
	}
	return s.InmemStorage.Get(ctx, key)
}

// Put implements logical.Storage.
func (s *Storage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if err := s.run(ctx, "put", entry.Key); err != nil {
		return err
	}
	if err := s.InmemStorage.Put(ctx, entry); err != nil {
		return err
	}
	return s.run(context.WithoutCancel(ctx), "after put", entry.Key)
}

// Delete implements logical.Storage.
func (s *Storage) Delete(ctx context.Context, key string) error {
	if err := s.run(ctx, "delete", key); err != nil {
		return err
	}
	return s.InmemStorage.Delete(ctx, key)
}

// Contents is everything that is stored, past the hooks: two of them compare byte for byte.
func (s *Storage) Contents(t testing.TB) map[string]string {
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

var ErrDisk = errors.New("the disk is full")

// FailSecondPut makes the Put after the answer fail so many times; the first is that of the intent.
func (b *Mount) FailSecondPut(times int) {
	b.Storage.FailPuts("token/r", ErrDisk, func(n int) bool { return n > 1 && n <= 1+times })
}

// Copy is storage with the same entries and no hooks: what a process leaves that dies at this moment.
func (s *Storage) Copy(t testing.TB) *Storage {
	t.Helper()
	c := new(Storage)
	for key, value := range s.Contents(t) {
		if err := c.InmemStorage.Put(context.Background(), &logical.StorageEntry{Key: key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// Edit changes an entry past the hooks, as another version of the engine would have written it.
func (s *Storage) Edit(t testing.TB, key string, change func(entry map[string]any)) {
	t.Helper()
	fields := map[string]any{}
	if err := json.Unmarshal([]byte(s.Contents(t)[key]), &fields); err != nil {
		t.Fatal(err)
	}
	change(fields)
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.InmemStorage.Put(context.Background(), &logical.StorageEntry{Key: key, Value: text}); err != nil {
		t.Fatal(err)
	}
}
