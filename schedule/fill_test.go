package schedule_test

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// What storage does not give is not taken for what is not there: neither the look at all roles after a start nor who asks
// calls the index full before each role and each owner was seen, and it is full once storage gives them.
func TestTheIndexIsFullWhenAllWasSeen(t *testing.T) {
	for refused, isRefused := range map[string]func(string) bool{
		"a role":     func(key string) bool { return key == "role/s" },
		"a state":    func(key string) bool { return key == "token/s" },
		"a provider": func(key string) bool { return key == "provider/test" },
	} {
		for _, survey := range []bool{true, false} {
			t.Run(refused, func(t *testing.T) {
				enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
					b.WriteRole("s")
					b = enginetest.NewOn(t, b.Storage)
					b.Storage.OnGet(func(key string) error {
						if isRefused(key) {
							return enginetest.ErrDisk
						}
						return nil
					})
					if survey {
						b.StartBackground()
						enginetest.Pause(time.Second)
					} else {
						_, _ = b.Schedule.Known(t.Context(), b.Grants.Over(b.Storage))
					}
					if got := b.Schedule.Index.Progress(); got.Full || got.Of != 2 {
						t.Errorf("while storage refuses it is %+v", got)
					}
					b.Storage.OnGet(nil)
					if got := b.Read("status"); got.Data["surveyed"] != 2 || len(got.Warnings) > 0 {
						t.Errorf("and then %v, %v", got.Data["surveyed"], got.Warnings)
					}
				})
			})
		}
	}
}

// Owners for whom the time was too short are looked at by whoever asks next.
func TestOwnersAreFilledInBySeveral(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	names := strings.Fields("ann ben cid dan eva")
	for _, name := range names {
		p.Brings("people/"+name, name)
	}
	b := enginetest.NewOn(t, p.Storage)
	seen := 0
	b.Storage.OnGet(func(key string) error {
		if strings.HasPrefix(key, "token/people/") {
			if seen++; seen > 2 {
				return enginetest.ErrDisk
			}
		}
		return nil
	})
	if got := b.Read("status").Data; got["owners"] != 2 || b.Schedule.Index.Progress().Full {
		t.Errorf("%v owners are known, full: %v", got["owners"], b.Schedule.Index.Progress().Full)
	}
	b.Storage.OnGet(nil)
	if got := b.Read("status").Data; got["owners"] != len(names) || !b.Schedule.Index.Progress().Full {
		t.Errorf("%v owners are known, full: %v", got["owners"], b.Schedule.Index.Progress().Full)
	}
}
