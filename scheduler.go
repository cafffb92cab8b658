package oauthrefresh

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"

	"github.com/hashicorp/vault/sdk/logical"
)

const (
	// maxWorkers bounds the refreshes that run in the background at once, maxOfProvider those of one
	// provider: one that hangs must not keep the others' from being made. With a provider that takes a
	// second, 64 are enough for 230,000 one-hour tokens.
	maxWorkers, maxOfProvider = 256, 64
	// crowdDelay is how long a role waits whose provider has its share.
	crowdDelay = time.Second
	// tendDelay is how long a role rests when something is in the way of its refresh that is not
	// the provider's fault: storage that can't be written, above all.
	tendDelay = time.Minute
)

// scheduler refreshes ahead of reads and keeps idle grants alive. It rests until it is started.
type scheduler struct {
	queue   *queue
	reads   sync.Map // role → generation of the token that was read last
	workers chan struct{}
	shares  shares
	once    sync.Once
	storage logical.Storage
	life    atomic.Pointer[life] // the last sign of it that was stored; nil before the first
}

func newScheduler() *scheduler {
	return &scheduler{queue: newQueue(), workers: make(chan struct{}, maxWorkers)}
}

// startScheduler begins background work, once. Both hooks that Vault offers call it: Initialize at
// unseal, which must not block, and the periodic function, which is also what revives a plugin
// process that has died.
func (b *backend) startScheduler(s logical.Storage) {
	b.scheduler.once.Do(func() {
		b.scheduler.storage = s
		b.begin(func() {
			b.signOfLife(context.Background(), s, clock.Now()) // first: what follows may spend what a snapshot brought back
			b.begin(b.schedule)
			b.survey(s, "")
		})
	})
}

// begin runs a task of its own that a panic does not take the process down with.
func (b *backend) begin(f func()) bool {
	return b.work.begin(func() {
		var err error
		defer b.contain(&err)
		f()
	})
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
	for {
		name, next := b.scheduler.queue.take(clock.Now())
		if name == "" {
			if !b.rest(next) {
				return
			}
			continue
		}
		if !b.mayTend() {
			b.scheduler.queue.set(name, clock.Now().Add(tendDelay))
			continue
		}
		select {
		case b.scheduler.workers <- struct{}{}:
		case <-b.work.closing:
			return
		}
		b.work.fork(func() {
			defer func() { <-b.scheduler.workers }()
			b.tend(name)
		})
	}
}

// rest waits until the time, or until the queue has another head. It returns false when the mount
// ends.
func (b *backend) rest(until time.Time) bool {
	pause := time.Hour
	if !until.IsZero() {
		pause = clock.Until(until)
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
func (b *backend) tend(name string) {
	var err error
	tried := false
	defer func() {
		if (tried || err != nil) && !b.scheduler.queue.has(name) {
			b.scheduler.queue.set(name, clock.Now().Add(tendDelay))
		}
	}()
	defer b.contain(&err)
	ctx, cancel := context.WithTimeout(context.Background(), maxHold)
	defer cancel()
	r, p, tok, err := b.lookUp(ctx, b.scheduler.storage, name)
	if err != nil {
		return
	}
	if r == nil {
		b.scheduler.forget(name)
		return
	}
	plan := b.plan(name, r, p, tok, clock.Now())
	if plan.at.After(clock.Now()) || plan.at.IsZero() {
		b.scheduler.queue.set(name, plan.at)
		return
	}
	if !b.scheduler.shares.enter(r.Provider) {
		b.scheduler.queue.set(name, clock.Now().Add(crowdDelay+rand.N(crowdDelay)))
		return
	}
	defer b.scheduler.shares.leave(r.Provider)
	tried = true
	_, err = b.refresh(ctx, b.scheduler.storage, name, plan.demand)
}
