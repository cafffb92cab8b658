package schedule_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

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
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	hang, open := enginetest.Gated(enginetest.TokenAnswer("late", enginetest.Canary+"late"))
	defer open()
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path == "/other" {
			return enginetest.TokenAnswer("a", enginetest.Canary+"next")
		}
		return hang
	})
	b.Write("providers/other", enginetest.Fields{"token_endpoint": server.URL() + "/other"})
	for i := range providers {
		provider := fmt.Sprint("hangs", i)
		b.Write("providers/"+provider, enginetest.Fields{"token_endpoint": server.URL() + "/" + provider})
		for j := range schedule.MaxWorkers/providers + 10 {
			b.Overdue(fmt.Sprint(provider, "-", j), provider)
		}
	}
	b.StartBackground()
	b.QueueIsEmpty()
	b.Overdue("other", "other")
	for end := time.Now().Add(10 * time.Second); !slices.Contains(asked(server), "/other"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d requests, and none of the other provider's", len(server.Requests()))
		}
	}
}

// A crowd behind a provider that hangs waits without a look into storage. Who is deleted meanwhile is not refreshed, who
// gets another provider does not wait any longer, and all others have their turn once it answers.
func TestACrowdWaitsWithoutReading(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	hang, open := enginetest.Gated(enginetest.TokenAnswer("a", enginetest.Canary+"r1"))
	defer open()
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path == "/other" {
			return enginetest.TokenAnswer("other", enginetest.Canary+"r1")
		}
		return hang
	})
	b.Write("providers/other", enginetest.Fields{"token_endpoint": server.URL() + "/other", "token_endpoint_auth_method": "client_secret_post"})
	const n = 300
	b.WriteRole("first", enginetest.Fields{"keepalive_period": "240h"})
	b.Schedule.Index.Remove("first")
	b.StartBackground()
	b.Queued("first") // the survey is over: it would plan those too that are being refreshed
	b.Delete("roles/first")
	for i := range n {
		b.Overdue(fmt.Sprint("r", i), "test")
	}
	server.WaitFor(schedule.MaxOfProvider)
	b.Waiting(n - schedule.MaxOfProvider)
	b.QueueIsEmpty() // so nothing comes back for a look
	b.PassesOver(func() { b.Schedule.Index.Set("nobody", time.Now()) })
	b.Schedule.Shares.Mu.Lock()
	parked := slices.Collect(maps.Keys(b.Schedule.Shares.Waits))
	b.Schedule.Shares.Mu.Unlock()
	b.Schedule.Index.Set(parked[2], time.Now()) // by somebody who could not see whose it is: it waits as before
	b.Tending(schedule.MaxOfProvider)
	deleted, moved := parked[0], parked[1]
	if !b.Schedule.Has(moved) {
		t.Error("a role that waits is not known to the scheduler")
	}
	b.Delete("roles/" + deleted.Role())
	if b.Schedule.Has(deleted) {
		t.Error("a role that was deleted still waits")
	}
	b.Write("roles/"+moved.Role(), enginetest.RoleOf("other"))
	server.WaitFor(schedule.MaxOfProvider + 1)
	if paths := asked(server); paths[len(paths)-1] != "/other" {
		t.Errorf("asked %s", paths[len(paths)-1])
	}
	open()
	server.WaitFor(n - 1) // the role that moved is looked at once more, and has nothing to do
	b.Waiting(0)
	for i := range n {
		name := fmt.Sprint("r", i)
		b.Settle(name)
		if tok := b.Stored(name); name != deleted.Role() && (tok == nil || tok.Generation != 1) {
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
		for s.Enter(index.Turn{Key: grant.Key(fmt.Sprint(provider, "-", mine)), Provider: provider}) {
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
		s.Enter(index.Turn{Key: grant.Key(fmt.Sprint(i)), Provider: "a"})
	}
	for _, name := range []string{"first", "second", "gone", "moves", "second", "last"} {
		if s.Enter(index.Turn{Key: grant.Key(name), Provider: "a"}) {
			t.Fatal(name, " enters")
		}
	}
	s.Forget("gone")
	if !s.Enter(index.Turn{Key: "moves", Provider: "b"}) {
		t.Fatal("another provider has no share")
	}
	var woken []index.Turn
	for range 5 {
		woken = append(woken, s.Leave("a")...)
	}
	if want := []index.Turn{{Key: "first", Provider: "a"}, {Key: "second", Provider: "a"}, {Key: "last", Provider: "a"}}; !slices.Equal(woken, want) {
		t.Errorf("woken are %v, want %v", woken, want)
	}
	if len(s.Waits) != 0 || len(s.Lines) != 0 || s.Of["a"] != schedule.MaxOfProvider-2 || s.Running != schedule.MaxOfProvider-1 {
		t.Errorf("left over: %v %v %v, %d run", s.Waits, s.Lines, s.Of, s.Running)
	}

	s = schedule.Shares{}
	providers := 0
	for ; s.Running < schedule.MaxWorkers; providers++ {
		for i := 0; s.Enter(index.Turn{Key: grant.Key(fmt.Sprint(i)), Provider: fmt.Sprint(providers)}); i++ {
		}
	}
	if s.Enter(index.Turn{Key: "late", Provider: "late"}) {
		t.Fatal("there are more workers than there are")
	}
	if next := s.Leave("0"); len(next) != 1 || s.Running != schedule.MaxWorkers {
		t.Errorf("%v have their turn", next)
	}
}
