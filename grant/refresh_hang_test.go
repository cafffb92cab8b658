package grant_test

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// hangingStorage does nothing for as long as its caller waits, where hangs says so of the n-th
// operation of its kind on the role's state.
type hangingStorage struct {
	logical.Storage
	gets, puts int
	hangs      func(gets, puts int) bool
}

func (s *hangingStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if key == "token/r" {
		if s.gets++; s.hangs(s.gets, 0) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}
	return s.Storage.Get(ctx, key)
}

func (s *hangingStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if s.puts++; s.hangs(0, s.puts) {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Storage.Put(ctx, entry)
}

// Storage that hangs is storage that fails: a refresh has no caller whose patience would end it.
func TestStorageThatHangs(t *testing.T) {
	for name, c := range map[string]struct {
		hangs    func(gets, puts int) bool
		err      error
		after    time.Duration
		requests int
	}{
		"reading the state":  {func(gets, _ int) bool { return gets == 1 }, context.DeadlineExceeded, grant.MaxHold, 0},
		"storing the intent": {func(_, puts int) bool { return puts == 1 }, grant.ErrIntent, mount.StorageTimeout, 0},
		"storing the answer": {func(_, puts int) bool { return puts == 2 }, nil, mount.StorageTimeout, 1},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				rotation := enginetest.NewGrant(server)
				began := time.Now()
				tok, err := b.Grants.Refresh(t.Context(), &hangingStorage{Storage: b.Storage, hangs: c.hangs}, "r", grant.Demand{})
				if err != c.err || time.Since(began) != c.after || rotation.Refreshes() != c.requests {
					t.Errorf("%v after %s and %d requests", err, time.Since(began), rotation.Refreshes())
				}
				if err == nil && tok.AccessToken.Reveal() != clienttest.AccessToken(enginetest.FirstToken, 1) {
					t.Error("no token")
				}
				enginetest.Pause(grant.MaxHoldDelay)
				if got := b.Data("creds/r")["generation"]; got != int64(1) || rotation.Refreshes() != 1 || rotation.Reused() {
					t.Errorf("afterwards a read gives generation %v after %d requests", got, rotation.Refreshes())
				}
			})
		})
	}
}
