package schedule_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// slow is storage that waits once after it has read an entry.
type slow struct {
	logical.Storage
	entry string
	once  atomic.Bool
	gate  chan struct{}
}

func (s *slow) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	e, err := s.Storage.Get(ctx, key)
	if key == s.entry && s.once.CompareAndSwap(false, true) {
		<-s.gate
	}
	return e, err
}

// A look that a write has overtaken is not taken for the truth, wherever it stood when that came.
func TestALookThatIsOvertakenIsNotBelieved(t *testing.T) {
	for _, entry := range []string{"role/r", "token/r", "provider/test", "config"} {
		for want, write := range map[string]string{grant.StateOK: "read", grant.StateDead: "refused", grant.StateBlocked: "unknown", "blocked, by config": "forbidden"} {
			t.Run(entry+", "+want, func(t *testing.T) {
				enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
					s := &slow{Storage: b.Storage, entry: entry, gate: make(chan struct{})}
					b.Grants.Forget(entry) // so that it is read
					looked := make(chan struct{})
					go func() {
						defer close(looked)
						b.Schedule.Reconsider(t.Context(), b.Grants.Over(s), "r")
					}()
					synctest.Wait()
					if !s.once.Load() {
						t.Fatal("nobody reads " + entry)
					}
					changes[write](b, server)
					close(s.gate)
					<-looked
					if _, err := b.Schedule.Known(t.Context(), b.Grants.Over(b.Storage)); err != nil {
						t.Fatal(err)
					}
					if sum, _ := b.Schedule.Index.Get("r"); !strings.HasPrefix(want, sum.State) {
						t.Errorf("it is known as %q, want %q", sum.State, want)
					}
				})
			})
		}
	}
}

// A definition that is damaged makes its roles unreadable, and mends them when it is written again.
func TestADamagedProviderIsMended(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		for _, state := range []string{grant.StateNew, grant.StateUnreadable, grant.StateNew} {
			if got := b.Data("status")["states"].(map[string]int)[state]; got != 1 {
				t.Errorf("the status is %v, want %s", b.Data("status")["states"], state)
			}
			if state == grant.StateUnreadable {
				b.Delete("providers/test")
				changes["known again"](b, server)
				continue
			}
			if err := b.Grants.Over(b.Storage).Put(t.Context(), &logical.StorageEntry{Key: "provider/test", Value: []byte("{")}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
