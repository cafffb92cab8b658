package chaos

import (
	"math/rand/v2"
	"sync"
	"time"
)

// point is a moment of a refresh, as far as it can be seen from outside.
type point int

const nowhere point = -1

const (
	beforeIntent point = iota
	intentStored
	requestSent
	processedLate
	rotated
	answerSent
	stateHeld // not a stop: storage fails the write until the trap is released
	stateStored
	readerWaits
	anyMoment // wherever the refresh is: nothing is stopped, every step takes its time
	points    // how many there are
	again     // no point but a row of the table: two kills, with any of these each
	rows
)

func (p point) String() string {
	return map[point]string{
		beforeIntent:  "before the intent is stored",
		intentStored:  "the intent is stored, the plugin not told",
		requestSent:   "the request is sent, the provider never processes it",
		processedLate: "the request is sent, the provider processes it after the kill",
		rotated:       "the provider has rotated the token and holds its answer back",
		answerSent:    "the answer is sent, the new state not stored",
		stateHeld:     "storage fails the new state, the plugin keeps it in memory",
		stateStored:   "the new state is stored, the plugin not told",
		readerWaits:   "the plugin is told, its reader has no answer yet",
		anyMoment:     "at a random moment",
		again:         "any of these, and any again during the recovery",
	}[p]
}

// moments are the points where nothing is killed: to the provider it is one whether it processes a
// request late or never.
func moments() []string {
	var names []string
	for p := range points {
		names = append(names, p.String())
	}
	names[requestSent] = "the request is sent, the provider has not processed it"
	names[stateHeld] = "storage fails the new state"
	return names
}

// moment is the point's place among the moments.
func (p point) moment() int {
	if p == processedLate {
		p = requestSent
	}
	return int(p)
}

// extra is how many of the refreshes were too many, or below 0 too few. At a random moment there may
// be none: it may be before the refresh has begun.
func (p point) extra(refreshes int) int {
	if p == anyMoment && refreshes == 0 {
		return 0
	}
	return refreshes - 1
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
	point  point
	delays [points]time.Duration // what the steps take, with anyMoment
	fired  chan struct{}         // closed when the point is reached
	way    chan struct{}         // closed to let go what was stopped

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

// put are the points around a write of a role's token: before the provider has answered it is the
// intent, after that it is the new state.
func (t *trap) put() (before, after point) {
	if t.passed(answered) {
		return answerSent, stateStored
	}
	return beforeIntent, intentStored
}
