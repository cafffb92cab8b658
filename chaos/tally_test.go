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
	mu     sync.Mutex
	cells  map[cell]*count
	advice map[string]int // how often next_step in status said what of a lost grant
}

type cell struct {
	variant *variant
	point   point
}

type count struct {
	rounds, lost, allowed, refused int
	before, after                  map[string]bool // states in status
}

func (t *tally) add(v *variant, p point, result verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cells == nil {
		t.cells, t.advice = map[cell]*count{}, map[string]int{}
	}
	c := t.cells[cell{v, p}]
	if c == nil {
		c = &count{before: map[string]bool{}, after: map[string]bool{}}
		t.cells[cell{v, p}] = c
	}
	c.rounds++
	if result.lost {
		c.lost++
		t.advice[result.advice]++
	}
	c.allowed += result.replays.Allowed
	c.refused += result.replays.Refused
	c.before[result.before], c.after[result.after] = true, true
}

// killed are the tables of the rounds with kills, one for each variant.
func (t *tally) killed() string {
	var b strings.Builder
	for _, v := range variants {
		fmt.Fprintf(&b, "### %s\n\n", v.title)
		b.WriteString("| killed | rounds | grants lost | spent tokens presented: allowed | not allowed | status before the next try | after it |\n")
		b.WriteString("|---|--:|--:|--:|--:|---|---|\n")
		for p := range rows {
			if c := t.cells[cell{v, p}]; c != nil {
				fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %s | %s |\n",
					p, c.rounds, c.lost, c.allowed, c.refused, names(c.before), names(c.after))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("What `next_step` in `status/<role>` said of the lost grants:\n\n")
	for _, advice := range slices.Sorted(maps.Keys(t.advice)) {
		fmt.Fprintf(&b, "- %d times: %s\n", t.advice[advice], advice)
	}
	return b.String()
}

func names(set map[string]bool) string {
	return "`" + strings.Join(slices.Sorted(maps.Keys(set)), "` or `") + "`"
}
