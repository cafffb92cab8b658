package oauthrefresh

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// The queue gives back what is due, in order, each role once, at the earliest time that it was put in for.
func TestQueueTakesWhatIsDueInOrder(t *testing.T) {
	q, start := newQueue(), time.Now()
	want := map[string]time.Time{}
	for range 2000 { // many names come several times, and move
		name, due := fmt.Sprint("role-", rand.N(500)), start.Add(rand.N(time.Hour))
		q.set(name, due)
		if at, ok := want[name]; !ok || due.Before(at) {
			want[name] = due
		}
	}
	for i := range 50 {
		name := fmt.Sprint("role-", i)
		q.remove(name)
		delete(want, name)
	}
	last := start
	for range len(want) {
		role, at := q.take(start.Add(time.Hour))
		if !at.Equal(want[role.name]) || at.Before(last) {
			t.Fatalf("%q at %s, put in for %s, after one at %s", role.name, at, want[role.name], last)
		}
		delete(want, role.name)
		last = at
	}
	if role, next := q.take(start.Add(time.Hour)); role.name != "" || !next.IsZero() {
		t.Errorf("an empty queue gives %q, next at %s", role.name, next)
	}
}

func TestQueueTellsWhenTheNextIsDue(t *testing.T) {
	q, now := newQueue(), time.Now()
	q.set("later", now.Add(2*time.Hour))
	q.set("soon", now.Add(time.Minute))
	if role, next := q.take(now); role.name != "" || !next.Equal(now.Add(time.Minute)) {
		t.Errorf("got %q, %s", role.name, next)
	}
	<-q.changed
	q.set("later", now.Add(time.Hour))
	select {
	case <-q.changed:
		t.Error("a change behind the head wakes the scheduler")
	default:
	}
}

// Plans come from looks of different ages. The earliest wins, whoever comes last; only taking the role out to
// look at it makes it later.
func TestAPlanMakesNoRoleLater(t *testing.T) {
	q, now := newQueue(), time.Now()
	soon := now.Add(time.Minute)
	q.put(turn{name: "r", provider: "old"}, soon)
	q.put(turn{name: "r", provider: "new"}, now.Add(time.Hour))
	q.put(turn{name: "r", provider: "new"}, time.Time{})
	q.set("r", now.Add(time.Hour))
	if role, at := q.take(soon); role != (turn{name: "r", provider: "new"}) || !at.Equal(soon) {
		t.Errorf("%v at %s, want r of the provider new at %s", role, at, soon)
	}
	if q.put(turn{name: "r", provider: "new"}, time.Time{}); q.has("r") {
		t.Error("never counts as a time")
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
