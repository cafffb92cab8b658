package schedule_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A look that a write has overtaken is not taken for the truth, wherever it stood when that came.
func TestALookThatIsOvertakenIsNotBelieved(t *testing.T) {
	for entry, writes := range map[string]map[string]func(*enginetest.Mount, *clienttest.Server){
		"config":    {grant.StateOK: changes["read"], grant.StateDead: changes["refused"], grant.StateBlocked: changes["unknown"]},
		"pins/test": {grant.StateOK: changes["read"], grant.StateBlocked: changes["forbidden"]},
	} {
		for want, write := range writes {
			t.Run(entry+", "+want, func(t *testing.T) {
				enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
					b.Write("providers/test", enginetest.Fields{"docs": "https://example.com/"}) // an own one, which pins
					gate := make(chan struct{})
					var once atomic.Bool
					b.Storage.OnGet(func(key string) error {
						if key == entry && once.CompareAndSwap(false, true) {
							<-gate
						}
						return nil
					})
					looked := make(chan struct{})
					go func() {
						defer close(looked)
						b.Schedule.Reconsider(t.Context(), b.Grants.Over(b.Storage), "r")
					}()
					synctest.Wait()
					if !once.Load() {
						t.Fatal("nobody reads " + entry)
					}
					write(b, server)
					close(gate)
					<-looked
					if _, err := b.Schedule.Known(t.Context(), b.Grants.Over(b.Storage)); err != nil {
						t.Fatal(err)
					}
					if sum, _ := b.Schedule.Index.Get("r"); sum.State != want {
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
