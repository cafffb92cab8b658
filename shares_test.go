package oauthrefresh

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// overdue writes a role whose grant should have been kept alive an hour ago.
func (b *testBackend) overdue(name, provider string) {
	b.t.Helper()
	b.write("roles/"+name, roleOf(provider, fields{"keepalive_period": "10s"}))
	r, err := getRole(context.Background(), b.storage, name)
	if err != nil {
		b.t.Fatal(err)
	}
	r.GrantedAt = time.Now().Add(-time.Hour)
	if err := putRole(context.Background(), b.grants.over(&b.storage.InmemStorage), name, r); err != nil {
		b.t.Fatal(err)
	}
	b.schedule.reconsider(context.Background(), b.storage, name)
}

// waiting waits until so many roles wait for their provider's share, and nothing else is due.
func (b *testBackend) waiting(n int) {
	b.t.Helper()
	s := &b.schedule.shares
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		got := len(s.waits)
		s.mu.Unlock()
		if got == n {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%d roles wait, want %d", got, n)
		}
	}
}

// tending waits until nothing is due and so many refreshes are under way.
func (b *testBackend) tending(n int) {
	b.t.Helper()
	s := &b.schedule.shares
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b.queueIsEmpty()
		s.mu.Lock()
		running := s.running
		s.mu.Unlock()
		if running == n {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%d refreshes are under way, want %d", running, n)
		}
	}
}

// passesOver has the scheduler go round once more, by making a role that does not exist due, and asserts that it looks at
// no other.
func (b *testBackend) passesOver(makeDue func()) {
	b.t.Helper()
	looked, others := make(chan struct{}), make(chan string, 1000)
	var once sync.Once
	b.storage.onGet(func(key string) error {
		if strings.HasSuffix(key, "/nobody") {
			once.Do(func() { close(looked) })
		} else {
			others <- key
		}
		return nil
	})
	defer b.storage.onGet(nil)
	makeDue()
	await(b.t, looked)
	if n := len(others); n > 0 {
		b.t.Errorf("%d reads while all wait, the first of %s", n, <-others)
	}
}

// asked are the paths that the endpoint was asked at.
func asked(server *clienttest.Server) (paths []string) {
	for _, r := range server.Requests() {
		paths = append(paths, r.Path)
	}
	return paths
}

// A provider that hangs, and has more roles than there are workers, does not keep another one's idle grants from
// being refreshed.
func TestOneProviderDoesNotTakeAllWorkers(t *testing.T) { someHang(t, 1) }

// Nor do four of them, which four fixed shares would be enough for.
func TestFourProvidersDoNotTakeAllWorkers(t *testing.T) { someHang(t, 4) }

// someHang has so many providers hang, with more roles in all than there are workers, and waits for another one's.
func someHang(t *testing.T, providers int) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	hang, open := gated(tokenAnswer("late", canary+"late"))
	defer open()
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path == "/other" {
			return tokenAnswer("a", canary+"next")
		}
		return hang
	})
	b.write("providers/other", fields{"token_endpoint": server.URL() + "/other"})
	for i := range providers {
		provider := fmt.Sprint("hangs", i)
		b.write("providers/"+provider, fields{"token_endpoint": server.URL() + "/" + provider})
		for j := range maxWorkers/providers + 10 {
			b.overdue(fmt.Sprint(provider, "-", j), provider)
		}
	}
	b.startBackground()
	b.queueIsEmpty()
	b.overdue("other", "other")
	for end := time.Now().Add(10 * time.Second); !slices.Contains(asked(server), "/other"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d requests, and none of the other provider's", len(server.Requests()))
		}
	}
}

// queueIsEmpty waits until all that is due was begun with, or waits for its share.
func (b *testBackend) queueIsEmpty() {
	b.t.Helper()
	q := b.schedule.queue
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		q.mu.Lock()
		n := len(q.order)
		q.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%d roles are in the queue still", n)
		}
	}
}

