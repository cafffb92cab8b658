package schedule_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

var crowdSize = flag.Int("crowd", 500, "how many roles TestACrowdIsRefreshedInTime has")

// Very many roles, all in use, with one-hour tokens that came at the same moment: each is refreshed once before its
// token ends, and the provider sees them spread over the time that there is. make bench runs it with 100,000.
func TestACrowdIsRefreshedInTime(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		n := *crowdSize
		server.Handle(func(*clienttest.Request) clienttest.Answer { return enginetest.TokenAnswer("a", "") })
		b.Read("creds/r")
		b.Multiply("r", n)
		b.StartBackground()
		for i := range n {
			b.Read(fmt.Sprint("creds/r", i))
		}
		began := time.Now()
		refreshed := b.RecordRefreshes()
		enginetest.Pause(time.Hour)

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
