package mount

import (
	"context"
	"sync"
)

// Locks is a mutex per name whose waiters give up with their context. The zero value is ready.
//
// Names are not striped over a fixed set of locks: two roles on one stripe would wait for each
// other's provider, up to half a minute, for no reason of their own.
type Locks struct {
	Mu    sync.Mutex // guards Locks; both are for tests to look at
	Locks map[string]*namedLock
}

// namedLock exists while somebody holds or waits for it.
type namedLock struct {
	token chan struct{} // capacity 1: whoever puts the token in holds the lock
	Users int
}

// Lock waits for the name's lock. It returns the function that releases it, or the context's error.
func (k *Locks) Lock(ctx context.Context, name string) (unlock func(), err error) {
	k.Mu.Lock()
	l := k.Locks[name]
	if l == nil {
		l = &namedLock{token: make(chan struct{}, 1)}
		if k.Locks == nil {
			k.Locks = map[string]*namedLock{}
		}
		k.Locks[name] = l
	}
	l.Users++
	k.Mu.Unlock()

	select {
	case l.token <- struct{}{}:
		return func() { <-l.token; k.leave(name, l) }, nil
	case <-ctx.Done():
		k.leave(name, l)
		return nil, ctx.Err()
	}
}

// leave forgets the lock with its last user, so that names cost nothing while idle.
func (k *Locks) leave(name string, l *namedLock) {
	k.Mu.Lock()
	defer k.Mu.Unlock()
	if l.Users--; l.Users == 0 {
		delete(k.Locks, name)
	}
}

// Busy tells whether somebody holds or waits for the name's lock.
func (k *Locks) Busy(name string) bool {
	k.Mu.Lock()
	defer k.Mu.Unlock()
	return k.Locks[name] != nil
}
