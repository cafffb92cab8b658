package oauthrefresh

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
)

var crowdSize = flag.Int("crowd", 500, "how many roles TestACrowdIsRefreshedInTime has")

// Very many roles, all in use, with one-hour tokens that came at the same moment: each is refreshed once before its
// token ends, and the provider sees them spread over the time that there is. make bench runs it with 100,000.
func TestACrowdIsRefreshedInTime(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		n := *crowdSize
		server.Handle(func(*clienttest.Request) clienttest.Answer { return tokenAnswer("a", "") })
		b.read("creds/r")
		b.multiply("r", n)
		b.startBackground()
		for i := range n {
			b.read(fmt.Sprint("creds/r", i))
		}
		began := time.Now()
		refreshed := b.recordRefreshes()
		pause(time.Hour)

		minutes := map[int]int{}
		for name, at := range refreshed() {
			if len(at) != 1 {
				t.Fatalf("%s was refreshed %d times in an hour", name, len(at))
			}
			minutes[int(at[0].Sub(began).Minutes())]++
		}
		total, most := 0, 0
		for minute, count := range minutes {
			total, most = total+count, max(most, count)
			if minute < 45 || minute > 53 {
				t.Errorf("%d refreshes in minute %d", count, minute)
			}
		}
		if total != n+1 { // and r itself
			t.Errorf("%d of %d roles were refreshed", total, n+1)
		}
		if asked := len(server.Requests()) - 1; asked != total {
			t.Errorf("%d requests for %d refreshes", asked, total)
		}
		if most > total/4 { // evenly spread it is 2 of 15
			t.Errorf("%d of %d refreshes in one minute: %v", most, total, minutes)
		}
	})
}

// multiply copies a role and its state n times, to name0 and so on.
func (b *testBackend) multiply(name string, n int) {
	b.t.Helper()
	for _, kind := range []string{role.Prefix, grant.Prefix} {
		entry, err := b.storage.Get(b.t.Context(), kind+name)
		if err != nil {
			b.t.Fatal(err)
		}
		for i := range n {
			if err := b.storage.Put(b.t.Context(), &logical.StorageEntry{Key: fmt.Sprint(kind, name, i), Value: entry.Value}); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// recordRefreshes notes when the new state of each role is stored.
func (b *testBackend) recordRefreshes() func() map[string][]time.Time {
	var mu sync.Mutex
	at, puts := map[string][]time.Time{}, map[string]int{}
	b.storage.onPut(func(key string) error {
		mu.Lock()
		defer mu.Unlock()
		name, ok := strings.CutPrefix(key, grant.Prefix)
		if puts[name]++; ok && puts[name]%2 == 0 { // the intent goes before
			at[name] = append(at[name], time.Now())
		}
		return nil
	})
	return func() map[string][]time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
}
