package e2e

import (
	"strconv"
	"strings"
	"time"
)

// request is one entry of the sandbox's journal.
type request struct {
	Seq             int
	Provider, Fault string
	ClientID        string `json:"client_id"` // whose it says that it is, "" where nobody can tell
	Method, Host    string
	Status          int
	Replay          bool
	Params          map[string]string // secrets as digests
}

// next lists what the sandbox has received after a number; it waits so long for something to come.
func (s *sandbox) next(after int, wait time.Duration) []request {
	s.t.Helper()
	var out []request
	s.call("/requests?after="+strconv.Itoa(after)+"&wait="+wait.String(), nil, &out)
	return out
}

// last is the number of what the sandbox has received last.
func (s *sandbox) last() int {
	s.t.Helper()
	all := s.next(0, 0)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].Seq
}

// await waits until the sandbox has received a request after a number that is as wanted.
func (s *sandbox) await(what string, after int, wanted func(request) bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		for _, r := range s.next(after, time.Second) {
			if after = r.Seq; wanted(r) {
				return
			}
		}
	}
	s.t.Fatalf("the sandbox has not received %s", what)
}

// holdNext makes a provider process its next request and not answer it, and waits for that request.
func (s *sandbox) holdNext(provider string) {
	s.t.Helper()
	seen := s.last()
	s.control(provider, map[string]any{"hold": 1})
	s.await("a request to hold", seen, func(r request) bool { return r.Provider == provider && strings.HasPrefix(r.Fault, "hold") })
}
