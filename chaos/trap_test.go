package chaos

import "sync"

// point is a moment of a refresh, as far as it can be seen from outside.
type point int

const (
	beforeIntent point = iota
	intentStored
	requestSent
	processedLate
	rotated
	answerSent
	stateStored
	readerWaits
	points // how many there are
)

func (p point) String() string {
	return [points]string{
		"before the intent is stored",
		"the intent is stored, the plugin doesn't know yet",
		"the request is sent, the provider never processes it",
		"the request is sent, the provider processes it later",
		"the provider has rotated the token, its answer is held back",
		"the answer is sent, the new state not stored",
		"the new state is stored, the plugin doesn't know yet",
		"after that, before the reader has its answer",
	}[p]
}

// stage is how far a refresh has come.
type stage int

const (
	begun stage = iota
	answered
	stored
)

// trap stops one refresh of one role at one point until it is opened. A nil trap stops nothing.
type trap struct {
	point point
	fired chan struct{} // closed when the point is reached
	way   chan struct{} // closed to let go what was stopped

	once   sync.Once
	mu     sync.Mutex
	opened bool
	stage  stage
	killed bool
}

func newTrap(p point) *trap {
	return &trap{point: p, fired: make(chan struct{}), way: make(chan struct{})}
}

// hold stops its caller if this is the point, and tells whether the plugin was killed meanwhile.
func (t *trap) hold(p point) (killed bool) {
	if t == nil || t.point != p {
		return false
	}
	t.once.Do(func() { close(t.fired) })
	<-t.way
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.killed
}

// open ends the trap, after a kill or without one.
func (t *trap) open(killed bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.opened {
		t.opened, t.killed = true, killed
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

// put are the points around a write of a role's token: before the provider has answered it is the
// intent, after that it is the new state.
func (t *trap) put() (before, after point) {
	if t.passed(answered) {
		return answerSent, stateStored
	}
	return beforeIntent, intentStored
}
