package schedule_test

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A token in use is not refreshed ahead of its readers beyond the budget: it is planned for when that renews, and
// nothing is tried before. A larger budget, of the role or of its provider, has it refreshed when it is due again.
func TestNothingIsRefreshedAheadBeyondTheBudget(t *testing.T) {
	for _, raised := range []string{"", "roles/r", "providers/test"} {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			enginetest.NewGrant(server)
			b.StartBackground()
			began := time.Now()
			b.Read("creds/r")
			enginetest.Pause(5 * time.Minute)
			renews := began.Truncate(time.Hour).Add(25 * time.Hour)
			if due := b.Due("r"); !due.Equal(renews) {
				t.Errorf("it is due at %s, and the budget renews at %s", due, renews)
			}
			puts := 0
			b.Storage.OnPut(func(key string) error {
				if key == "token/r" {
					puts++
				}
				return nil
			})
			if raised != "" {
				b.Write(raised, enginetest.Fields{"max_refreshes_per_day": 2})
				enginetest.Pause(time.Hour)
				if len(server.Requests()) != 2 {
					t.Errorf("after %s was written for more: %d requests", raised, len(server.Requests()))
				}
				return
			}
			gets := b.Gets(func() { enginetest.Pause(time.Until(renews) - time.Minute) })
			if len(server.Requests()) != 1 || puts > 0 || gets > 200 {
				t.Errorf("%d requests, %d states stored, %d looks into storage before the budget renews", len(server.Requests()), puts, gets)
			}
			enginetest.Pause(2 * time.Minute)
			if len(server.Requests()) != 2 {
				t.Errorf("%d requests after the budget was renewed", len(server.Requests()))
			}
		}, enginetest.Fields{"max_refreshes_per_day": 1})
	}
}
