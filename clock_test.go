package oauthrefresh

import (
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// withClock runs a test on synctest's clock, which stands still while an exchange is made and
// jumps over every pause. The endpoint is outside the bubble: it can't be waited for from inside
// and holds back no answer, and it speaks http, as its certificates are of another time.
func withClock(t *testing.T, f func(t *testing.T, b *testBackend, server *clienttest.Server), others ...fields) {
	t.Helper()
	server := clienttest.New(t, clienttest.Options{Plain: true})
	synctest.Test(t, func(t *testing.T) {
		b := newTestBackend(t)
		b.write("config", fields{"allow_insecure_endpoints": true})
		b.write("providers/test", with(fields{
			"token_endpoint":             server.URL() + "/token",
			"revocation_endpoint":        server.URL() + "/revoke",
			"token_endpoint_auth_method": "client_secret_post",
		}, others...))
		b.writeRole("r")
		f(t, b, server)
	})
}

// pause lets time pass, and all that is due in it happen.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
