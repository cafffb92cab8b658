package grant

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However refreshes are spread, there are never more than the budget within any 24 hours, whatever day the provider
// counts by; and none is held back for longer than a day and what is left of an hour.
func TestNoDayHasMoreThanTheBudget(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.IntRange(1, 6).Draw(r, "limit")
		now := time.Unix(1_800_000_000, 0).Add(time.Duration(rapid.IntRange(0, 3600).Draw(r, "begins")) * time.Second)
		var count refreshCount
		var made []time.Time
		for range rapid.IntRange(1, 60).Draw(r, "tries") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 600, 3599, 3600, 7200, 40000, 86399}).Draw(r, "pause")) * time.Second)
			at := count.renews(limit, now)
			if at.IsZero() {
				count = count.plus(now)
				made = append(made, now)
			} else if at.Sub(now) > countsFor || !count.renews(limit, at).IsZero() || count.renews(limit, at.Add(-time.Second)).IsZero() {
				r.Fatalf("at %s the budget is said to renew at %s", now, at)
			}
			if len(count) > 25 {
				r.Fatalf("%d hours are kept", len(count))
			}
		}
		for i := limit; i < len(made); i++ {
			if between := made[i].Sub(made[i-limit]); between < 24*time.Hour {
				r.Fatalf("%d within %s", limit+1, between)
			}
		}
	})
}

// What a clock that was ahead has counted holds nothing back once it is put right, and a request that never reached the
// provider leaves no trace. A count is never changed in place, since states share it.
func TestWhatCountsForABudget(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	ahead := refreshCount(nil).plus(now.Add(48 * time.Hour))
	if !ahead.renews(1, now).IsZero() || ahead.total(now) != 0 {
		t.Error("what did not happen yet holds back")
	}
	if next := ahead.plus(now); len(next) != 1 || len(ahead) != 1 || ahead.total(now.Add(48*time.Hour)) != 1 {
		t.Errorf("%v, and then %v", ahead, next)
	}
	one := refreshCount(nil).plus(now)
	two := one.plus(now)
	if back := two.minus(now); back.total(now) != 1 || two.total(now) != 2 || one.total(now) != 1 || len(back.minus(now)) != 0 {
		t.Errorf("%v, %v and %v", one, two, back)
	}
	if !refreshCount(nil).renews(1, now).IsZero() || !two.renews(0, now).IsZero() {
		t.Error("nothing holds back what has no bound or no count")
	}
	if before := two.total(now.Add(-30 * time.Second)); before != 2 { // another node's clock
		t.Errorf("%d are counted half a minute before", before)
	}
}
