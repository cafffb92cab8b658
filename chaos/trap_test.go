package chaos

import (
	"math/rand/v2"
	"sync"
	"time"
)

// stage is how far a refresh has come.
type stage int

const (
	begun stage = iota
	answered
	stored
)

// trap stops one refresh of one role at one point until it is opened. A nil trap stops nothing.
type trap struct {
	point  point
	delays [rows]time.Duration // what the steps take, with anyMoment
	fired  chan struct{}       // closed when the point is reached
	way    chan struct{}       // closed to let go what was stopped

	mu            sync.Mutex
	stage         stage
	isFired, open bool
	killed        bool
}

func newTrap(p point, random *rand.Rand) *trap {
	t := &trap{point: p, fired: make(chan struct{}), way: make(chan struct{})}
	for i := range t.delays {
		t.delays[i] = time.Duration(random.Int64N(int64(3 * time.Millisecond)))
	}
	return t
}

// hold stops its caller if this is the point, and tells whether the plugin was killed meanwhile.
func (t *trap) hold(p point) (killed bool) {
	if t == nil || t.point != p {
		if t != nil && t.point == anyMoment {
			time.Sleep(t.delays[p])
		}
		return false
	}
	t.fire()
	<-t.way
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.killed
}

// refuses tells whether a write fails.
func (t *trap) refuses(p point) bool {
	if t == nil || t.point != stateHeld || p != stateStored {
		return false
	}
	t.fire()
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.open || t.killed
}

func (t *trap) fire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.isFired {
		t.isFired = true
		close(t.fired)
	}
}

// release ends the trap, after a kill or without one.
func (t *trap) release(killed bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.open {
		t.open, t.killed = true, killed
		close(t.way)
	}
}

func (t *trap) pass(s stage) {
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.stage = s
	}
}

func (t *trap) passed(s stage) bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stage >= s
}

// put are the points around a write of a role's token: between the provider's answer and its being
// stored it is the new state, else an intent.
func (t *trap) put() (before, after point) {
	if t.passed(answered) && !t.passed(stored) {
		return answerSent, stateStored
	}
	return beforeIntent, intentStored
}
