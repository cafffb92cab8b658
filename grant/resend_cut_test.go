package grant_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

func idempotent(server *clienttest.Server, first clienttest.Answer) (keys *[]string) {
	keys = new([]string)
	var mu sync.Mutex
	remembered := map[string]clienttest.Answer{}
	live, n := enginetest.FirstToken, 0
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("X-Key")
		*keys = append(*keys, key)
		if a, ok := remembered[key]; ok {
			return a
		}
		if r.Form.Get("refresh_token") != live {
			return clienttest.JSON(400, `{"error":"invalid_grant"}`)
		}
		n++
		live = fmt.Sprint(enginetest.FirstToken, "-", n)
		a := enginetest.TokenAnswer(fmt.Sprint("a", n), live)
		remembered[key] = a
		if n == 1 {
			if first.Status != 0 {
				return first
			}
			a.CutAfter = 10
		}
		return a
	})
	return keys
}

// The provider has rotated and would give its answer again; only the way back was bad.
func TestABrokenAnswerIsHadAgainUnderItsKey(t *testing.T) {
	for name, first := range map[string]clienttest.Answer{
		"a 200 that breaks off": {}, "a 504 of a gateway": clienttest.Text(504, "text/html", "gateway timeout"),
		"a 200 that breaks off before its body": {Status: 200, Raw: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				keys := idempotent(server, first)
				b.NoCreds("r", 502)
				enginetest.Pause(10 * time.Minute)
				resp, err := b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
				if err != nil || resp.IsError() {
					t.Errorf("after %d exchanges, same key %v: %v %v; state %v", len(*keys), (*keys)[0] == (*keys)[1], resp, err, b.Data("status/r")["state"])
				}
			}, enginetest.Fields{"idempotency_header": "X-Key"})
		})
	}
}
