package oauthrefresh

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/logical"
)

// Two operators who write different fields at the same time both get what they were told: a write
// keeps what it does not name, and also what another one names meanwhile.
func TestSimultaneousWritesKeepEachOther(t *testing.T) {
	for path, key := range map[string]string{"config": "config", "providers/mine": "provider/mine", "roles/r": "role/r"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newTestBackend(t)
				b.write("providers/mine", fields{"token_endpoint": "https://a.example/"})
				b.write("roles/r", roleOf("mine"))
				b.write("config", fields{"request_timeout": 30})
				writes := map[string][2]fields{
					"config":         {{"request_timeout": 7}, {"allowed_hosts": "a.example"}},
					"providers/mine": {{"docs": "https://a.example/docs"}, {"request_format": "json"}},
					"roles/r":        {{"scope": "read"}, {"ttl": 60}},
				}[path]
				gate, first := make(chan struct{}), true
				b.storage.onPut(func(k string) error {
					if k == key && first {
						first = false
						<-gate
					}
					return nil
				})
				done := make(chan error, 2)
				for _, f := range writes {
					go func() {
						_, err := b.try(t.Context(), writeOp, path, f)
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
				got := b.data(path)
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
		b := newTestBackend(t)
		b.write("config", fields{"request_timeout": 7})
		gate := make(chan struct{})
		b.storage.onPut(func(string) error { <-gate; return nil })
		write := b.start(t.Context(), writeOp, "config", fields{"allowed_hosts": "a.example"})
		synctest.Wait()
		remove := b.start(t.Context(), logical.DeleteOperation, "config", nil)
		synctest.Wait()
		close(gate)
		for _, done := range []<-chan outcome{write, remove} {
			if o := <-done; o.err != nil {
				t.Error(o.err)
			}
		}
		if got := b.data("config"); got["request_timeout"] != int64(30) {
			t.Errorf("after the delete the configuration is %v", got)
		}
	})
}
