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
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// overdue writes a role whose grant should have been kept alive an hour ago.
func (b *testBackend) overdue(name, provider string) {
	b.t.Helper()
	b.write("roles/"+name, roleOf(provider, fields{"keepalive_period": "10s"}))
	r, err := role.Get(context.Background(), b.storage, name)
	if err != nil {
		b.t.Fatal(err)
	}
	r.GrantedAt = time.Now().Add(-time.Hour)
	if err := role.Put(context.Background(), b.grants.Over(&b.storage.InmemStorage), name, r); err != nil {
		b.t.Fatal(err)
	}
	b.schedule.Reconsider(context.Background(), b.storage, grant.Key(name))
}

// waiting waits until so many roles wait for their provider's share, and nothing else is due.
func (b *testBackend) waiting(n int) {
	b.t.Helper()
	s := &b.schedule.Shares
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		s.Mu.Lock()
		got := len(s.Waits)
		s.Mu.Unlock()
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
	s := &b.schedule.Shares
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b.queueIsEmpty()
		s.Mu.Lock()
		running := s.Running
		s.Mu.Unlock()
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
		for j := range schedule.MaxWorkers/providers + 10 {
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
	q := b.schedule.Queue
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		q.Mu.Lock()
		n := len(q.Order)
		q.Mu.Unlock()
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
	b.schedule.Queue.Remove("first")
	b.startBackground()
	b.queued("first") // the survey is over: it would plan those too that are being refreshed
	b.delete("roles/first")
	for i := range n {
		b.overdue(fmt.Sprint("r", i), "test")
	}
	server.WaitFor(schedule.MaxOfProvider)
	b.waiting(n - schedule.MaxOfProvider)
	b.queueIsEmpty() // so nothing comes back for a look
	b.passesOver(func() { b.schedule.Queue.Set("nobody", time.Now()) })
	b.schedule.Shares.Mu.Lock()
	parked := slices.Collect(maps.Keys(b.schedule.Shares.Waits))
	b.schedule.Shares.Mu.Unlock()
	b.schedule.Queue.Set(parked[2], time.Now()) // by somebody who could not see whose it is: it waits as before
	b.tending(schedule.MaxOfProvider)
	deleted, moved := parked[0], parked[1]
	if !b.schedule.Has(moved) {
		t.Error("a role that waits is not known to the scheduler")
	}
	b.delete("roles/" + deleted.Role())
	if b.schedule.Has(deleted) {
		t.Error("a role that was deleted still waits")
	}
	b.write("roles/"+moved.Role(), roleOf("other"))
	server.WaitFor(schedule.MaxOfProvider + 1)
	if paths := asked(server); paths[len(paths)-1] != "/other" {
		t.Errorf("asked %s", paths[len(paths)-1])
	}
	open()
	server.WaitFor(n - 1) // the role that moved is looked at once more, and has nothing to do
	b.waiting(0)
	for i := range n {
		name := fmt.Sprint("r", i)
		b.settle(name)
		if tok := b.stored(name); name != deleted.Role() && (tok == nil || tok.Generation != 1) {
			t.Errorf("%s was not refreshed once", name)
		}
	}
}

// Whatever hangs, a provider that comes later gets a worker, and all the workers are never exceeded.
func TestSharesShrinkAsWorkersDo(t *testing.T) {
	var s schedule.Shares
	total := 0
	for i := range 12 {
		provider, mine := fmt.Sprint("p", i), 0
		for s.Enter(schedule.Turn{Key: grant.Key(fmt.Sprint(provider, "-", mine)), Provider: provider}) {
			mine++
		}
		if total += mine; mine == 0 || mine > schedule.MaxOfProvider || total > schedule.MaxWorkers {
			t.Fatalf("provider %d gets %d, %d in all", i, mine, total)
		}
		if i == 3 && total > schedule.MaxWorkers*9/10 {
			t.Errorf("four providers take %d of %d", total, schedule.MaxWorkers)
		}
	}
}

// Who waits has its turn when a share is free, the first one first, each once; and of any provider when the
// workers were all taken.
func TestSharesWakeWhoWaits(t *testing.T) {
	var s schedule.Shares
	for i := range schedule.MaxOfProvider {
		s.Enter(schedule.Turn{Key: grant.Key(fmt.Sprint(i)), Provider: "a"})
	}
	for _, name := range []string{"first", "second", "gone", "moves", "second", "last"} {
		if s.Enter(schedule.Turn{Key: grant.Key(name), Provider: "a"}) {
			t.Fatal(name, " enters")
		}
	}
	s.Forget("gone")
	if !s.Enter(schedule.Turn{Key: "moves", Provider: "b"}) {
		t.Fatal("another provider has no share")
	}
	var woken []schedule.Turn
	for range 5 {
		woken = append(woken, s.Leave("a")...)
	}
	if want := []schedule.Turn{{Key: "first", Provider: "a"}, {Key: "second", Provider: "a"}, {Key: "last", Provider: "a"}}; !slices.Equal(woken, want) {
		t.Errorf("woken are %v, want %v", woken, want)
	}
	if len(s.Waits) != 0 || len(s.Lines) != 0 || s.Of["a"] != schedule.MaxOfProvider-2 || s.Running != schedule.MaxOfProvider-1 {
		t.Errorf("left over: %v %v %v, %d run", s.Waits, s.Lines, s.Of, s.Running)
	}

	s = schedule.Shares{}
	providers := 0
	for ; s.Running < schedule.MaxWorkers; providers++ {
		for i := 0; s.Enter(schedule.Turn{Key: grant.Key(fmt.Sprint(i)), Provider: fmt.Sprint(providers)}); i++ {
		}
	}
	if s.Enter(schedule.Turn{Key: "late", Provider: "late"}) {
		t.Fatal("there are more workers than there are")
	}
	if next := s.Leave("0"); len(next) != 1 || s.Running != schedule.MaxWorkers {
		t.Errorf("%v have their turn", next)
	}
}
