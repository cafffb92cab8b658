package enginetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// WithClock runs a test on synctest's clock, which stands still while an exchange is made and
// jumps over every pause. The endpoint is outside the bubble: it can't be waited for from inside
// and holds back no answer, and it speaks http, as its certificates are of another time.
func WithClock(t *testing.T, f func(t *testing.T, b *Mount, server *clienttest.Server), others ...Fields) {
	t.Helper()
	server := clienttest.New(t, clienttest.Options{Plain: true})
	synctest.Test(t, func(t *testing.T) {
		b := New(t)
		b.Write("config", Fields{"allow_insecure_endpoints": true})
		b.Write("providers/test", With(Fields{
			"token_endpoint":             server.URL() + "/token",
			"revocation_endpoint":        server.URL() + "/revoke",
			"token_endpoint_auth_method": "client_secret_post",
		}, others...))
		b.WriteRole("r")
		f(t, b, server)
	})
}

// Pause lets time pass, and all that is due in it happen.
func Pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Lived stores a sign of life as another process of this mount would have left it.
func (b *Mount) Lived(ago time.Duration, cluster string) {
	b.T.Helper()
	err := mount.Save(context.Background(), &b.Storage.InmemStorage, grant.LifeKey, &grant.Life{ClusterID: cluster, At: time.Now().Add(-ago)})
	if err != nil {
		b.T.Fatal(err)
	}
}

// Tick is Vault's periodic call.
func (b *Mount) Tick() {
	b.T.Helper()
	if _, err := b.HandleRequest(b.T.Context(), &logical.Request{Operation: logical.RollbackOperation, Storage: b.Storage}); err != nil {
		b.T.Fatal(err)
	}
}

// PutRight ends all steps of the clock.
func PutRight() { clock.Step(time.Since(clock.Now())) }

const Day = 24 * time.Hour
