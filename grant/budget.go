package grant

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/role"
)

// refreshCount is how many requests of one grant were made to the token endpoint, by the hour in which each began,
// counted from 1970. It is part of the entry that announces a request, or keeps what came of it, so no restart makes it
// wrong.
//
// Each counts until 24 hours after the end of its hour. So there are never more than max_refreshes_per_day within any 24
// hours, whether the provider's day slides, is UTC's or begins at another midnight; and 25 numbers say all of it.
type refreshCount map[int64]int

const (
	hour = int64(time.Hour / time.Second)
	// countsFor is how long what began in an hour counts, from its beginning on.
	countsFor = 25 * time.Hour
)

func beginOf(h int64) time.Time { return time.Unix(h*hour, 0) }

// at is the count as it is by a clock that shows now: what that takes for the future did not happen when it says, and
// counts for nothing, or a clock that was ahead would hold a grant back for as long.
func (c refreshCount) at(now time.Time) refreshCount {
	next := maps.Clone(c)
	maps.DeleteFunc(next, func(h int64, _ int) bool {
		return FromFuture(beginOf(h), now) || !now.Before(beginOf(h).Add(countsFor))
	})
	return next
}

// plus is the count with one more request, which begins now.
func (c refreshCount) plus(now time.Time) refreshCount {
	next := c.at(now)
	if next == nil {
		next = refreshCount{}
	}
	next[now.Unix()/hour]++
	return next
}

// minus is the count without a request that began at a time.
func (c refreshCount) minus(began time.Time) refreshCount {
	next, h := maps.Clone(c), began.Unix()/hour
	if next[h]--; next[h] <= 0 {
		delete(next, h)
	}
	return next
}

func (c refreshCount) total(now time.Time) (n int) {
	for _, of := range c.at(now) {
		n += of
	}
	return n
}

// renews is when there are fewer than so many again; zero when there are, or when there is no such bound.
func (c refreshCount) renews(limit int, now time.Time) (at time.Time) {
	counted, n := c.at(now), c.total(now)
	hours := slices.Sorted(maps.Keys(counted))
	for ; limit > 0 && n >= limit; hours = hours[1:] {
		at = beginOf(hours[0]).Add(countsFor)
		n -= counted[hours[0]]
	}
	return at
}

// counting is the state with another count.
func (st *State) counting(c refreshCount) *State {
	next := new(*st)
	next.Refreshes = c
	return next
}

// unreached tells that an exchange has failed before anything of it was at the token endpoint, so that it counts for no
// budget.
func unreached(e *client.Error) bool { return e.Class == client.NotProcessed && e.Status == 0 }

// budget is how many refreshes the grant may have within 24 hours, 0 for as many as it takes, and who says so.
func (g *Grant) budget() (limit int, of string) {
	switch {
	case g.Role.MaxRefreshesPerDay > 0:
		return g.Role.MaxRefreshesPerDay, "roles/" + g.Key.Role()
	case g.Provider != nil:
		return g.Provider.MaxRefreshesPerDay, "providers/" + g.Role.Provider
	}
	return 0, ""
}

// Withheld is until when the budget holds back those who could go on with the token at hand, or without one, at no
// risk for the grant; zero, or past, for not at all. It ends where waiting could cost the grant, and holds nothing back
// that finds out what has become of it: after an exchange whose outcome is unknown, and after a refusal that somebody has
// lifted. A failure has a pause of its own, so who has no token at hand then is not held back either.
func (g *Grant) Withheld(now time.Time) time.Time {
	if g.Provider == nil || g.Dead() || g.Role.Spends() && g.State.Intent != nil {
		return time.Time{}
	}
	limit, _ := g.budget()
	until := g.State.Refreshes.renews(limit, now)
	if must := g.Timing(now).Must; !must.IsZero() {
		until = Earlier(until, must)
	}
	if g.State.Fault != nil {
		until = Earlier(until, now.Add(g.Terms().usable(g.State, now)-role.MinLease))
	}
	return until
}

// overBudget refuses an exchange that is one too many. Keeping a grant alive is none, and neither is what an operator
// does with a write.
func (g *Grant) overBudget(d Demand) error {
	now := clock.Now()
	until := g.Withheld(now)
	if d.Background || d.Always || !until.After(now) {
		return nil
	}
	limit, of := g.budget()
	return logical.CodedError(http.StatusTooManyRequests, fmt.Sprintf(
		"this grant was refreshed as often within 24 hours as max_refreshes_per_day of %s (%d) allows, so it is not refreshed now for who asks: the next refresh is possible at %s, or as soon as that number is raised",
		of, limit, until.UTC().Format(time.RFC3339)))
}

// describeBudget adds what is left of a budget, where there is one.
func (g *Grant) describeBudget(now time.Time, data map[string]any) {
	limit, _ := g.budget()
	if limit == 0 {
		return
	}
	data["max_refreshes_per_day"], data["refreshes_in_24h"] = limit, g.State.Refreshes.total(now)
	if renews := g.State.Refreshes.renews(limit, now); !renews.IsZero() {
		data["budget_renews_at"] = renews.UTC().Format(time.RFC3339)
	}
}
