package chaos

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

var long = flag.Bool("long", false, "let storage fail for as long as outages last: ten writes in a row, a minute")

// Storage fails while a refresh is under way: before anything is sent, nothing may be sent; after the
// answer has come, it must be kept, served and stored, and no other refresh may start meanwhile.
func TestStorageFails(t *testing.T) {
	t.Parallel()
	began, outages := time.Now(), newOutages()
	results := &outcomes{title: "storage"}
	for _, o := range outages {
		results.names = append(results.names, o.name)
	}
	l := newLane(t, 30, len(outages)*turns(), 3600)
	delays := map[*grant]time.Duration{}
	for i, g := range l.grants {
		g.arm(newTrap(nowhere, l.random), outages[i%len(outages)].make())
		delays[g] = l.within(time.Duration(len(l.grants)) * 5 * time.Millisecond) // not all at once
	}
	number := map[*grant]int{}
	for i, g := range l.grants {
		number[g] = i % len(outages)
	}
	l.each(func(g *grant) {
		time.Sleep(delays[g])
		if g.outage().kind == intentStored {
			l.withoutIntent(g)
		} else {
			l.withoutState(g)
		}
		results.add(l, number[g], g, g.current().Refreshes()-1)
		if _, err := l.process.force(context.Background(), g, 1); err != nil {
			t.Errorf("%s, storage %s: the next refresh: %v", g.key(), outages[number[g]].name, err)
		}
	})
	report(t, "storage", results.String(), began)
}

// namedOutage makes outages of one kind.
type namedOutage struct {
	name string
	make func() *outage
}

func newOutages() []namedOutage {
	times, lasts := 3, 2*time.Second
	if *long {
		times, lasts = 10, time.Minute
	}
	return []namedOutage{
		{"fails the intent", func() *outage { return &outage{kind: intentStored, err: errStorage, times: 1} }},
		{"reports that the intent failed, and has stored it", func() *outage {
			return &outage{kind: intentStored, err: errStorage, times: 1, applied: true}
		}},
		{"is read-only before the refresh", func() *outage { return &outage{kind: intentStored, err: logical.ErrReadOnly, times: 1} }},
		{"fails the new state once", func() *outage { return &outage{kind: stateStored, err: errStorage, times: 1} }},
		{fmt.Sprintf("fails the new state %d times", times), func() *outage { return &outage{kind: stateStored, err: errStorage, times: times} }},
		{fmt.Sprintf("fails the new state for %.0f seconds", lasts.Seconds()), func() *outage { return &outage{kind: stateStored, err: errStorage, lasts: lasts} }},
		{"reports that the new state failed, and has stored it", func() *outage {
			return &outage{kind: stateStored, err: errStorage, times: 1, applied: true}
		}},
		{fmt.Sprintf("is read-only when the answer comes, for %.0f seconds", lasts.Seconds()), func() *outage {
			return &outage{kind: stateStored, err: logical.ErrReadOnly, lasts: lasts}
		}},
	}
}

// withoutIntent reads while the intent can't be stored, and again when it can.
func (l *lane) withoutIntent(g *grant) {
	_, err := l.process.ask(context.Background(), logical.ReadOperation, "creds", g, nil)
	if n := g.current().Refreshes(); err == nil || n != 0 {
		l.t.Errorf("%s: %d requests were made that storage knew nothing of; the reader hears %v", g.key(), n, err)
	}
	if o := g.outage(); err != nil && o.err == logical.ErrReadOnly && err.Error() != o.err.Error() {
		l.t.Errorf("%s: Vault can't know that it is to forward this: %v", g.key(), err)
	}
	l.token(g)
}

// withoutState reads while the new state can't be stored, until it is.
func (l *lane) withoutState(g *grant) {
	first := l.token(g)
	o := g.outage()
	status := l.status(g)
	if o.active() && (status["unpersisted"] != true || status["state"] != "unpersisted") {
		l.t.Errorf("%s: status hides that nothing is stored: %v", g.key(), status)
	}
	if o.times > 1 || o.lasts > 0 {
		// Should it be over before its time, on a very busy machine, another refresh would be right.
		_, err := l.process.force(context.Background(), g, 1)
		if err == nil || !strings.Contains(err.Error(), "not stored yet") || g.current().Refreshes() != 1 {
			l.t.Errorf("%s: another refresh was started meanwhile, or the caller is told so: %v", g.key(), err)
		}
	}
	for deadline := time.Now().Add(o.lasts + patience); !l.storage.holds(g.key(), g.current().Valid()...); time.Sleep(200 * time.Millisecond) {
		if token := l.token(g); token != first {
			l.t.Errorf("%s: another token than the one kept in memory", g.key())
		}
		if time.Now().After(deadline) {
			l.t.Errorf("%s: never stored", g.key())
			return
		}
	}
}
