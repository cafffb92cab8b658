package mount

import (
	"sync"
	"time"
)

// hurry is how long a task pauses at most between two tries once the mount is ending.
const hurry = 250 * time.Millisecond

// Tasks counts the goroutines that must end before the mount may go. NewTasks makes one.
type Tasks struct {
	Mu      *sync.Mutex   // guards what follows
	Running int           // how many there are
	Closing chan struct{} // closed once the mount ends: no new task starts, retries hurry
	idle    chan struct{} // closed when the last task ends after closing
	over    chan struct{} // closed when nobody waits any longer
}

// NewTasks makes the tasks of a mount that begins.
func NewTasks() Tasks {
	return Tasks{Mu: new(sync.Mutex), Closing: make(chan struct{}), idle: make(chan struct{}), over: make(chan struct{})}
}

// Begin runs f as a task of its own, or returns false when the mount is ending.
func (t *Tasks) Begin(f func()) bool {
	t.Mu.Lock()
	defer t.Mu.Unlock()
	if t.Ending() {
		return false
	}
	t.run(f)
	return true
}

// Fork runs f as a task on behalf of one that runs: since that one is waited for, so can this be.
func (t *Tasks) Fork(f func()) {
	t.Mu.Lock()
	defer t.Mu.Unlock()
	t.run(f)
}

func (t *Tasks) run(f func()) {
	t.Running++
	go func() {
		defer t.done()
		f()
	}()
}

func (t *Tasks) done() {
	t.Mu.Lock()
	defer t.Mu.Unlock()
	t.Running--
	if t.Ending() && t.Running == 0 {
		close(t.idle)
	}
}

// Ending tells whether the mount has begun to end.
func (t *Tasks) Ending() bool { return IsClosed(t.Closing) }

// Wait pauses a task between two tries, shortly once the mount is ending. It returns false when
// nobody waits for the task any longer.
func (t *Tasks) Wait(pause time.Duration) bool {
	closing := t.Closing
	if t.Ending() {
		closing, pause = nil, min(pause, hurry)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-closing:
	case <-t.over:
	}
	return !IsClosed(t.over)
}

// Drain refuses new tasks, waits for the running ones up to the timeout and returns how many are
// left. It may be called more than once.
func (t *Tasks) Drain(timeout time.Duration) int {
	t.Mu.Lock()
	if !t.Ending() {
		close(t.Closing)
		if t.Running == 0 {
			close(t.idle)
		}
	}
	t.Mu.Unlock()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-t.idle:
	case <-timer.C:
	}
	t.StopRetries()
	t.Mu.Lock()
	defer t.Mu.Unlock()
	return t.Running
}

// StopRetries lets no task wait for another try: Wait returns false from now on.
func (t *Tasks) StopRetries() {
	t.Mu.Lock()
	defer t.Mu.Unlock()
	if !IsClosed(t.over) {
		close(t.over)
	}
}

// IsClosed tells whether a channel is closed on which nothing is sent.
func IsClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
