// Package schedule decides when: it refreshes ahead of readers and keeps idle grants alive, by what the keeper of
// grants tells it and by a look at all roles now and then.
package schedule

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

const (
	// TendDelay is how long a role rests when something is in the way of its refresh that is not
	// the provider's fault: storage that can't be written, above all.
	TendDelay = time.Minute
	// MaxRest is how long the scheduler sleeps at most. Timers stand still while a machine is suspended, and
	// know nothing of a clock that is put right.
	MaxRest = time.Minute
	// blockedRest is how long a role rests that nothing can be done for before somebody writes something.
	blockedRest = time.Hour
)

// Scheduler refreshes ahead of reads and keeps idle grants alive. It rests until it is started.
type Scheduler struct {
	grants  *grant.Keeper
	Queue   *queue
	Shares  Shares
	surveys surveys
	once    sync.Once
	Storage logical.Storage
}

// New plans by what the keeper tells.
func New(grants *grant.Keeper) *Scheduler {
	sc := &Scheduler{grants: grants, Queue: NewQueue()}
	grants.Changed, grants.Edited, grants.Gone = sc.replan, sc.Reconsider, sc.forget
	return sc
}

// Start begins background work, once. Both hooks that Vault offers call it: Initialize at
// unseal, which must not block, and the periodic function, which is also what revives a plugin
// process that has died.
func (sc *Scheduler) Start(s logical.Storage) {
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
			sc.Resurvey(s, AnyProvider)
		})
	})
}

// run sleeps until something is due, and has it done.
func (sc *Scheduler) run() {
	for last := clock.Now(); !sc.grants.Work.Ending(); {
		now := clock.Now()
		if now.Before(last.Add(-MaxRest)) {
			// What was planned by the time that it was then may be due long before.
			sc.grants.Logger().Warn("the clock was put back: all roles are looked at again", "by", last.Sub(now))
			sc.Resurvey(sc.Storage, AnyProvider)
		}
		last = now
		t, next := sc.Queue.Take(now)
		switch {
		case t.Name == "":
			if !sc.Rest(next) {
				return
			}
		case sc.Shares.Enter(t):
			sc.attend(t)
		}
	}
}

// attend has a role tended that has got its share, and after it those who waited for that.
func (sc *Scheduler) attend(t Turn) {
	sc.grants.Work.Fork(func() {
		defer func() {
			next := sc.Shares.Leave(t.Provider)
			for i := 0; i < len(next) && !sc.grants.Work.Ending(); i++ {
				sc.attend(next[i])
			}
		}()
		sc.tend(t)
	})
}

// Rest waits until the time, or until the queue has another head, and not for long. It returns false when
// the mount ends.
func (sc *Scheduler) Rest(until time.Time) bool {
	pause := MaxRest
	if !until.IsZero() {
		pause = min(pause, clock.Until(until))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-sc.Queue.Changed:
	case <-sc.grants.Work.Closing:
		return false
	}
	return true
}

// tend does what is due for one role. An exchange puts the role back into the queue itself; whatever
// else comes of it is looked at again after a while.
func (sc *Scheduler) tend(t Turn) {
	var err error
	again, delay := false, TendDelay
	defer func() {
		if (again || err != nil) && !sc.Has(t.Name) {
			sc.Queue.Put(t, clock.Now().Add(delay))
		}
	}()
	defer mount.Contain(sc.grants.Logger(), &err)
	if !sc.grants.MayTend() {
		again = true
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), grant.MaxHold)
	defer cancel()
	r, p, tok, err := sc.grants.LookUp(ctx, sc.Storage, t.Name)
	if err != nil {
		return
	}
	if r == nil {
		err = sc.dropGone(ctx, t.Name)
		return
	}
	now := clock.Now()
	plan := sc.Plan(t.Name, r, p, tok, now)
	switch {
	case plan.At.After(now) || plan.At.IsZero():
		sc.Queue.Put(Turn{t.Name, r.Provider}, plan.At)
	case r.Provider != t.Provider: // it waits for that one's share, if need be
		sc.Queue.Put(Turn{t.Name, r.Provider}, now)
	default:
		again = true
		if p != nil {
			delay = grant.TimingOf(r, p, tok, now).Hurry(now, TendDelay)
		}
		_, err = sc.grants.Refresh(ctx, sc.Storage, t.Name, plan.Demand)
		if _, refused := mount.AsRefusal(err); refused {
			delay = blockedRest // until somebody writes something, which plans it anew
		}
	}
}

// dropGone takes a role out of all background work, unless it was written again since it was found to be gone:
// the write has planned it.
func (sc *Scheduler) dropGone(ctx context.Context, name string) error {
	unlock, err := sc.grants.Edits.Lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := role.Get(ctx, sc.Storage, name)
	if err == nil && r == nil {
		sc.forget(name)
	}
	return err
}

// Has tells whether a role is in the queue, or waits for its provider's share.
func (sc *Scheduler) Has(name string) bool { return sc.Queue.Has(name) || sc.Shares.has(name) }
