package schedule

import (
	"context"
	"strings"
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
	gone, owners, err := sc.leftovers(s, roles)
	if err != nil {
		return
	}
	sc.surveyInflight(s)
	pause := sweepPauseOf(len(roles) + len(gone) + owners)
	next := func() bool { return sc.grants.Work.Wait(pause) && !sc.grants.Work.Ending() && sc.grants.MayTend() }
	for _, key := range gone {
		if !next() {
			return
		}
		sc.removeLeftover(s, key)
	}
	for _, name := range roles {
		if !next() || !sc.sweepRole(s, name, next) {
			return
		}
	}
}

// sweepRole looks at a role's grant, or at those of its owners. It returns false when the round is over.
func (sc *Schedule) sweepRole(s logical.Storage, name string, next func() bool) bool {
	all := map[string]bool{AnyProvider: true}
	g := sc.visit(s, grant.Key(name), all)
	if g == nil || !g.Role.PerOwner() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	owners, err := grant.Owners(ctx, s, name)
	cancel()
	if err != nil {
		return true // at the next round
	}
	for _, owner := range owners {
		if !next() {
			return false
		}
		key := grant.KeyOf(name, owner)
		if g := sc.visit(s, key, all); g != nil && g.State.RoleID == "" { // of a role of this name before
			sc.removeLeftover(s, key)
		}
	}
	return true
}

// sweepPauseOf is the pause between two of so many roles.
func sweepPauseOf(roles int) time.Duration {
	return min(sweepPause, sweepRound/time.Duration(roles+1))
}

// leftovers are the grants of which there is a state and no role: somebody deleted it, and the process died
// in the midst of that. owners counts those of roles that are there.
func (sc *Schedule) leftovers(s logical.Storage, roles []string) (gone []grant.Key, owners int, err error) {
	there := make(map[string]bool, len(roles))
	for _, name := range roles {
		there[name] = true
	}
	names, err := s.List(context.Background(), grant.Prefix)
	for _, name := range names {
		of, owned := strings.CutSuffix(name, "/")
		switch {
		case !owned && !there[name]:
			gone = append(gone, grant.Key(name))
		case owned:
			all, err := grant.Owners(context.Background(), s, of)
			if err != nil {
				return nil, 0, err
			}
			if there[of] {
				owners += len(all)
				continue
			}
			for _, owner := range all {
				gone = append(gone, grant.KeyOf(of, owner))
			}
		}
	}
	return gone, owners, err
}

// removeLeftover removes what is left of a role that is gone. It looks again: the role may have been written since.
func (sc *Schedule) removeLeftover(s logical.Storage, key grant.Key) {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	if err := sc.grants.RemoveState(ctx, s, key); err != nil {
		sc.grants.Logger().Debug("what is left of a deleted role stays for now", "role", key, "error", err)
	}
}
