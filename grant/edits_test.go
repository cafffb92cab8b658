package grant_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Two operators who write different fields at the same time both get what they were told: a write
// keeps what it does not name, and also what another one names meanwhile.
func TestSimultaneousWritesKeepEachOther(t *testing.T) {
	for path, key := range map[string]string{"config": "config", "providers/mine": "provider/mine", "roles/r": "role/r"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := enginetest.New(t)
				b.Write("providers/mine", enginetest.Fields{"token_endpoint": "https://a.example/"})
				b.Write("roles/r", enginetest.RoleOf("mine"))
				b.Write("config", enginetest.Fields{"request_timeout": 30})
				writes := map[string][2]enginetest.Fields{
					"config":         {{"request_timeout": 7}, {"allowed_hosts": "a.example"}},
					"providers/mine": {{"docs": "https://a.example/docs"}, {"request_format": "json"}},
					"roles/r":        {{"scope": "read"}, {"ttl": 60}},
				}[path]
				gate, first := make(chan struct{}), true
				b.Storage.OnPut(func(k string) error {
					if k == key && first {
						first = false
						<-gate
					}
					return nil
				})
				done := make(chan error, 2)
				for _, f := range writes {
					go func() {
						_, err := b.Try(t.Context(), enginetest.WriteOp, path, f)
						done <- err
					}()
					synctest.Wait() // it stores, or waits for the one that does
				}
				close(gate)
				for range writes {
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
				got := b.Data(path)
				for _, f := range writes {
					for field, want := range f {
						if shown := fmt.Sprint(got[field]); shown != fmt.Sprint(want) && shown != fmt.Sprintf("[%v]", want) {
							t.Errorf("%s is %v, want %v", field, shown, want)
						}
					}
				}
			})
		})
	}
}

// A write that has read before a delete does not store again what that has deleted.
func TestADeleteOfTheConfigurationWaitsForAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := enginetest.New(t)
		b.Write("config", enginetest.Fields{"request_timeout": 7})
		gate := make(chan struct{})
		b.Storage.OnPut(func(string) error { <-gate; return nil })
		write := b.Start(t.Context(), enginetest.WriteOp, "config", enginetest.Fields{"allowed_hosts": "a.example"})
		synctest.Wait()
		remove := b.Start(t.Context(), logical.DeleteOperation, "config", nil)
		synctest.Wait()
		close(gate)
		for _, done := range []<-chan enginetest.Outcome{write, remove} {
			if o := <-done; o.Err != nil {
				t.Error(o.Err)
			}
		}
		if got := b.Data("config"); got["request_timeout"] != int64(30) {
			t.Errorf("after the delete the configuration is %v", got)
		}
	})
}
