package schedule_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// However often providers are written while their roles are looked at, that is one more look at them; and it is of all
// the providers that were written.
func TestProviderWritesShareASurvey(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Write("providers/other", enginetest.Fields{"token_endpoint": server.URL() + "/other", "token_endpoint_auth_method": "client_secret_post"})
		b.Write("roles/s", enginetest.RoleOf("other"))
		synctest.Wait()
		var looks atomic.Int32
		gate := make(chan struct{})
		b.Storage.OnGet(func(key string) error {
			if key == "role/r" && looks.Add(1) == 1 {
				<-gate
			}
			return nil
		})
		for i := range 50 {
			b.Write("providers/test", enginetest.Fields{"docs": fmt.Sprint(i)})
		}
		b.Write("providers/test", enginetest.Fields{"refresh_token_idle_ttl": "10d"})
		b.Write("providers/other", enginetest.Fields{"refresh_token_idle_ttl": "10d"})
		b.Grants.Work.Mu.Lock()
		if n := b.Grants.Work.Running; n != 1 {
			t.Errorf("%d tasks", n)
		}
		b.Grants.Work.Mu.Unlock()
		close(gate)
		enginetest.Pause(schedule.SweepPause)
		if n := looks.Load(); n != 2 {
			t.Errorf("%d looks at a role, want the first one and one more", n)
		}
		for _, name := range []string{"r", "s"} {
			if !b.Schedule.Index.Has(grant.Key(name)) {
				t.Errorf("%s is not planned", name)
			}
		}
		b.Write("providers/test", enginetest.Fields{"docs": "once more"})
		enginetest.Pause(schedule.SweepPause)
		if n := looks.Load(); n != 3 {
			t.Errorf("%d looks after another write", n)
		}
	})
}

// A look that panics ends neither the survey nor those after it.
func TestASurveyOutlivesAPanic(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.WriteRole("s")
		b.Storage.OnGet(func(key string) error {
			if key == "role/r" || key == "token/r" {
				panic("a mistake")
			}
			return nil
		})
		b.Write("providers/test", enginetest.Fields{"refresh_token_idle_ttl": "10d"})
		enginetest.Pause(schedule.SweepPause)
		if !b.Schedule.Index.Has("s") || !b.Schedule.Index.Has("r") {
			t.Error("the role after it is not planned, or this one is forgotten")
		}
		b.Grants.Memory.Mu.Lock()
		defer b.Grants.Memory.Mu.Unlock()
		if n := len(b.Grants.Memory.Looks); n > 0 {
			t.Errorf("%d looks are left open", n)
		}
	})
}
