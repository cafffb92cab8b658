package chaos

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// The plugin is killed while each of its grants is at one point of a refresh, all points at once and
// every variant at each, and sometimes killed again while it recovers. A new process on the same
// storage has to come by live tokens then. Grants live on from one kill to the next. Every other one is an
// owner's, of a role that keeps one for each: what holds for roles holds for each owner.
func TestKilled(t *testing.T) {
	t.Parallel()
	const lanes = 3 // much of a round is waiting for tokens to age
	began, results := time.Now(), new(tally)
	t.Run("lane", func(t *testing.T) {
		for n := range lanes {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				l := newMixedLane(t, uint64(n), int(points), 10)
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
						t.Errorf("%s, after all: %v", g.key(), err)
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
