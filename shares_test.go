package oauthrefresh

import (
	"context"
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A provider that hangs, and has more roles than there are workers, does not keep another one's idle grants from
// being refreshed.
func TestOneProviderDoesNotTakeAllWorkers(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	hang, open := gated(tokenAnswer("late", canary+"late"))
	defer open()
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path == "/token" {
			return hang
		}
		return tokenAnswer("a", canary+"next")
	})
	b.write("providers/other", fields{"token_endpoint": server.URL() + "/other"})
	due := func(name, provider string) {
		b.write("roles/"+name, roleOf(provider, fields{"keepalive_period": "10s"}))
		r, err := getRole(context.Background(), b.storage, name)
		if err != nil {
			t.Fatal(err)
		}
		r.GrantedAt = time.Now().Add(-time.Hour)
		if err := putRole(context.Background(), b.over(&b.storage.InmemStorage), name, r); err != nil {
			t.Fatal(err)
		}
		b.reconsider(context.Background(), b.storage, name)
	}
	for i := range maxWorkers + 10 {
		due(fmt.Sprint("hangs", i), "test")
	}
	due("other", "other")
	b.startBackground()
	server.WaitFor(maxOfProvider + 1)
	for _, r := range server.Requests() {
		if r.Path == "/other" {
			return
		}
	}
	t.Errorf("%d requests, and none of the other provider's", len(server.Requests()))
}
