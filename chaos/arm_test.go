package chaos

import "time"

// arm deals the points: each variant has every point once.
func (l *lane) arm() {
	var deal []int
	for i, g := range l.grants {
		if i%int(points) == 0 {
			deal = l.random.Perm(int(points))
		}
		g.arm(newTrap(point(deal[i%int(points)]), l.random), nil)
	}
}

// trapped starts readers for all grants and waits until every grant is at its point. Those that have
// none begin last.
func (l *lane) trapped(check func(*grant)) (wait func()) {
	l.t.Helper()
	var waits []func()
	start := func(free bool) {
		for _, g := range l.grants {
			if (g.armed().point == anyMoment) == free {
				waits = append(waits, l.readers(g, check))
			}
		}
	}
	start(false)
	limit := time.After(patience)
	for _, g := range l.grants {
		if g.armed().point == anyMoment {
			continue
		}
		select {
		case <-g.armed().fired:
		case <-limit:
			l.t.Fatalf("%s has not come to its point: %s", g.key(), g.armed().point)
		}
	}
	start(true)
	return func() {
		for _, w := range waits {
			w()
		}
	}
}

// release lets go what sits in the traps.
func (l *lane) release(killed bool) {
	for _, g := range l.grants {
		g.armed().release(killed)
	}
}
