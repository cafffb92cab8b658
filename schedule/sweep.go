package schedule

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

const (
	// sweepRest is how long nothing is swept between two rounds, sweepPause the pause between two roles of
	// one. However many roles there are, a round ends within sweepRound, and each role is seen once a day.
	sweepRest  = time.Hour
	sweepPause = time.Second
	sweepRound = 22 * time.Hour
)

// sweep looks at every role now and then. Whatever has kept one out of the queue, or put it too late there, costs
// no grant that lives for a day: a write that reported an error and was applied, a look that failed, a
// mistake in this program.
func (sc *Schedule) sweep(s logical.Storage) {
	for last := clock.Now(); sc.grants.Work.Wait(maxRest) && !sc.grants.Work.Ending(); {
		if rested := clock.Since(last); rested < 0 || rested >= sweepRest { // by the wall clock, whatever timers know of
			sc.grants.Contained(func() { sc.sweepOnce(s) })
			last = clock.Now()
		}
	}
}

// sweepOnce makes one round, as long as this node may do background work.
func (sc *Schedule) sweepOnce(s logical.Storage) {
	if !sc.grants.MayTend() {
		return
	}
	roles, err := mount.List(s, role.Prefix)
	if err != nil {
		return // at the next round
	}
	gone, err := sc.leftovers(s, roles)
	if err != nil {
		return
	}
	sc.surveyInflight(s)
	pause := sweepPauseOf(len(roles) + len(gone))
	next := func() bool { return sc.grants.Work.Wait(pause) && !sc.grants.Work.Ending() && sc.grants.MayTend() }
	for _, name := range gone {
		if !next() {
			return
		}
		sc.removeLeftover(s, grant.Key(name))
	}
	for _, name := range roles {
		if !next() {
			return
		}
		sc.visit(s, grant.Key(name), map[string]bool{AnyProvider: true})
	}
}

// sweepPauseOf is the pause between two of so many roles.
func sweepPauseOf(roles int) time.Duration {
	return min(sweepPause, sweepRound/time.Duration(roles+1))
}

// leftovers are the names under which there is a state and no role: somebody deleted it, and the process died
// in the midst of that.
func (sc *Schedule) leftovers(s logical.Storage, roles []string) ([]string, error) {
	there := make(map[string]bool, len(roles))
	for _, name := range roles {
		there[name] = true
	}
	states, err := s.List(context.Background(), grant.Prefix)
	return slices.DeleteFunc(states, func(name string) bool { return there[name] }), err
}

// removeLeftover removes what is left of a role that is gone. It looks again: the role may have been written since.
func (sc *Schedule) removeLeftover(s logical.Storage, key grant.Key) {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	if err := sc.grants.RemoveState(ctx, s, key); err != nil {
		sc.grants.Logger().Debug("what is left of a deleted role stays for now", "role", key, "error", err)
	}
}
