package enginetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// Events are Vault's bus of events, which takes them, refuses them or hangs. The zero value takes them.
type Events struct {
	mu    sync.Mutex
	taken []Event
	fails error
	hangs chan struct{}
}

// Event is one that was sent.
type Event struct {
	Type string
	Data map[string]any
}

// SendEvent implements logical.EventSender.
func (e *Events) SendEvent(_ context.Context, kind logical.EventType, data *logical.EventData) error {
	e.mu.Lock()
	hangs := e.hangs
	e.mu.Unlock()
	if hangs != nil {
		<-hangs // whatever its context says
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fails == nil {
		e.taken = append(e.taken, Event{string(kind), data.Metadata.AsMap()})
	}
	return e.fails
}

// Fails refuses all events from now on.
func (e *Events) Fails(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fails = err
}

// Hangs takes no event, and answers nobody, until it is told to go on.
func (e *Events) Hangs() (goOn func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	hangs := make(chan struct{})
	e.hangs = hangs
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.hangs = nil
		close(hangs)
	}
}

// Taken are the events that were sent so far.
func (e *Events) Taken() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.taken)
}

// Told asserts which kinds of events were sent since it was asked last, in their order, and that each has its line in the
// log, with the same words and values; it returns the last event. All must have been sent: within synctest, wait first.
func (b *Mount) Told(want ...grant.Kind) (last map[string]any) {
	b.T.Helper()
	b.Events.mu.Lock()
	events := b.Events.taken
	b.Events.taken = nil
	b.Events.mu.Unlock()
	var types, wanted []string
	for _, e := range events {
		types = append(types, e.Type)
		last = e.Data
	}
	for _, kind := range want {
		wanted = append(wanted, kind.Type())
	}
	if !slices.Equal(types, wanted) {
		b.T.Errorf("told of %q, want %q", types, wanted)
		return last
	}
	for i, e := range events {
		b.logged(want[i], e)
	}
	return last
}

// logged asserts that there is a line in the log that says the same as an event.
func (b *Mount) logged(kind grant.Kind, e Event) {
	b.T.Helper()
	at := "status/" + fmt.Sprint(e.Data["role"])
	if owner := e.Data["owner"]; owner != nil {
		at += "/" + fmt.Sprint(owner)
	}
	if e.Data["path"] != at || e.Data["data_path"] != at || e.Data["modified"] != "true" || kind.Type() != "oauthrefresh/"+fmt.Sprint(e.Data["operation"]) {
		b.T.Errorf("the event is at %v", e.Data)
	}
	said := func(line string) bool {
		if !strings.Contains(line, kind.Words()+": event="+kind.Type()+" ") {
			return false
		}
		for _, name := range append([]string{"role", "owner", "provider"}, kind.Keys()...) {
			if value, ok := e.Data[name]; ok && !strings.Contains(line+" ", fmt.Sprintf(" %s=%v ", name, value)) && !strings.Contains(line, fmt.Sprintf(" %s=%q", name, value)) {
				return false
			}
		}
		return true
	}
	if lines := strings.Split(b.Log.String(), "\n"); !slices.ContainsFunc(lines, said) {
		b.T.Errorf("no line of the log says %v:\n%s", e.Data, b.Log.String())
	}
	for name := range e.Data {
		if !slices.Contains(append([]string{"role", "owner", "provider", "path", "data_path", "operation", "modified"}, kind.Keys()...), name) {
			b.T.Errorf("%s is told with %s", name, kind.Type())
		}
	}
}
