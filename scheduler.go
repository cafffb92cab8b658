package oauthrefresh

import (
	"context"
	"sync"
	"sync/atomic"
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
	queue   *queue
	reads   sync.Map // role → generation of the token that was read last
	shares  shares
	surveys surveys
	once    sync.Once
	storage logical.Storage
	life    atomic.Pointer[life] // the last sign of it that was stored; nil before the first
}

func newScheduler() *scheduler { return &scheduler{queue: newQueue()} }

// startScheduler begins background work, once. Both hooks that Vault offers call it: Initialize at
// unseal, which must not block, and the periodic function, which is also what revives a plugin
// process that has died.
func (b *backend) startScheduler(s logical.Storage) {
	b.scheduler.once.Do(func() {
		b.scheduler.storage = s
		b.begin(func() {
			// First, since what follows may spend what a snapshot brought back; but not for ever.
			b.contained(func() { b.signOfLife(context.Background(), s, clock.Now()) })
			b.begin(func() {
				for !b.work.ending() {
					b.contained(b.schedule)
					b.work.wait(time.Second) // after a panic; at the end it does not wait
				}
			})
			b.begin(func() { b.sweep(s) })
			b.resurvey(s, anyProvider)
		})
	})
}

// begin runs a task of its own that a panic does not take the process down with.
func (b *backend) begin(f func()) bool {
	return b.work.begin(func() { b.contained(f) })
}

// contained runs f, whose panic ends f and no more.
func (b *backend) contained(f func()) {
	var err error
	defer b.contain(&err)
	f()
}

func (b *backend) initialize(_ context.Context, req *logical.InitializationRequest) error {
	b.startScheduler(b.over(req.Storage))
	return nil
}

// periodic is called once a minute.
func (b *backend) periodic(ctx context.Context, req *logical.Request) error {
	b.startScheduler(req.Storage)
	b.signOfLife(ctx, req.Storage, clock.Now())
	// Apart, because Vault holds locks until this returns, and providers may be slow.
	if b.catching.CompareAndSwap(false, true) && !b.begin(func() {
		defer b.catching.Store(false)
		if err := b.catchUp(context.Background(), req.Storage); err != nil {
			b.Logger().Warn("revocations could not be caught up with", "error", err)
		}
	}) {
		b.catching.Store(false)
	}
	return nil
}

// schedule sleeps until something is due, and has it done.
func (b *backend) schedule() {
	for last := clock.Now(); !b.work.ending(); {
		now := clock.Now()
		if now.Before(last.Add(-maxRest)) {
			// What was planned by the time that it was then may be due long before.
			b.Logger().Warn("the clock was put back: all roles are looked at again", "by", last.Sub(now))
			b.resurvey(b.scheduler.storage, anyProvider)
		}
		last = now
		t, next := b.scheduler.queue.take(now)
		switch {
		case t.name == "":
			if !b.rest(next) {
				return
			}
		case b.scheduler.shares.enter(t):
			b.attend(t)
		}
	}
}

// attend has a role tended that has got its share, and after it those who waited for that.
func (b *backend) attend(t turn) {
	b.work.fork(func() {
		defer func() {
			next := b.scheduler.shares.leave(t.provider)
			for i := 0; i < len(next) && !b.work.ending(); i++ {
				b.attend(next[i])
			}
		}()
		b.tend(t)
	})
}

// rest waits until the time, or until the queue has another head, and not for long. It returns false when
// the mount ends.
func (b *backend) rest(until time.Time) bool {
	pause := maxRest
	if !until.IsZero() {
		pause = min(pause, clock.Until(until))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.scheduler.queue.changed:
	case <-b.work.closing:
		return false
	}
	return true
}

// mayTend tells whether this node may do background work: a mount that is being disabled may not.
func (b *backend) mayTend() bool { return b.writable() && !b.System().Tainted() }

// tend does what is due for one role. An exchange puts the role back into the queue itself; whatever
// else comes of it is looked at again after a while.
func (b *backend) tend(t turn) {
	var err error
	again, delay := false, tendDelay
	defer func() {
		if (again || err != nil) && !b.scheduler.has(t.name) {
			b.scheduler.queue.put(t, clock.Now().Add(delay))
		}
	}()
	defer b.contain(&err)
	if !b.mayTend() {
		again = true
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxHold)
	defer cancel()
	r, p, tok, err := b.lookUp(ctx, b.scheduler.storage, t.name)
	if err != nil {
		return
	}
	if r == nil {
		err = b.dropGone(ctx, t.name)
		return
	}
	now := clock.Now()
	plan := b.plan(t.name, r, p, tok, now)
	switch {
	case plan.at.After(now) || plan.at.IsZero():
		b.scheduler.queue.put(turn{t.name, r.Provider}, plan.at)
	case r.Provider != t.provider: // it waits for that one's share, if need be
		b.scheduler.queue.put(turn{t.name, r.Provider}, now)
	default:
		again = true
		if p != nil {
			delay = r.timing(p, tok, now).hurry(now, tendDelay)
		}
		_, err = b.refresh(ctx, b.scheduler.storage, t.name, plan.demand)
		if _, refused := asRefusal(err); refused {
			delay = blockedRest // until somebody writes something, which plans it anew
		}
	}
}

// dropGone takes a role out of all background work, unless it was written again since it was found to be gone:
// the write has planned it.
func (b *backend) dropGone(ctx context.Context, name string) error {
	unlock, err := b.edits.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := getRole(ctx, b.scheduler.storage, name)
	if err == nil && r == nil {
		b.scheduler.forget(name)
	}
	return err
}

// has tells whether a role is in the queue, or waits for its provider's share.
func (s *scheduler) has(name string) bool { return s.queue.has(name) || s.shares.has(name) }

// planAgain plans a role after an exchange by a fresh look, if a role or provider was written since the exchange
// began with another one: what it has planned by is no longer the definition.
func (b *backend) planAgain(ctx context.Context, s logical.Storage, name string, began *look) {
	if b.memory.edited(began) {
		b.reconsider(ctx, s, name)
	}
}
