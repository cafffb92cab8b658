package chaos

import (
	"testing"
	"time"
)

// The plugin is stopped as Vault stops it (step-down, seal, reload, disable) while each of its grants
// is at one point of a refresh. It has to end what it has begun, so that the next process finds it
// stored, and not even a provider that forgives nothing notices.
func TestStopped(t *testing.T) {
	t.Parallel()
	l, began := newLane(t, 20, int(points), 10), time.Now()
	results := &outcomes{title: "stopped", names: moments()}
	for range *rounds {
		before, extra, at := map[*grant]int{}, map[*grant]int{}, map[*grant]point{}
		l.arm()
		for _, g := range l.grants {
			before[g], at[g] = g.current().Refreshes(), g.armed().point
		}
		l.stopped()
		for _, g := range l.grants {
			extra[g] = at[g].extra(g.current().Refreshes() - before[g])
			if !l.storage.holds(g.role, g.current().Valid()...) {
				t.Errorf("%s, stopped %s: the plugin has not stored what it had begun", g.role, at[g])
			}
			g.arm(nil, nil)
		}
		l.start()
		l.initialize()
		l.each(func(g *grant) {
			if _, err := l.process.get(g); err != nil {
				t.Errorf("%s, stopped %s: %v", g.role, at[g], err)
			}
			results.add(l, at[g].moment(), g, extra[g])
		})
	}
	report(t, "stopped", results.String(), began)
}

// stopped stops the plugin with a refresh of each grant at its point, which it then may leave.
func (l *lane) stopped() {
	wait := l.trapped(l.storedOrHeld)
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.process.stop()
	}()
	time.Sleep(l.within(20 * time.Millisecond))
	l.release(false)
	<-over
	wait()
	l.settle()
}

// storedOrHeld is what readers check here: who has an answer after the trap was opened has it of a
// stored refresh, except where storage fails.
func (l *lane) storedOrHeld(g *grant) {
	if p := g.armed().point; p != stateHeld && !l.storage.holds(g.role, g.current().Valid()...) {
		l.t.Errorf("%s, %s: a reader has an answer and nothing is stored", g.role, p)
	}
}
