package grant

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Summary is how a grant stands, as an index of all grants has it. It holds no secret.
type Summary struct {
	Provider string
	State    string // one of the values of state in status/<name>; "" for a role whose owners have grants, which has none itself
	PerOwner bool   // it is such a role
	Labels   []string
	Until    time.Time // the end of the pause after a failure; zero for none
	Forecast
}

// Summary is how a grant stands that was looked up, by what storage says: for who compares an index with that.
func (k *Keeper) Summary(ctx context.Context, s logical.Storage, g *Grant) Summary {
	return k.summaryOf(g, obstacle(ctx, s, g))
}

func (k *Keeper) summaryOf(g *Grant, obstacle error) Summary {
	if g.Role.PerOwner() && g.Key.Owner() == "" {
		return Summary{Provider: g.Role.Provider, PerOwner: true, Labels: labelsOf(g.Role)}
	}
	return g.summary(k.word(g, obstacle), clock.Now())
}

// summary is how a grant stands, in a word that is known.
func (g *Grant) summary(word string, now time.Time) Summary {
	sum := Summary{Provider: g.Role.Provider, State: word, Labels: labelsOf(g.Role)}
	sum.Forecast = g.forecast(ailing(sum.State), now)
	if g.State.Fault != nil && g.Provider != nil && sum.State != StateDead {
		sum.Until = g.Timing(now).May
	}
	return sum
}

// ailing tells of a state that refreshes do not succeed in as things are.
func ailing(state string) bool {
	return state != StateOK && state != StateNew
}

// labelsOf are a role's labels as a filter names them, key=value.
func labelsOf(r *role.Role) []string {
	if len(r.Labels) == 0 {
		return nil
	}
	labels := make([]string, 0, len(r.Labels))
	for _, key := range slices.Sorted(maps.Keys(r.Labels)) {
		labels = append(labels, key+"="+r.Labels[key])
	}
	return labels
}

// Watch is Look, and hands how the grant stands to note. What a write has overtaken meanwhile is not handed over: that the
// write was is told by Written. Until end is called, it is known whether something was written since, so that the grant may
// be refreshed by what was seen (Demand.By). With an error there is nothing to end.
func (k *Keeper) Watch(ctx context.Context, s logical.Storage, key Key, note func(Summary)) (g *Grant, end func(), err error) {
	l := k.Memory.begin(key)
	end = sync.OnceFunc(func() { k.Memory.end(key, l) })
	watched := false
	defer func() {
		if !watched { // an error, or a panic
			end()
		}
	}()
	if g, err = k.find(ctx, s, key, l); err != nil {
		return nil, end, err
	}
	to := resolve(ctx, s, g)
	g.to = &to
	why := g.obstacle(to)
	sum := k.summaryOf(g, why)
	if !k.Memory.whileHolds(key, l, func() { note(sum) }) {
		k.Written(Prefix + string(key))
	}
	k.noticedThat(g, to, why)
	watched = true
	return g, end, nil
}

// told has whoever plans by it know the state that an exchange has left.
func (a *Attempt) told(st *State) {
	g := a.of(st)
	a.K.Changed(g)
	a.K.Contained(func() {
		// The exchange is over, and was possible: what else could be in the way is how its answer left the grant.
		_, unsure := st.pointed(a.Target.Provider)
		word := a.K.wordOf(g, unsure, st.Intent != nil)
		a.K.Known(g.Key, g.summary(word, clock.Now()))
	})
}
