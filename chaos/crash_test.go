package chaos

import (
	"syscall"
	"time"
)

// crash leads every grant to a point of its own, kills the plugin there and starts another, without
// background work yet.
func (l *lane) crash() {
	l.arm()
	l.killTrapped()
}

// killTrapped is crash with the traps that are set.
func (l *lane) killTrapped() {
	l.initialize()
	wait := l.trapped(l.stored)
	time.Sleep(l.within(60 * time.Millisecond))
	if err := l.process.signal(syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	l.release(true)
	wait()
	l.settle()
	l.start()
}

// stored is what readers check: whoever has an answer, has it of a refresh that is stored, or of one
// that is kept in memory because storage fails.
func (l *lane) stored(g *grant) {
	p := g.armed().point
	if p < stateHeld || p > stateHeld && !l.storage.holds(g.key(), g.current().Valid()...) {
		l.t.Errorf("%s, %s: a reader has an answer and nothing is stored", g.key(), p)
	}
}

// late is one round in which the provider is so slow that the next process has refreshed before it
// processes what the killed one had sent.
func (l *lane) late(results *tally) {
	for _, g := range l.grants {
		g.arm(newTrap(processedLast, l.random), nil)
	}
	wait := l.trapped(l.stored)
	if err := l.process.signal(syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	wait()
	late := map[*grant]*trap{}
	for _, g := range l.grants {
		late[g] = g.armed()
		g.arm(nil, nil)
	}
	l.start()
	before := map[*grant]*evidence{}
	for _, g := range l.grants {
		before[g] = &evidence{point: processedLast, replays: g.current().Replays(), state: l.state(g)}
	}
	l.initialize()
	l.each(func(g *grant) {
		if _, err := l.process.get(g); err != nil {
			l.t.Errorf("%s: the provider has processed nothing, yet: %v", g.key(), err)
		}
		late[g].release(true)
	})
	l.settle()
	for _, g := range l.grants {
		before[g].stored = l.storage.holds(g.key(), g.current().Valid()...)
	}
	l.judgeAll(results, before)
}
