package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// tally counts verdicts by variant and point.
type tally struct {
	mu    sync.Mutex
	cells map[cell]*count
}

type cell struct {
	variant *variant
	point   point
}

type count struct {
	rounds, lost, allowed, refused int
	before, after, advice          map[string]int
}

func newTally() *tally { return &tally{cells: map[cell]*count{}} }

func (t *tally) add(v *variant, p point, result verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.cells[cell{v, p}]
	if c == nil {
		c = &count{before: map[string]int{}, after: map[string]int{}, advice: map[string]int{}}
		t.cells[cell{v, p}] = c
	}
	c.rounds++
	if result.lost {
		c.lost++
	}
	c.allowed += result.replays.Allowed
	c.refused += result.replays.Refused
	c.before[result.before]++
	c.after[result.after]++
	c.advice[result.advice]++
}

func (t *tally) String() string {
	var text strings.Builder
	for _, v := range variants {
		for p := range points {
			if c := t.cells[cell{v, p}]; c != nil {
				fmt.Fprintf(&text, "%-20s %-62s rounds %d lost %d replays %d/%d %v %v %q\n", v.title, p, c.rounds, c.lost, c.allowed, c.refused,
					slices.Sorted(maps.Keys(c.before)), slices.Sorted(maps.Keys(c.after)), slices.Sorted(maps.Keys(c.advice)))
			}
		}
	}
	return text.String()
}
