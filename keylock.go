package oauthrefresh

import (
	"context"
	"sync"
)

// keylock is a mutex per name whose waiters give up with their context. The zero value is ready.
//
// Names are not striped over a fixed set of locks: two roles on one stripe would wait for each
// other's provider, up to half a minute, for no reason of their own.
type keylock struct {
	mu    sync.Mutex
	locks map[string]*namedLock
}

// namedLock exists while somebody holds or waits for it.
type namedLock struct {
	token chan struct{} // capacity 1: whoever puts the token in holds the lock
	users int
}

// lock waits for the name's lock. It returns the function that releases it, or the context's error.
func (k *keylock) lock(ctx context.Context, name string) (unlock func(), err error) {
	k.mu.Lock()
	l := k.locks[name]
	if l == nil {
		l = &namedLock{token: make(chan struct{}, 1)}
		if k.locks == nil {
			k.locks = map[string]*namedLock{}
		}
		k.locks[name] = l
	}
	l.users++
	k.mu.Unlock()

	select {
	case l.token <- struct{}{}:
		return func() { <-l.token; k.leave(name, l) }, nil
	case <-ctx.Done():
		k.leave(name, l)
		return nil, ctx.Err()
	}
}

// leave forgets the lock with its last user, so that names cost nothing while idle.
func (k *keylock) leave(name string, l *namedLock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(k.locks, name)
	}
}

// busy tells whether somebody holds or waits for the name's lock.
func (k *keylock) busy(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.locks[name] != nil
}
