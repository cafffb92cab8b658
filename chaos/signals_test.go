package chaos

import (
	"syscall"
	"testing"
	"time"
)

// The plugin gets signals that Vault lives through (docs/signals.md) while each of its grants is at one point of a
// refresh: the audit log is rotated with pkill -HUP vault, say. It goes on as if there had been none.
func TestSignalled(t *testing.T) {
	t.Parallel()
	l, began := newMixedLane(t, 22, int(points), 20), time.Now()
	results := &outcomes{title: "the plugin gets SIGHUP, SIGUSR1 and SIGUSR2", names: moments()}
	for range turns() {
		l.signalled(results, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	}
	report(t, "signalled", results.String(), began)
}

// A SIGQUIT ends the plugin as a SIGTERM does, and not as it ends other programs.
func TestQuit(t *testing.T) {
	t.Parallel()
	l, began := newMixedLane(t, 23, int(points), 20), time.Now()
	results := &outcomes{title: "the plugin gets a SIGQUIT", names: moments()}
	for range turns() {
		l.end(results, func(p *process) error { return p.signal(syscall.SIGQUIT) })
	}
	report(t, "quit", results.String(), began)
}

// signalled is one round: signals in the midst of a refresh of each grant, which then goes on in the same process.
func (l *lane) signalled(results *outcomes, signals ...syscall.Signal) {
	l.arm()
	wait := l.trapped(l.storedOrHeld)
	for _, s := range signals {
		if err := syscall.Kill(l.process.client.ReattachConfig().Pid, s); err != nil {
			l.t.Fatal(err)
		}
		time.Sleep(l.within(10 * time.Millisecond))
	}
	l.release(false)
	wait()
	l.settle()
	if l.process.client.Exited() {
		l.t.Fatal("a signal that Vault lives through has ended the plugin")
	}
	l.each(func(g *grant) {
		at := g.armed().point
		g.arm(nil, nil)
		l.token(g)
		results.add(l, at.moment(), g, g.countEarly())
	})
	l.process.stop() // a reader may force five refreshes of one process, and these force one a round
	l.start()
	l.initialize()
}
