package enginetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
)

// StartBackground initializes the mount, as Vault does at unseal.
func (b *Mount) StartBackground() {
	b.T.Helper()
	if err := b.Initialize(b.T.Context(), &logical.InitializationRequest{Storage: b.Storage}); err != nil {
		b.T.Fatal(err)
	}
}

// Age changes the stored state of a role.
func (b *Mount) Age(name string, change func(*grant.State)) {
	b.T.Helper()
	tok := b.Stored(name)
	change(tok)
	if err := grant.PutState(context.Background(), b.Grants.Over(&b.Storage.InmemStorage), grant.Key(name), tok); err != nil {
		b.T.Fatal(err)
	}
}

// Queued waits until a role is in the queue.
func (b *Mount) Queued(name string) {
	b.T.Helper()
	for end := time.Now().Add(10 * time.Second); !b.Schedule.Index.Has(grant.Key(name)); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.T.Fatalf("%s is never planned", name)
		}
	}
}

// Rested waits until nothing is done in the background: the look that a write of a provider or of the configuration brings
// about plans what it finds, and may find an exchange in its midst.
func (b *Mount) Rested() {
	b.T.Helper()
	w := &b.Grants.Work
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		w.Mu.Lock()
		n := w.Running
		w.Mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			b.T.Fatalf("%d tasks go on", n)
		}
	}
}

// Due is when a role is due; the zero time when it is not in the queue.
func (b *Mount) Due(name string) time.Time {
	return b.Schedule.Index.Due(grant.Key(name))
}

// Overdue writes a role whose grant should have been kept alive an hour ago.
func (b *Mount) Overdue(name, provider string) {
	b.T.Helper()
	b.Write("roles/"+name, RoleOf(provider, Fields{"keepalive_period": "10s"}))
	r, err := role.Get(context.Background(), b.Storage, name)
	if err != nil {
		b.T.Fatal(err)
	}
	r.GrantedAt = time.Now().Add(-time.Hour)
	if err := role.Put(context.Background(), b.Grants.Over(&b.Storage.InmemStorage), name, r); err != nil {
		b.T.Fatal(err)
	}
	b.Schedule.Reconsider(context.Background(), b.Storage, grant.Key(name))
}

// Waiting waits until so many roles wait for their provider's share, and nothing else is due.
func (b *Mount) Waiting(n int) {
	b.T.Helper()
	s := &b.Schedule.Shares
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		s.Mu.Lock()
		got := len(s.Waits)
		s.Mu.Unlock()
		if got == n {
			return
		}
		if time.Now().After(end) {
			b.T.Fatalf("%d roles wait, want %d", got, n)
		}
	}
}

// Tending waits until nothing is due and so many refreshes are under way.
func (b *Mount) Tending(n int) {
	b.T.Helper()
	s := &b.Schedule.Shares
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b.QueueIsEmpty()
		s.Mu.Lock()
		running := s.Running
		s.Mu.Unlock()
		if running == n {
			return
		}
		if time.Now().After(end) {
			b.T.Fatalf("%d refreshes are under way, want %d", running, n)
		}
	}
}

// PassesOver has the scheduler go round once more, by making a role that does not exist due, and asserts that it looks at
// no other.
func (b *Mount) PassesOver(makeDue func()) {
	b.T.Helper()
	looked, others := make(chan struct{}), make(chan string, 1000)
	var once sync.Once
	b.Storage.OnGet(func(key string) error {
		if strings.HasSuffix(key, "/nobody") {
			once.Do(func() { close(looked) })
		} else {
			others <- key
		}
		return nil
	})
	defer b.Storage.OnGet(nil)
	makeDue()
	Await(b.T, looked)
	if n := len(others); n > 0 {
		b.T.Errorf("%d reads while all wait, the first of %s", n, <-others)
	}
}

// QueueIsEmpty waits until all that is due was begun with, or waits for its share.
func (b *Mount) QueueIsEmpty() {
	b.T.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		n := b.Schedule.Index.Planned()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			b.T.Fatalf("%d roles are in the queue still", n)
		}
	}
}

// Multiply copies a role and its state n times, to name0 and so on.
func (b *Mount) Multiply(name string, n int) {
	b.T.Helper()
	for _, kind := range []string{role.Prefix, grant.Prefix} {
		entry, err := b.Storage.Get(b.T.Context(), kind+name)
		if err != nil {
			b.T.Fatal(err)
		}
		for i := range n {
			if err := b.Storage.Put(b.T.Context(), &logical.StorageEntry{Key: fmt.Sprint(kind, name, i), Value: entry.Value}); err != nil {
				b.T.Fatal(err)
			}
		}
	}
}

// RecordRefreshes notes when the new state of each role is stored.
func (b *Mount) RecordRefreshes() func() map[string][]time.Time {
	var mu sync.Mutex
	at, puts := map[string][]time.Time{}, map[string]int{}
	b.Storage.OnPut(func(key string) error {
		mu.Lock()
		defer mu.Unlock()
		name, ok := strings.CutPrefix(key, grant.Prefix)
		if puts[name]++; ok && puts[name]%2 == 0 { // the intent goes before
			at[name] = append(at[name], time.Now())
		}
		return nil
	})
	return func() map[string][]time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
}
