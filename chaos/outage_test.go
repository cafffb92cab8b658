package chaos

import (
	"errors"
	"sync"
	"time"
)

// outage is storage that fails the writes of one role, from the first one of a kind on.
type outage struct {
	kind    point         // intentStored or stateStored
	err     error         // what the plugin hears
	times   int           // so many writes fail,
	lasts   time.Duration // and all in this time
	applied bool          // they are applied all the same

	mu     sync.Mutex
	failed int
	began  time.Time
}

// errStorage is what Vault says when it has lost its storage. Only the text arrives.
var errStorage = errors.New("the storage backend does not answer")

// before fails a write that is not applied.
func (o *outage) before(kind point) error {
	if o != nil && !o.applied && o.strikes(kind) {
		return o.err
	}
	return nil
}

// after fails a write that is.
func (o *outage) after(kind point) error {
	if o != nil && o.applied && o.strikes(kind) {
		return o.err
	}
	return nil
}

func (o *outage) strikes(kind point) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if kind != o.kind {
		return false
	}
	if o.failed == 0 {
		o.began = time.Now()
	}
	if o.failed >= o.times && time.Since(o.began) >= o.lasts {
		return false
	}
	o.failed++
	return true
}

// active tells whether it has begun and goes on.
func (o *outage) active() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed > 0 && (o.failed < o.times || time.Since(o.began) < o.lasts)
}
