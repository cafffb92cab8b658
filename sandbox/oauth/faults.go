package oauth

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// faults is what POST /control has ordered for the next requests of an owner. Each count goes down by one per
// request; a request takes its share of every kind.
type faults struct {
	fail        int // refuse without processing
	status      int
	body        string
	contentType string
	retryAfter  int // seconds
	delays      int // process, answer late
	delay       time.Duration
	drops       int           // process, then close the connection without an answer
	hangs       int           // neither process nor answer
	holds       int           // process, answer when released
	gate        chan struct{} // closed by a release
}

// Fault is one request's share.
type Fault struct {
	fail, drop, hang bool
	reply            Reply
	delay            time.Duration
	hold             <-chan struct{}
}

func spend(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// owner is whose requests faults are for: of a grant, of a client, at one endpoint or at all of them, or, as the zero
// value, of anybody.
type owner struct {
	grant    *grant
	client   string
	endpoint string
}

// faultsOf are the faults that were or are to be ordered for an owner.
func (l *Ledger) faultsOf(o owner) *faults {
	if o == (owner{}) {
		return &l.faults
	}
	if l.owned[o] == nil {
		l.owned[o] = new(faults)
	}
	return l.owned[o]
}

// take gives a request what was ordered for its grant, else for its client, else for its endpoint, else for anybody.
func (l *Ledger) take(c *Call) Fault {
	var whose []owner
	if g := c.presented(l); g != nil {
		whose = append(whose, owner{grant: g, endpoint: c.Endpoint}, owner{grant: g})
	}
	if client := c.Claimed(); client != "" {
		whose = append(whose, owner{client: client, endpoint: c.Endpoint}, owner{client: client})
	}
	for _, o := range append(whose, owner{endpoint: c.Endpoint}) {
		if f := l.owned[o]; f != nil {
			if got := f.take(); got.any() {
				return got
			}
		}
	}
	return l.faults.take()
}

func (f *faults) take() Fault {
	var out Fault
	if out.hang = spend(&f.hangs); out.hang {
		return out
	}
	if out.fail = spend(&f.fail); out.fail {
		h := http.Header{"Content-Type": {f.contentType}}
		if f.retryAfter > 0 {
			h.Set("Retry-After", strconv.Itoa(f.retryAfter))
		}
		out.reply = Reply{Status: f.status, Header: h, Body: []byte(f.body), Refusal: "ordered failure"}
	}
	out.drop = spend(&f.drops)
	if spend(&f.delays) {
		out.delay = f.delay
	}
	if spend(&f.holds) {
		if f.gate == nil {
			f.gate = make(chan struct{})
		}
		out.hold = f.gate
	}
	return out
}

// release lets every held answer go, and holds no other.
func (f *faults) release() {
	f.holds = 0
	if f.gate != nil {
		close(f.gate)
		f.gate = nil
	}
}

func (f Fault) any() bool { return f.fail || f.drop || f.hang || f.delay > 0 || f.hold != nil }

// Unanswered says that the client gets no answer.
func (f Fault) Unanswered() bool { return f.drop || f.hang }

// Wait does what was ordered between the work and the answer; false means that no answer is to be given, as when the
// client gives up or everything stops.
func (f Fault) Wait(client, stop context.Context) bool {
	var late <-chan time.Time
	switch {
	case f.drop:
		return false
	case f.hang:
	case f.hold != nil:
		select {
		case <-f.hold:
			return true
		case <-client.Done():
			return false
		case <-stop.Done():
			return false
		}
	case f.delay > 0:
		late = time.After(f.delay)
	default:
		return true
	}
	select {
	case <-late:
		return true
	case <-client.Done():
	case <-stop.Done():
	}
	return false
}

// String says what was ordered, "" for nothing.
func (f Fault) String() string {
	var out []string
	for _, part := range []struct {
		on   bool
		text string
	}{
		{f.hang, "hang: neither processed nor answered"},
		{f.fail, "fail: not processed"},
		{f.drop, "drop: processed, the answer lost"},
		{f.delay > 0, "delay"},
		{f.hold != nil, "hold: processed, answered when released"},
	} {
		if part.on {
			out = append(out, part.text)
		}
	}
	return strings.Join(out, ", ")
}
