package watch

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// journalSize bounds the memory of a sandbox that is left running.
const journalSize = 10000

// Journal is what was received, for who watches.
type Journal struct {
	log   io.Writer // where a person reads along
	quiet bool      // only refusals are told there

	mu      sync.Mutex
	seq     int
	entries []Entry
	grown   chan struct{} // closed by the next add; nil while nobody waits
}

// NewJournal starts one that tells what it is given on log, or with quiet refusals only.
func NewJournal(log io.Writer, quiet bool) *Journal { return &Journal{log: log, quiet: quiet} }

// Record writes a request down and tells it.
func (j *Journal) Record(e Entry) {
	j.add(e)
	j.say(e)
}

func (j *Journal) add(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	e.Seq = j.seq
	if len(j.entries) == journalSize {
		j.entries = slices.Delete(j.entries, 0, journalSize/10)
	}
	j.entries = append(j.entries, e)
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
}

// wait is list, but waits for an entry until ctx ends: who has sent something to somebody that sends
// something here need not poll.
func (j *Journal) wait(ctx context.Context, provider string, after int) []Entry {
	for {
		j.mu.Lock()
		if j.grown == nil {
			j.grown = make(chan struct{})
		}
		grown := j.grown
		j.mu.Unlock()
		if out := j.list(provider, after); len(out) > 0 {
			return out
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return j.list(provider, after)
		}
	}
}

// list gives the entries after a sequence number, of one provider or (with "") of all.
func (j *Journal) list(provider string, after int) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := []Entry{}
	for _, e := range j.entries {
		if e.Seq > after && (provider == "" || e.Provider == provider) {
			out = append(out, e)
		}
	}
	return out
}

// clear forgets what was received. The sequence goes on, so that who waits is not misled.
func (j *Journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}

// say writes one line for a person to read. Refusals are always told.
func (j *Journal) say(e Entry) {
	verdict := "ok     "
	if e.Refusal != "" || e.Status >= 400 || e.Status == 0 {
		verdict = "REFUSED"
	} else if j.quiet {
		return
	}
	if e.Fault != "" {
		verdict = "FAULT  "
	}
	line := fmt.Sprintf("%s %s %-17s %s %s%s %d", e.Time.Format("15:04:05.000"), verdict, e.Provider, e.Method, e.Host, printablePath(e.Path), e.Status)
	for _, more := range []string{e.Refusal, e.Fault} {
		if more != "" {
			line += ": " + more
		}
	}
	if e.Resent {
		line += " (stored answer of the idempotency key)"
	}
	fmt.Fprintln(j.log, line)
}

func printablePath(p string) string {
	if len(p) > 120 {
		p = p[:120] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, p)
}
