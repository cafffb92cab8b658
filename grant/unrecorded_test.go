package grant_test

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A failure that storage does not take is kept to all the same: readers cost a provider in trouble one request
// for each interval.
func TestAFailureThatStorageRefusesIsKeptTo(t *testing.T) {
	later := func(a clienttest.Answer) clienttest.Answer { return a.With("Retry-After", "600") }
	for name, c := range map[string]struct {
		role   enginetest.Fields
		answer clienttest.Answer
		even   bool // the second Put of each exchange alone fails
	}{
		"a client's own grant":      {enginetest.Fields{"grant_type": "client_credentials", "refresh_token": nil}, later(enginetest.Busy), false},
		"a grant":                   {nil, later(enginetest.Busy), true},
		"a grant, outcome unknown":  {nil, later(clienttest.JSON(500, `{"error":"server_error"}`)), true},
		"a grant, refused":          {nil, enginetest.InvalidGrant, true},
		"a grant, client is unwell": {nil, clienttest.JSON(401, `{"error":"invalid_client"}`), true},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Handle(enginetest.Always(c.answer))
				b.Write("roles/s", enginetest.RoleOf("test", c.role))
				b.Storage.FailPuts(grant.Prefix+"s", enginetest.ErrDisk, func(n int) bool { return !c.even || n%2 == 0 })
				for range 10 {
					_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/s", nil)
				}
				if n := len(server.Requests()); n != 1 {
					t.Errorf("%d requests", n)
				}
				if got := b.Data("status/s"); got["last_error_at"] == nil {
					t.Errorf("the status says %v", got)
				}
				b.Storage.OnPut(nil)
				server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", enginetest.Canary+"r1")))
				if c.answer.Status == 400 {
					b.Write("refresh/s", enginetest.Fields{"retry": true})
				}
				enginetest.Pause(11 * time.Minute)
				b.Read("creds/s")
				if got := b.Data("status/s"); got["state"] != "ok" || got["last_error_at"] != nil {
					t.Errorf("once storage and provider are well the status says %v", got)
				}
			})
		})
	}
}

// What is remembered so is of one grant: a new one is tried at once.
func TestARememberedFailureEndsWithItsGrant(t *testing.T) {
	for name, renew := range map[string]func(*enginetest.Mount){
		"a new grant": func(b *enginetest.Mount) {
			b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"})
		},
		"deleted and made again": func(b *enginetest.Mount) { b.Delete("roles/r"); b.WriteRole("r") },
		"corrected":              func(b *enginetest.Mount) { b.Write("roles/r", enginetest.Fields{"scope": "other"}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			server.Enqueue(enginetest.Busy.With("Retry-After", "600"), enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))
			b.WriteRole("r")
			b.FailSecondPut(1)
			b.NoCreds("r", 503)
			b.Storage.OnPut(nil)
			renew(b)
			b.Read("creds/r")
		})
	}
}
