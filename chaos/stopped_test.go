package chaos

import (
	"syscall"
	"testing"
	"time"
)

// The plugin is stopped as Vault stops it (step-down, seal, reload, disable) while each of its grants
// is at one point of a refresh. It has to end what it has begun, so that the next process finds it
// stored, and not even a provider that forgives nothing notices.
func TestStopped(t *testing.T) {
	t.Parallel()
	l, began := newMixedLane(t, 20, int(points), 20), time.Now()
	results := &outcomes{title: "Vault stops the plugin", names: moments()}
	for range turns() {
		l.end(results, func(p *process) error { p.stop(); return nil })
	}
	report(t, "stopped", results.String(), began)
}

// The same with a SIGTERM, which systemd sends to every process of a service.
func TestTerminated(t *testing.T) {
	t.Parallel()
	l, began := newMixedLane(t, 21, int(points), 20), time.Now()
	results := &outcomes{title: "the plugin gets a SIGTERM", names: moments()}
	for range turns() {
		l.end(results, func(p *process) error { return p.signal(syscall.SIGTERM) })
	}
	report(t, "terminated", results.String(), began)
}

// end is one round: an end of the process, and another process after it.
func (l *lane) end(results *outcomes, end func(*process) error) {
	l.arm()
	l.stopped(end)
	at := map[*grant]point{}
	for _, g := range l.grants {
		at[g] = g.armed().point
		if !l.storage.holds(g.key(), g.current().Valid()...) {
			l.t.Errorf("%s, stopped %s: the plugin has not stored what it had begun", g.key(), at[g])
		}
		g.arm(nil, nil)
	}
	l.start()
	l.initialize()
	l.each(func(g *grant) {
		if _, err := l.process.get(g); err != nil {
			l.t.Errorf("%s, stopped %s: %v", g.key(), at[g], err)
		}
		results.add(l, at[g].moment(), g, g.countEarly())
	})
}

// stopped ends the process with a refresh of each grant at its point, which it then may leave.
func (l *lane) stopped(end func(*process) error) {
	wait := l.trapped(l.storedOrHeld)
	over := make(chan error)
	go func() { over <- end(l.process) }()
	time.Sleep(l.within(20 * time.Millisecond))
	l.release(false)
	if err := <-over; err != nil {
		l.t.Fatal(err)
	}
	wait()
	l.settle()
}

// storedOrHeld is what readers check here: who has an answer after the trap was opened has it of a
// stored refresh, except where storage fails.
func (l *lane) storedOrHeld(g *grant) {
	if p := g.armed().point; p != stateHeld && !l.storage.holds(g.key(), g.current().Valid()...) {
		l.t.Errorf("%s, %s: a reader has an answer and nothing is stored", g.key(), p)
	}
}
