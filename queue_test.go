package oauthrefresh

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// The queue gives back what is due, in order, each role once, at the time it was last put in for.
func TestQueueTakesWhatIsDueInOrder(t *testing.T) {
	q, start := newQueue(), time.Now()
	want := map[string]time.Time{}
	for range 2000 { // many names come several times, and move
		name := fmt.Sprint("role-", rand.N(500))
		want[name] = start.Add(rand.N(time.Hour))
		q.set(name, want[name])
	}
	for i := range 50 {
		name := fmt.Sprint("role-", i)
		q.set(name, time.Time{})
		delete(want, name)
	}
	last := start
	for range len(want) {
		name, at := q.take(start.Add(time.Hour))
		if !at.Equal(want[name]) || at.Before(last) {
			t.Fatalf("%q at %s, put in for %s, after one at %s", name, at, want[name], last)
		}
		delete(want, name)
		last = at
	}
	if name, next := q.take(start.Add(time.Hour)); name != "" || !next.IsZero() {
		t.Errorf("an empty queue gives %q, next at %s", name, next)
	}
}

func TestQueueTellsWhenTheNextIsDue(t *testing.T) {
	q, now := newQueue(), time.Now()
	q.set("later", now.Add(time.Hour))
	q.set("soon", now.Add(time.Minute))
	if name, next := q.take(now); name != "" || !next.Equal(now.Add(time.Minute)) {
		t.Errorf("got %q, %s", name, next)
	}
	<-q.changed
	q.set("later", now.Add(2*time.Hour))
	select {
	case <-q.changed:
		t.Error("a change behind the head wakes the scheduler")
	default:
	}
}

// A look at a queue of which nothing is due costs the same however long it is.
func BenchmarkQueueIdle(b *testing.B) {
	q, now := newQueue(), time.Now()
	for i := range 100_000 {
		q.set(fmt.Sprint("role-", i), now.Add(time.Hour+rand.N(time.Hour)))
	}
	for b.Loop() {
		q.take(now)
	}
}
