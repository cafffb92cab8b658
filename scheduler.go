package oauthrefresh

import (
	"context"
	"sync"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"

	"github.com/hashicorp/vault/sdk/logical"
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

// scheduler refreshes ahead of reads and keeps idle grants alive. It rests until it is started.
type scheduler struct {
	grants  *keeper
	queue   *queue
	shares  shares
	surveys surveys
	once    sync.Once
	storage logical.Storage
}

// newScheduler plans by what the keeper tells.
func newScheduler(grants *keeper) *scheduler {
	sc := &scheduler{grants: grants, queue: newQueue()}
	grants.changed, grants.edited, grants.gone = sc.replan, sc.reconsider, sc.forget
	return sc
}

// start begins background work, once. Both hooks that Vault offers call it: Initialize at
// unseal, which must not block, and the periodic function, which is also what revives a plugin
// process that has died.
func (sc *scheduler) start(s logical.Storage) {
	sc.once.Do(func() {
		sc.storage = s
		sc.grants.begin(func() {
			// First, since what follows may spend what a snapshot brought back; but not for ever.
			sc.grants.contained(func() { sc.grants.signOfLife(context.Background(), s, clock.Now()) })
			sc.grants.begin(func() {
				for !sc.grants.work.ending() {
					sc.grants.contained(sc.run)
					sc.grants.work.wait(time.Second) // after a panic; at the end it does not wait
				}
			})
			sc.grants.begin(func() { sc.sweep(s) })
			sc.resurvey(s, anyProvider)
		})
	})
}

// run sleeps until something is due, and has it done.
func (sc *scheduler) run() {
	for last := clock.Now(); !sc.grants.work.ending(); {
		now := clock.Now()
		if now.Before(last.Add(-maxRest)) {
			// What was planned by the time that it was then may be due long before.
			sc.grants.Logger().Warn("the clock was put back: all roles are looked at again", "by", last.Sub(now))
			sc.resurvey(sc.storage, anyProvider)
		}
		last = now
		t, next := sc.queue.take(now)
		switch {
		case t.name == "":
			if !sc.rest(next) {
				return
			}
		case sc.shares.enter(t):
			sc.attend(t)
		}
	}
}

// attend has a role tended that has got its share, and after it those who waited for that.
func (sc *scheduler) attend(t turn) {
	sc.grants.work.fork(func() {
		defer func() {
			next := sc.shares.leave(t.provider)
			for i := 0; i < len(next) && !sc.grants.work.ending(); i++ {
				sc.attend(next[i])
			}
		}()
		sc.tend(t)
	})
}

// rest waits until the time, or until the queue has another head, and not for long. It returns false when
// the mount ends.
func (sc *scheduler) rest(until time.Time) bool {
	pause := maxRest
	if !until.IsZero() {
		pause = min(pause, clock.Until(until))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-sc.queue.changed:
	case <-sc.grants.work.closing:
		return false
	}
	return true
}

// tend does what is due for one role. An exchange puts the role back into the queue itself; whatever
// else comes of it is looked at again after a while.
func (sc *scheduler) tend(t turn) {
	var err error
	again, delay := false, tendDelay
	defer func() {
		if (again || err != nil) && !sc.has(t.name) {
			sc.queue.put(t, clock.Now().Add(delay))
		}
	}()
	defer contain(sc.grants.Logger(), &err)
	if !sc.grants.mayTend() {
		again = true
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxHold)
	defer cancel()
	r, p, tok, err := sc.grants.lookUp(ctx, sc.storage, t.name)
	if err != nil {
		return
	}
	if r == nil {
		err = sc.dropGone(ctx, t.name)
		return
	}
	now := clock.Now()
	plan := sc.plan(t.name, r, p, tok, now)
	switch {
	case plan.at.After(now) || plan.at.IsZero():
		sc.queue.put(turn{t.name, r.Provider}, plan.at)
	case r.Provider != t.provider: // it waits for that one's share, if need be
		sc.queue.put(turn{t.name, r.Provider}, now)
	default:
		again = true
		if p != nil {
			delay = timingOf(r, p, tok, now).hurry(now, tendDelay)
		}
		_, err = sc.grants.refresh(ctx, sc.storage, t.name, plan.demand)
		if _, refused := asRefusal(err); refused {
			delay = blockedRest // until somebody writes something, which plans it anew
		}
	}
}

// dropGone takes a role out of all background work, unless it was written again since it was found to be gone:
// the write has planned it.
func (sc *scheduler) dropGone(ctx context.Context, name string) error {
	unlock, err := sc.grants.edits.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := getRole(ctx, sc.storage, name)
	if err == nil && r == nil {
		sc.forget(name)
	}
	return err
}

// has tells whether a role is in the queue, or waits for its provider's share.
func (sc *scheduler) has(name string) bool { return sc.queue.has(name) || sc.shares.has(name) }

// planAgain plans a role after an exchange by a fresh look, if a role or provider was written since the exchange
// began with another one: what it has planned by is no longer the definition.
func (k *keeper) planAgain(ctx context.Context, s logical.Storage, name string, began *look) {
	if k.memory.edited(began) {
		k.edited(ctx, s, name)
	}
}
