// Package schedule decides when: it refreshes ahead of readers and keeps idle grants alive, by what the keeper of
// grants tells it and by a look at all roles now and then.
package schedule

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

const (
	// tendDelay is how long a role rests when something is in the way of its refresh that is not
	// the provider's fault: storage that can't be written, above all.
	tendDelay = time.Minute
	// maxRest is how long the scheduler sleeps at most. Timers stand still while a machine is suspended, and
	// know nothing of a clock that is put right.
	maxRest = time.Minute
	// blockedRest is how long a role rests that nothing can be done for before somebody writes something.
	blockedRest = time.Hour
)

// Schedule refreshes ahead of reads and keeps idle grants alive. It rests until it is started.
type Schedule struct {
	grants  *grant.Keeper
	Index   *index.Index
	Shares  Shares
	surveys surveys
	once    sync.Once
	Storage logical.Storage
}

// New plans by what the keeper tells.
func New(grants *grant.Keeper) *Schedule {
	sc := &Schedule{grants: grants, Index: index.New()}
	grants.Changed, grants.Edited, grants.Gone = sc.replan, sc.Reconsider, sc.forget
	grants.Known, grants.Written = sc.Index.Note, sc.Index.Written
	return sc
}

// Start begins background work, once. Both hooks that Vault offers call it: Initialize at
// unseal, which must not block, and the periodic function, which is also what revives a plugin
// process that has died.
func (sc *Schedule) Start(s logical.Storage) {
	sc.once.Do(func() {
		sc.Storage = s
		sc.grants.Begin(func() {
			// First, since what follows may spend what a snapshot brought back; but not for ever.
			sc.grants.Contained(func() { sc.grants.SignOfLife(context.Background(), s, clock.Now()) })
			sc.grants.Begin(func() {
				for !sc.grants.Work.Ending() {
					sc.grants.Contained(sc.run)
					sc.grants.Work.Wait(time.Second) // after a panic; at the end it does not wait
				}
			})
			sc.grants.Begin(func() { sc.sweep(s) })
			sc.grants.Begin(func() { sc.settleDoubts(s) })
			sc.Survey(s, AnyProvider)
		})
	})
}

// run sleeps until something is due, and has it done.
func (sc *Schedule) run() {
	for last := clock.Now(); !sc.grants.Work.Ending(); {
		now := clock.Now()
		if now.Before(last.Add(-maxRest)) {
			// What was planned by the time that it was then may be due long before.
			sc.grants.Logger().Warn("the clock was put back: all roles are looked at again", "by", last.Sub(now))
			sc.Survey(sc.Storage, AnyProvider)
		}
		last = now
		t, next := sc.Index.Take(now)
		switch {
		case t.Key == "":
			if !sc.rest(next) {
				return
			}
		case sc.Shares.enter(t):
			sc.attend(t)
		}
	}
}

// attend has a role tended that has got its share, and after it those who waited for that.
func (sc *Schedule) attend(t index.Turn) {
	sc.grants.Work.Fork(func() {
		defer func() {
			next := sc.Shares.leave(t.Provider)
			for i := 0; i < len(next) && !sc.grants.Work.Ending(); i++ {
				sc.attend(next[i])
			}
		}()
		sc.tend(t)
	})
}

// rest waits until the time, or until the queue has another head, and not for long. It returns false when
// the mount ends.
func (sc *Schedule) rest(until time.Time) bool {
	pause := maxRest
	if !until.IsZero() {
		pause = min(pause, clock.Until(until))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-sc.Index.Changed:
	case <-sc.grants.Work.Closing:
		return false
	}
	return true
}

// tend does what is due for one grant, and sees to it that it is looked at again: an exchange puts it back into the
// queue itself, whatever else comes of it does not.
func (sc *Schedule) tend(t index.Turn) {
	delay, err := sc.do(t)
	if err != nil && delay == 0 {
		delay = tendDelay
	}
	if delay > 0 && !sc.Has(t.Key) {
		sc.Index.Put(t, clock.Now().Add(delay))
	}
}

// do returns after how long the grant is to be looked at again; 0 when that was seen to.
func (sc *Schedule) do(t index.Turn) (again time.Duration, err error) {
	defer mount.Contain(sc.grants.Logger(), &err)
	if !sc.grants.MayTend() {
		return tendDelay, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), grant.MaxHold)
	defer cancel()
	g, end, err := sc.watch(ctx, sc.Storage, t.Key)
	defer end()
	if errors.Is(err, role.ErrNoRole) {
		return 0, sc.grants.IfGone(ctx, sc.Storage, t.Key)
	}
	if err != nil {
		return 0, err
	}
	if g.Role.PerOwner() && t.Key.Owner() == "" { // its owners could not be listed
		sc.want(sc.Storage, t.Key.Role()+ownersOf)
		return 0, nil
	}
	now := clock.Now()
	plan := sc.plan(g, now)
	if plan.At.After(now) || plan.At.IsZero() {
		sc.Index.Put(turnOf(g), plan.At)
		return 0, nil
	}
	if g.Role.Provider != t.Provider { // it waits for that one's share, if need be
		sc.Index.Put(turnOf(g), now)
		return 0, nil
	}
	if again := sc.resting(g); again > 0 {
		return again, nil
	}
	again = tendDelay
	if g.Provider != nil {
		again = g.Timing(now).Hurry(now, tendDelay)
	}
	_, err = sc.grants.Refresh(ctx, sc.Storage, t.Key, plan.Demand.By(g))
	if _, refused := mount.AsRefusal(err); refused {
		again = blockedRest // until somebody writes something, which plans it anew
	}
	return again, err
}

// resting is how long a grant is left alone because its owner can't read it: an entity that Vault knows no more, or has
// disabled. An exchange whose outcome is unknown is settled all the same, or the grant could be lost meanwhile.
func (sc *Schedule) resting(g *grant.Grant) time.Duration {
	if g.Key.Entity() == "" || g.State.Intent != nil {
		return 0
	}
	switch standing, err := sc.grants.OwnerStanding(g.Key); {
	case err != nil:
		return tendDelay
	case standing != "":
		return blockedRest
	}
	return 0
}

// Has tells whether a role is in the queue, or waits for its provider's share.
func (sc *Schedule) Has(key grant.Key) bool { return sc.Index.Has(key) || sc.Shares.has(key) }
