package oauthrefresh

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// However often providers are written while their roles are looked at, that is one more look at them; and it is of all
// the providers that were written.
func TestProviderWritesShareASurvey(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		b.write("providers/other", fields{"token_endpoint": server.URL() + "/other", "token_endpoint_auth_method": "client_secret_post"})
		b.write("roles/s", roleOf("other"))
		synctest.Wait()
		var looks atomic.Int32
		gate := make(chan struct{})
		b.storage.onGet(func(key string) error {
			if key == "role/r" && looks.Add(1) == 1 {
				<-gate
			}
			return nil
		})
		for i := range 50 {
			b.write("providers/test", fields{"docs": fmt.Sprint(i)})
		}
		b.write("providers/test", fields{"refresh_token_idle_ttl": "10d"})
		b.write("providers/other", fields{"refresh_token_idle_ttl": "10d"})
		b.grants.Work.Mu.Lock()
		if n := b.grants.Work.Running; n != 1 {
			t.Errorf("%d tasks", n)
		}
		b.grants.Work.Mu.Unlock()
		close(gate)
		pause(schedule.SweepPause)
		if n := looks.Load(); n != 2 {
			t.Errorf("%d looks at a role, want the first one and one more", n)
		}
		for _, name := range []string{"r", "s"} {
			if !b.schedule.Queue.Has(grant.Key(name)) {
				t.Errorf("%s is not planned", name)
			}
		}
		b.write("providers/test", fields{"docs": "once more"})
		pause(schedule.SweepPause)
		if n := looks.Load(); n != 3 {
			t.Errorf("%d looks after another write", n)
		}
	})
}

// A look that panics ends neither the survey nor those after it.
func TestASurveyOutlivesAPanic(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		b.writeRole("s")
		b.storage.onGet(func(key string) error {
			if key == "role/r" || key == "token/r" {
				panic("a mistake")
			}
			return nil
		})
		b.write("providers/test", fields{"refresh_token_idle_ttl": "10d"})
		pause(schedule.SweepPause)
		if !b.schedule.Queue.Has("s") || !b.schedule.Queue.Has("r") {
			t.Error("the role after it is not planned, or this one is forgotten")
		}
	})
}
