package oauthrefresh

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// A failure that storage does not take is kept to all the same: readers cost a provider in trouble one request
// for each interval.
func TestAFailureThatStorageRefusesIsKeptTo(t *testing.T) {
	later := func(a clienttest.Answer) clienttest.Answer { return a.With("Retry-After", "600") }
	for name, c := range map[string]struct {
		role   fields
		answer clienttest.Answer
		even   bool // the second Put of each exchange alone fails
	}{
		"a client's own grant":      {fields{"grant_type": "client_credentials", "refresh_token": nil}, later(busy), false},
		"a grant":                   {nil, later(busy), true},
		"a grant, outcome unknown":  {nil, later(clienttest.JSON(500, `{"error":"server_error"}`)), true},
		"a grant, refused":          {nil, invalidGrant, true},
		"a grant, client is unwell": {nil, clienttest.JSON(401, `{"error":"invalid_client"}`), true},
	} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				server.Handle(always(c.answer))
				b.write("roles/s", roleOf("test", c.role))
				b.storage.failPuts(grant.Prefix+"s", errDisk, func(n int) bool { return !c.even || n%2 == 0 })
				for range 10 {
					_, _ = b.try(t.Context(), readOp, "creds/s", nil)
				}
				if n := len(server.Requests()); n != 1 {
					t.Errorf("%d requests", n)
				}
				if got := b.data("status/s"); got["last_error_at"] == nil {
					t.Errorf("the status says %v", got)
				}
				b.storage.onPut(nil)
				server.Handle(always(tokenAnswer("a1", canary+"r1")))
				if c.answer.Status == 400 {
					b.write("refresh/s", fields{"retry": true})
				}
				pause(11 * time.Minute)
				b.read("creds/s")
				if got := b.data("status/s"); got["state"] != "ok" || got["last_error_at"] != nil {
					t.Errorf("once storage and provider are well the status says %v", got)
				}
			})
		})
	}
}

// What is remembered so is of one grant: a new one is tried at once.
func TestARememberedFailureEndsWithItsGrant(t *testing.T) {
	for name, renew := range map[string]func(*testBackend){
		"a new grant":            func(b *testBackend) { b.write("roles/r", fields{"refresh_token": canary + "new"}) },
		"deleted and made again": func(b *testBackend) { b.delete("roles/r"); b.writeRole("r") },
		"corrected":              func(b *testBackend) { b.write("roles/r", fields{"scope": "other"}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b)
			server.Enqueue(busy.With("Retry-After", "600"), tokenAnswer("a1", canary+"r1"))
			b.writeRole("r")
			b.failSecondPut(1)
			b.noCreds("r", 503)
			b.storage.onPut(nil)
			renew(b)
			b.read("creds/r")
		})
	}
}