// A crowd behind a provider that hangs waits without a look into storage. Who is deleted meanwhile is not refreshed, who
// gets another provider does not wait any longer, and all others have their turn once it answers.
func TestACrowdWaitsWithoutReading(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	hang, open := gated(tokenAnswer("a", canary+"r1"))
	defer open()
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path == "/other" {
			return tokenAnswer("other", canary+"r1")
		}
		return hang
	})
	b.write("providers/other", fields{"token_endpoint": server.URL() + "/other", "token_endpoint_auth_method": "client_secret_post"})
	const n = 300
	b.writeRole("first", fields{"keepalive_period": "240h"})
	b.schedule.queue.remove("first")
	b.startBackground()
	b.queued("first") // the survey is over: it would plan those too that are being refreshed
	b.delete("roles/first")
	for i := range n {
		b.overdue(fmt.Sprint("r", i), "test")
	}
	server.WaitFor(maxOfProvider)
	b.waiting(n - maxOfProvider)
	b.queueIsEmpty() // so nothing comes back for a look
	b.passesOver(func() { b.schedule.queue.set("nobody", time.Now()) })
	b.schedule.shares.mu.Lock()
	parked := slices.Collect(maps.Keys(b.schedule.shares.waits))
	b.schedule.shares.mu.Unlock()
	b.schedule.queue.set(parked[2], time.Now()) // by somebody who could not see whose it is: it waits as before
	b.tending(maxOfProvider)
	deleted, moved := parked[0], parked[1]
	if !b.schedule.has(moved) {
		t.Error("a role that waits is not known to the scheduler")
	}
	b.delete("roles/" + deleted)
	if b.schedule.has(deleted) {
		t.Error("a role that was deleted still waits")
	}
	b.write("roles/"+moved, roleOf("other"))
	server.WaitFor(maxOfProvider + 1)
	if paths := asked(server); paths[len(paths)-1] != "/other" {
		t.Errorf("asked %s", paths[len(paths)-1])
	}
	open()
	server.WaitFor(n - 1) // the role that moved is looked at once more, and has nothing to do
	b.waiting(0)
	for i := range n {
		name := fmt.Sprint("r", i)
		b.settle(name)
		if tok := b.stored(name); name != deleted && (tok == nil || tok.Generation != 1) {
			t.Errorf("%s was not refreshed once", name)
		}
	}
}

// Whatever hangs, a provider that comes later gets a worker, and all the workers are never exceeded.
func TestSharesShrinkAsWorkersDo(t *testing.T) {
	var s shares
	total := 0
	for i := range 12 {
		provider, mine := fmt.Sprint("p", i), 0
		for s.enter(turn{name: fmt.Sprint(provider, "-", mine), provider: provider}) {
			mine++
		}
		if total += mine; mine == 0 || mine > maxOfProvider || total > maxWorkers {
			t.Fatalf("provider %d gets %d, %d in all", i, mine, total)
		}
		if i == 3 && total > maxWorkers*9/10 {
			t.Errorf("four providers take %d of %d", total, maxWorkers)
		}
	}
}

// Who waits has its turn when a share is free, the first one first, each once; and of any provider when the
// workers were all taken.
func TestSharesWakeWhoWaits(t *testing.T) {
	var s shares
	for i := range maxOfProvider {
		s.enter(turn{name: fmt.Sprint(i), provider: "a"})
	}
	for _, name := range []string{"first", "second", "gone", "moves", "second", "last"} {
		if s.enter(turn{name: name, provider: "a"}) {
			t.Fatal(name, " enters")
		}
	}
	s.forget("gone")
	if !s.enter(turn{name: "moves", provider: "b"}) {
		t.Fatal("another provider has no share")
	}
	var woken []turn
	for range 5 {
		woken = append(woken, s.leave("a")...)
	}
	if want := []turn{{name: "first", provider: "a"}, {name: "second", provider: "a"}, {name: "last", provider: "a"}}; !slices.Equal(woken, want) {
		t.Errorf("woken are %v, want %v", woken, want)
	}
	if len(s.waits) != 0 || len(s.lines) != 0 || s.of["a"] != maxOfProvider-2 || s.running != maxOfProvider-1 {
		t.Errorf("left over: %v %v %v, %d run", s.waits, s.lines, s.of, s.running)
	}

	s = shares{}
	providers := 0
	for ; s.running < maxWorkers; providers++ {
		for i := 0; s.enter(turn{name: fmt.Sprint(i), provider: fmt.Sprint(providers)}); i++ {
		}
	}
	if s.enter(turn{name: "late", provider: "late"}) {
		t.Fatal("there are more workers than there are")
	}
	if next := s.leave("0"); len(next) != 1 || s.running != maxWorkers {
		t.Errorf("%v have their turn", next)
	}
}
