package enginetest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Interrupted stores what a crash leaves in the midst of an exchange.
func (b *Mount) Interrupted(name string) {
	b.T.Helper()
	r, err := role.Get(context.Background(), &b.Storage.InmemStorage, name)
	if err != nil {
		b.T.Fatal(err)
	}
	target, err := role.NewTarget(context.Background(), &b.Storage.InmemStorage, r)
	if err != nil {
		b.T.Fatal(err)
	}
	b.Age(name, func(tok *grant.State) {
		tok.Intent = &grant.Intent{AttemptID: "x", At: time.Now(), IdempotencyKey: "11111111-2222-3333-4444-555555555555", Exchange: target.Description.ExchangeID()}
	})
}

// Marked tells whether there is a note of an exchange of the role.
func (b *Mount) Marked(name string) bool {
	b.T.Helper()
	e, err := b.Storage.InmemStorage.Get(context.Background(), grant.InflightPrefix+name)
	if err != nil {
		b.T.Fatal(err)
	}
	return e != nil
}

// Mark notes that an exchange of a role is under way.
func (b *Mount) Mark(name string) {
	b.T.Helper()
	if err := b.Grants.MarkInflight(b.T.Context(), b.Storage, grant.Key(name)); err != nil {
		b.T.Fatal(err)
	}
}

// Until reads every so often until a token is served.
func (b *Mount) Until(every, within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); Pause(every) {
		if resp, err := b.Try(b.T.Context(), logical.ReadOperation, "creds/r", nil); err == nil && !resp.IsError() {
			return true
		}
	}
	return false
}

// Forced presses until the guard holds, and returns how often it let through.
func (b *Mount) Forced(t *testing.T) (n int) {
	t.Helper()
	for ; n < 3*grant.ForcedBurst; n++ {
		resp, err := b.Try(t.Context(), WriteOp, "refresh/r", nil)
		if ErrStatus(err) == http.StatusTooManyRequests {
			return n
		}
		if err != nil || resp.IsError() {
			t.Fatal(resp, err)
		}
	}
	return n
}

// AtWork waits until so many requests hold or wait for the role's lock.
func (b *Mount) AtWork(name string, want int) {
	b.T.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		b.Grants.Refreshes.Mu.Lock()
		users := 0
		if l := b.Grants.Refreshes.Locks[name]; l != nil {
			users = l.Users
		}
		b.Grants.Refreshes.Mu.Unlock()
		if users == want {
			return
		}
	}
	b.T.Fatalf("there are never %d requests at work on %s", want, name)
}

// Settle waits until nobody works on the role any more.
func (b *Mount) Settle(name string) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 30*time.Second)
	defer cancel()
	unlock, err := b.Grants.Refreshes.Lock(ctx, name)
	if err != nil {
		b.T.Fatal(err)
	}
	unlock()
}

// End begins to end the mount and returns what is closed when it has ended.
func (b *Mount) End() chan struct{} {
	ended := make(chan struct{})
	go func() {
		b.Cleanup(context.Background())
		close(ended)
	}()
	Await(b.T, b.Grants.Work.Closing)
	return ended
}

// MustLock takes a lock that must be free soon.
func MustLock(t *testing.T, k *mount.Locks, name string) (unlock func()) {
	t.Helper()
	unlock, err := k.Lock(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return unlock
}
