package schedule_test

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// aRound is long enough for one round of the sweep over a few roles.
const aRound = schedule.SweepRest + time.Minute

// A role that should be in the queue and isn't is found, and so is one that is too late there. One that is early stays so:
// another look may know why.
func TestTheSweepFindsWhatTheQueueHasNot(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Write("roles/r", enginetest.Fields{"keepalive_period": "240h"})
		b.StartBackground()
		b.Read("creds/r")
		enginetest.Pause(2 * time.Hour) // the token in use has ended
		due := b.Due("r")
		if due.IsZero() {
			t.Fatal("nothing is planned")
		}
		for name, c := range map[string]struct{ wrong, want time.Time }{
			"not in the queue": {time.Time{}, due},
			"too late":         {due.Add(100 * time.Hour), due},
			"early":            {due.Add(-100 * time.Hour), due.Add(-100 * time.Hour)},
		} {
			b.Schedule.Index.Remove("r")
			b.Schedule.Index.Put(index.Turn{Key: "r", Provider: "test"}, c.wrong)
			enginetest.Pause(aRound)
			if at := b.Due("r"); !at.Equal(c.want) {
				t.Errorf("%s: due %s, want %s", name, at, c.want)
			}
		}
	})
}

// It reads and removes only where background work may be done at all.
func TestNothingIsSweptOnAStandbyOrAtTheEnd(t *testing.T) {
	for name, stop := range map[string]func(b *enginetest.Mount){
		"standby": func(b *enginetest.Mount) { b.View.ReplicationStateVal = consts.ReplicationPerformanceStandby },
		"tainted": func(b *enginetest.Mount) { b.View.TaintedVal = true },
		"ended":   func(b *enginetest.Mount) { b.Cleanup(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				if name != "ended" {
					stop(b)
				}
				b.StartBackground()
				enginetest.Pause(time.Minute)
				b.Mark("r")
				if name == "ended" {
					stop(b)
				}
				if n := b.Gets(func() { enginetest.Pause(3 * aRound) }); n != 0 {
					t.Errorf("%d reads", n)
				}
			})
		})
	}
}

// Each role is looked at about once an hour where there are few, once a day where there are very many, and a mount
// without roles reads nothing.
func TestTheSweepIsGentle(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.StartBackground()
		enginetest.Pause(aRound)
		if n := b.Gets(func() { enginetest.Pause(24 * aRound) }); n < 20 || n > 4*25 {
			t.Errorf("%d reads a day for one role", n)
		}
		b.Delete("roles/r")
		enginetest.Pause(time.Minute)
		if n := b.Gets(func() { enginetest.Pause(24 * time.Hour) }); n != 0 {
			t.Errorf("%d reads a day for no role", n)
		}
	})
	for _, n := range []int{0, 1, 1000, 100_000, 1_000_000} {
		if pause := schedule.SweepPauseOf(n); pause <= 0 || pause > time.Second || schedule.SweepRest+time.Duration(n)*pause > 24*time.Hour {
			t.Errorf("a pause of %s between %d roles", pause, n)
		}
	}
}

// A process that died between the two Deletes of a role has left the grant's refresh token behind.
func TestTheSweepRemovesWhatADeleteHasLeft(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Write("refresh/r", nil)
		b.Multiply("r", 1)
		ctx, s := context.Background(), &b.Storage.InmemStorage
		if err := s.Delete(ctx, "role/r0"); err != nil {
			t.Fatal(err)
		}
		b.StartBackground()
		enginetest.Pause(time.Minute)
		for _, key := range []string{"inflight/r", "inflight/r0", "inflight/gone"} {
			if err := s.Put(ctx, &logical.StorageEntry{Key: key, Value: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
		}
		before := b.Stored("r")
		enginetest.Pause(2 * aRound)
		for _, key := range []string{"token/r0", "inflight/r", "inflight/r0", "inflight/gone"} {
			if e, err := s.Get(ctx, key); e != nil || err != nil {
				t.Errorf("%s is still there, %v", key, err)
			}
		}
		if after := b.Stored("r"); after == nil || !after.Same(before) {
			t.Error("the state of a role that is there has gone too")
		}
	})
}
