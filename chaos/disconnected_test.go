package chaos

import (
	"context"
	"sync"
	"testing"
	"time"
)

// All callers hang up while their refresh is at one point, and the refresh goes on without them. Who
// asks next has what it brought.
func TestDisconnected(t *testing.T) {
	t.Parallel()
	l, began := newMixedLane(t, 10, int(points), 20), time.Now()
	results := &outcomes{title: "all callers hang up", names: moments()}
	for n := range turns() {
		if n%3 == 2 { // reads with min_ttl are counted, in a process
			l.process.stop()
			l.start()
			l.initialize()
		}
		l.arm()
		calls := map[*grant]*call{}
		for _, g := range l.grants {
			calls[g] = l.newCall(g)
		}
		l.each(func(g *grant) {
			p := g.armed().point
			calls[g].hangUp(l, g)
			results.add(l, p.moment(), g, g.countEarly())
		})
	}
	l.each(func(g *grant) {
		if _, err := l.process.get(g); err != nil {
			t.Errorf("%s, after all: %v", g.key(), err)
		}
	})
	report(t, "disconnected", results.String(), began)
}

// call is one wish of several callers at once, and when they hang up.
type call struct {
	delays []time.Duration // before each caller
	hold   time.Duration   // after the point is reached
	goOn   time.Duration   // after they have hung up
}

func (l *lane) newCall(g *grant) *call {
	c := &call{hold: l.within(5 * time.Millisecond), goOn: l.within(5 * time.Millisecond)}
	if g.armed().point == anyMoment {
		c.hold = l.within(25 * time.Millisecond)
	}
	for range 1 + l.random.IntN(5) {
		c.delays = append(c.delays, l.within(5*time.Millisecond))
	}
	return c
}

func (c *call) hangUp(l *lane, g *grant) {
	t := g.armed()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var callers sync.WaitGroup
	for _, delay := range c.delays {
		callers.Go(func() {
			time.Sleep(delay)
			_, _ = l.process.readWhenDue(ctx, g)
		})
	}
	if t.point == anyMoment {
		time.Sleep(time.Until(g.due()))
	} else {
		select {
		case <-t.fired:
		case <-time.After(patience):
			l.t.Errorf("%s has not come to its point: %s", g.key(), t.point)
		}
	}
	time.Sleep(c.hold)
	cancel()
	callers.Wait() // whatever the refresh is stopped at, its callers can leave
	time.Sleep(c.goOn)
	t.release(false)
	if _, err := l.process.read(context.Background(), g); err != nil {
		l.t.Errorf("%s: nothing came of a refresh whose callers had hung up, %s: %v", g.key(), t.point, err)
	}
	l.token(g)
	g.arm(nil, nil)
}
