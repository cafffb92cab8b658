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
	Method, Host    string
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

// holdNext makes a provider process its next request and not answer it, and waits for that request.
func (s *sandbox) holdNext(provider string) {
	s.t.Helper()
	seen := s.last()
	s.control(provider, map[string]any{"hold": 1})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		for _, r := range s.next(seen, time.Second) {
			if seen = r.Seq; r.Provider == provider && strings.HasPrefix(r.Fault, "hold") {
				return
			}
		}
	}
	s.t.Fatalf("nothing was sent to %s", provider)
}
