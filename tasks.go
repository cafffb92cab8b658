package oauthrefresh

import (
	"sync"
	"time"
)

// hurry is how long a task pauses at most between two tries once the mount is ending.
const hurry = 250 * time.Millisecond

// tasks counts the goroutines that must end before the mount may go.
type tasks struct {
	mu      *sync.Mutex
	running int
	closing chan struct{} // closed once the mount ends: no new task starts, retries hurry
	idle    chan struct{} // closed when the last task ends after closing
	over    chan struct{} // closed when nobody waits any longer
}

func newTasks() tasks {
	return tasks{mu: new(sync.Mutex), closing: make(chan struct{}), idle: make(chan struct{}), over: make(chan struct{})}
}

// begin runs f as a task of its own, or returns false when the mount is ending.
func (t *tasks) begin(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ending() {
		return false
	}
	t.run(f)
	return true
}

// fork runs f as a task on behalf of one that runs: since that one is waited for, so can this be.
func (t *tasks) fork(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run(f)
}

func (t *tasks) run(f func()) {
	t.running++
	go func() {
		defer t.done()
		f()
	}()
}

func (t *tasks) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	if t.ending() && t.running == 0 {
		close(t.idle)
	}
}

func (t *tasks) ending() bool { return isClosed(t.closing) }

// wait pauses a task between two tries, shortly once the mount is ending. It returns false when
// nobody waits for the task any longer.
func (t *tasks) wait(pause time.Duration) bool {
	closing := t.closing
	if t.ending() {
		closing, pause = nil, min(pause, hurry)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-closing:
	case <-t.over:
	}
	return !isClosed(t.over)
}

// drain refuses new tasks, waits for the running ones up to the timeout and returns how many are
// left. It may be called more than once.
func (t *tasks) drain(timeout time.Duration) int {
	t.mu.Lock()
	if !t.ending() {
		close(t.closing)
		if t.running == 0 {
			close(t.idle)
		}
	}
	t.mu.Unlock()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-t.idle:
	case <-timer.C:
	}
	t.stopRetries()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.running
}

// stopRetries lets no task wait for another try.
func (t *tasks) stopRetries() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !isClosed(t.over) {
		close(t.over)
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
