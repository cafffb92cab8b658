package oauthrefresh

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// aRound is long enough for one round of the sweep over a few roles.
const aRound = schedule.SweepRest + time.Minute

// A role that should be in the queue and isn't is found, and so is one that is too late there. One that is early stays so:
// another look may know why.
func TestTheSweepFindsWhatTheQueueHasNot(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.write("roles/r", fields{"keepalive_period": "240h"})
		b.startBackground()
		b.read("creds/r")
		pause(2 * time.Hour) // the token in use has ended
		due := b.due("r")
		if due.IsZero() {
			t.Fatal("nothing is planned")
		}
		for name, c := range map[string]struct{ wrong, want time.Time }{
			"not in the queue": {time.Time{}, due},
			"too late":         {due.Add(100 * time.Hour), due},
			"early":            {due.Add(-100 * time.Hour), due.Add(-100 * time.Hour)},
		} {
			b.schedule.Queue.Remove("r")
			b.schedule.Queue.Put(schedule.Turn{Key: "r", Provider: "test"}, c.wrong)
			pause(aRound)
			if at := b.due("r"); !at.Equal(c.want) {
				t.Errorf("%s: due %s, want %s", name, at, c.want)
			}
		}
	})
}

// It reads and removes only where background work may be done at all.
func TestNothingIsSweptOnAStandbyOrAtTheEnd(t *testing.T) {
	for name, stop := range map[string]func(b *testBackend){
		"standby": func(b *testBackend) { b.view.ReplicationStateVal = consts.ReplicationPerformanceStandby },
		"tainted": func(b *testBackend) { b.view.TaintedVal = true },
		"ended":   func(b *testBackend) { b.Cleanup(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				if name != "ended" {
					stop(b)
				}
				b.startBackground()
				pause(time.Minute)
				b.mark("r")
				if name == "ended" {
					stop(b)
				}
				if n := b.gets(func() { pause(3 * aRound) }); n != 0 {
					t.Errorf("%d reads", n)
				}
			})
		})
	}
}

// Each role is looked at about once an hour where there are few, once a day where there are very many, and a mount
// without roles reads nothing.
func TestTheSweepIsGentle(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		b.startBackground()
		pause(aRound)
		if n := b.gets(func() { pause(24 * aRound) }); n < 20 || n > 3*24 {
			t.Errorf("%d reads a day for one role", n)
		}
		b.delete("roles/r")
		if n := b.gets(func() { pause(24 * time.Hour) }); n != 0 {
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
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.write("refresh/r", nil)
		b.multiply("r", 1)
		ctx, s := context.Background(), &b.storage.InmemStorage
		if err := s.Delete(ctx, "role/r0"); err != nil {
			t.Fatal(err)
		}
		b.startBackground()
		pause(time.Minute)
		for _, key := range []string{"inflight/r", "inflight/r0", "inflight/gone"} {
			if err := s.Put(ctx, &logical.StorageEntry{Key: key, Value: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
		}
		before := b.stored("r")
		pause(2 * aRound)
		for _, key := range []string{"token/r0", "inflight/r", "inflight/r0", "inflight/gone"} {
			if e, err := s.Get(ctx, key); e != nil || err != nil {
				t.Errorf("%s is still there, %v", key, err)
			}
		}
		if after := b.stored("r"); after == nil || !after.Same(before) {
			t.Error("the state of a role that is there has gone too")
		}
	})
}
