package chaos

import (
	"syscall"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// The plugin is killed while each of its grants is at one point of a refresh, all points at once and
// every variant at each, and sometimes killed again while it recovers. A new process on the same
// storage has to come by live tokens then. Grants live on from one kill to the next.
func TestKilled(t *testing.T) {
	t.Parallel()
	const lanes = 3 // much of a round is waiting for tokens to age
	began, results := time.Now(), new(tally)
	t.Run("lane", func(t *testing.T) {
		for n := range lanes {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				l := newLane(t, uint64(n), int(points), 10)
				for i := range (*rounds + lanes - 1) / lanes {
					l.kill(results, false)
					if i%3 == 0 {
						l.kill(results, true)
					}
					if i%int(points) == 0 {
						l.late(results)
					}
				}
				l.each(func(g *grant) {
					if _, err := l.process.get(g); err != nil {
						t.Errorf("%s, after all: %v", g.role, err)
					}
				})
			})
		}
	})
	report(t, "killed", results.killed(), began)
}

// kill is one round: one kill or two, and what comes of it.
func (l *lane) kill(results *tally, twice bool) {
	replays := map[*grant]clienttest.Replays{}
	for _, g := range l.grants {
		replays[g] = g.current().Replays()
	}
	l.crash()
	if twice {
		l.crash()
	}
	before := map[*grant]*evidence{}
	for _, g := range l.grants {
		before[g] = l.inspect(g)
		before[g].replays = replays[g]
		if twice {
			before[g].point = again
		}
		g.arm(nil, nil)
	}
	l.judgeAll(results, before)
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
			l.t.Errorf("%s: the provider has processed nothing, yet: %v", g.role, err)
		}
		late[g].release(true)
	})
	l.settle()
	for _, g := range l.grants {
		before[g].stored = l.storage.holds(g.role, g.current().Valid()...)
	}
	l.judgeAll(results, before)
}

// judgeAll lets the process begin its work, and counts what becomes of the grants.
func (l *lane) judgeAll(results *tally, before map[*grant]*evidence) {
	l.initialize()
	l.each(func(g *grant) { results.add(g.variant, before[g].point, l.judge(g, before[g])) })
	for _, g := range l.grants {
		if g.current().Reused() {
			l.reauthorize(g)
		}
	}
}

// crash leads every grant to a point of its own, kills the plugin there and starts another, without
// background work yet.
func (l *lane) crash() {
	l.arm()
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
	if p < stateHeld || p > stateHeld && !l.storage.holds(g.role, g.current().Valid()...) {
		l.t.Errorf("%s, %s: a reader has an answer and nothing is stored", g.role, p)
	}
}
