package schedule_test

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// stepClock puts the clock forward or back, until the test ends.
func stepClock(t testing.TB, d time.Duration) {
	clock.Step(d)
	t.Cleanup(func() { clock.Step(-d) })
}

// However far the next work is, the queue is looked at again: timers stand still while the machine sleeps, and know
// nothing of a clock that is put right.
func TestTheSchedulerLooksUpEveryMinute(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		for _, until := range []time.Time{{}, clock.Now().Add(10 * enginetest.Day)} {
			began := time.Now()
			b.Schedule.Rest(until)
			if slept := time.Since(began); slept != schedule.MaxRest {
				t.Errorf("it sleeps for %s", slept)
			}
		}
		began := time.Now()
		b.Schedule.Rest(clock.Now().Add(time.Second))
		if slept := time.Since(began); slept != time.Second {
			t.Errorf("it sleeps for %s, and something is due in a second", slept)
		}
	})
}

// A keepalive of twelve hours. The clock is a day ahead or behind and then right again, before it is due by the
// right clock, when it is, and after that: it is never later than twelve hours and a little after the last one by a
// clock that did not move, and there is none to spare.
func TestBackgroundWorkFollowsAClockThatIsPutRight(t *testing.T) {
	for name, first := range map[string]time.Duration{"ahead": enginetest.Day, "behind": -enginetest.Day} {
		for when, wrong := range map[string]struct{ from, to time.Duration }{
			"before it is due":          {time.Hour, 2 * time.Hour},
			"while it is due":           {11 * time.Hour, 13 * time.Hour},
			"after it was due":          {13 * time.Hour, 14 * time.Hour},
			"from before the beginning": {0, time.Hour},
		} {
			t.Run(name+" "+when, func(t *testing.T) {
				enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
					grant := enginetest.NewGrant(server)
					if wrong.from == 0 {
						stepClock(t, first)
					}
					b.Write("roles/r", enginetest.Fields{"keepalive_period": "12h"})
					b.StartBackground()
					b.Write("refresh/r", nil) // nobody reads it
					enginetest.Pause(wrong.from)
					if wrong.from != 0 {
						stepClock(t, first)
					}
					// By a clock that is ahead it is due; by one that is behind it was last refreshed in the future,
					// so that nobody knows how old it is.
					enginetest.Pause(2 * schedule.MaxRest)
					if n := grant.Refreshes(); wrong.from == time.Hour && n != 2 {
						t.Errorf("%d refreshes by a clock that is %s", n, name)
					}
					enginetest.Pause(wrong.to - wrong.from)
					stepClock(t, -first)
					looked := b.Gets(func() { enginetest.Pause(2 * schedule.MaxRest) })
					if first > 0 && looked == 0 {
						t.Error("the clock was put back, and what was planned by it is not looked at")
					}
					enginetest.Pause(13 * time.Hour)
					if n := grant.Refreshes(); first < 0 && (n < 2 || n > 5) {
						t.Errorf("%d refreshes in little more than %s at a keepalive of 12h", n, wrong.to+13*time.Hour)
					}
				})
			})
		}
	}
}

// What was planned by a clock that was ahead is planned anew once it is put back, and earlier.
func TestAClockThatIsPutBackMakesNoRoleLate(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Write("roles/r", enginetest.Fields{"keepalive_period": "240h"})
		b.StartBackground()
		b.Read("creds/r")
		enginetest.Pause(2 * time.Hour)
		due := b.Due("r")
		stepClock(t, enginetest.Day)
		enginetest.Pause(2 * schedule.MaxRest)
		b.Schedule.Index.Remove("r")
		b.Schedule.Index.Set("r", due.Add(enginetest.Day)) // as one is that was planned by then
		stepClock(t, -enginetest.Day)
		enginetest.Pause(2 * schedule.MaxRest)
		if at := b.Due("r"); !at.Equal(due) {
			t.Errorf("due %s, want %s", at, due)
		}
	})
}

// A revocation endpoint that failed when the clock was ahead is asked again once that is right.
func TestAProviderIsNotAwayUntilTheClockHasCaughtUp(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	lease, other := b.Read("creds/r"), b.Read("creds/r")
	server.Enqueue(clienttest.Text(503, "text/plain", "away"))
	clock.Step(10 * time.Minute)
	err := b.EndLease(lease)
	clock.Step(-10 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	n := len(server.Requests())
	if err := b.EndLease(other); err != nil {
		t.Fatal(err)
	}
	if asked := len(server.Requests()) - n; asked != 1 {
		t.Errorf("%d requests", asked)
	}
}
