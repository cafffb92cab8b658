package index_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
)

// The queue gives back what is due, in order, each role once, at the earliest time that it was put in for.
func TestQueueTakesWhatIsDueInOrder(t *testing.T) {
	q, start := index.New(), time.Now()
	want := map[string]time.Time{}
	for range 2000 { // many names come several times, and move
		name, due := fmt.Sprint("role-", rand.N(500)), start.Add(rand.N(time.Hour))
		q.Set(grant.Key(name), due)
		if at, ok := want[name]; !ok || due.Before(at) {
			want[name] = due
		}
	}
	for i := range 50 {
		name := fmt.Sprint("role-", i)
		q.Remove(grant.Key(name))
		delete(want, name)
	}
	last := start
	for range len(want) {
		role, at := q.Take(start.Add(time.Hour))
		if !at.Equal(want[string(role.Key)]) || at.Before(last) {
			t.Fatalf("%q at %s, put in for %s, after one at %s", role.Key, at, want[string(role.Key)], last)
		}
		delete(want, string(role.Key))
		last = at
	}
	if role, next := q.Take(start.Add(time.Hour)); role.Key != "" || !next.IsZero() {
		t.Errorf("an empty queue gives %q, next at %s", role.Key, next)
	}
}

func TestQueueTellsWhenTheNextIsDue(t *testing.T) {
	q, now := index.New(), time.Now()
	q.Set("later", now.Add(2*time.Hour))
	q.Set("soon", now.Add(time.Minute))
	if role, next := q.Take(now); role.Key != "" || !next.Equal(now.Add(time.Minute)) {
		t.Errorf("got %q, %s", role.Key, next)
	}
	<-q.Changed
	q.Set("later", now.Add(time.Hour))
	select {
	case <-q.Changed:
		t.Error("a change behind the head wakes the scheduler")
	default:
	}
}

// Plans come from looks of different ages. The earliest wins, whoever comes last; only taking the role out to
// look at it makes it later.
func TestAPlanMakesNoRoleLater(t *testing.T) {
	q, now := index.New(), time.Now()
	soon := now.Add(time.Minute)
	q.Put(index.Turn{Key: "r", Provider: "old"}, soon)
	q.Put(index.Turn{Key: "r", Provider: "new"}, now.Add(time.Hour))
	q.Put(index.Turn{Key: "r", Provider: "new"}, time.Time{})
	q.Set("r", now.Add(time.Hour))
	if role, at := q.Take(soon); role != (index.Turn{Key: "r", Provider: "new"}) || !at.Equal(soon) {
		t.Errorf("%v at %s, want r of the provider new at %s", role, at, soon)
	}
	if q.Put(index.Turn{Key: "r", Provider: "new"}, time.Time{}); q.Has("r") {
		t.Error("never counts as a time")
	}
}

// A look at a queue of which nothing is due costs the same however long it is.
func BenchmarkQueueIdle(b *testing.B) {
	q, now := index.New(), time.Now()
	for i := range 100_000 {
		q.Set(grant.Key(fmt.Sprint("role-", i)), now.Add(time.Hour+rand.N(time.Hour)))
	}
	for b.Loop() {
		q.Take(now)
	}
}
