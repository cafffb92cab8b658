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
	before, after                  map[string]bool
}

func (t *tally) add(v *variant, p point, result verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cells == nil {
		t.cells = map[cell]*count{}
	}
	c := t.cells[cell{v, p}]
	if c == nil {
		c = &count{before: map[string]bool{}, after: map[string]bool{}}
		t.cells[cell{v, p}] = c
	}
	c.rounds++
	if result.lost {
		c.lost++
	}
	c.allowed += result.replays.Allowed
	c.refused += result.replays.Refused
	c.before[result.before], c.after[result.after] = true, true
}

// killed is the table of the rounds with kills.
func (t *tally) killed() string {
	var b strings.Builder
	b.WriteString("| provider | killed | rounds | grants lost | spent tokens presented: allowed | refused | status before the next try | after it |\n")
	b.WriteString("|---|---|--:|--:|--:|--:|---|---|\n")
	for _, v := range variants {
		for p := range rows {
			if c := t.cells[cell{v, p}]; c != nil {
				fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %s | %s |\n",
					v.title, p, c.rounds, c.lost, c.allowed, c.refused, names(c.before), names(c.after))
			}
		}
	}
	return b.String()
}

func names(set map[string]bool) string {
	return "`" + strings.Join(slices.Sorted(maps.Keys(set)), "` or `") + "`"
}
