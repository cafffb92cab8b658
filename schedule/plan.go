package schedule

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/role"
)

// plan is what background work is next for a role, and when. The zero time means never.
type plan struct {
	At     time.Time
	Demand grant.Demand
}

// plan decides by what is stored and by whether the token was read. It names the earliest of:
// repeating an exchange whose outcome is unknown, refreshing a token in use, keeping an idle grant
// alive. After a failure it waits as long as everybody else: when, timing says.
func (sc *Schedule) plan(g *grant.Grant, now time.Time) plan {
	r, p, st := g.Role, g.Provider, g.State
	force := grant.Demand{Force: true, Replace: st.Generation, Background: true}
	if g.Dead() || g.Role.PerOwner() && g.Key.Owner() == "" {
		return plan{}
	}
	if p == nil { // deleted; it may be written again
		return plan{At: now.Add(time.Hour)}
	}
	when := g.Timing(now)
	if st.Intent != nil && r.Spends() { // nothing else may spend the token before
		return plan{At: grant.Later(grant.Later(now, when.Settle), when.Rest), Demand: force}
	}
	var next plan
	if sc.grants.InUse(g.Key, st) && !p.RefreshInvalidatesAccessToken && st.AccessToken.IsSet() {
		next.At = ahead(g.Terms(), g)
		if grant.FromFuture(st.ObtainedAt, now) {
			next.At = now // readers are not served it any more
		}
		if sc.grants.Gapped(g) && p.RefreshTokenRotation != client.RotationNever {
			next.At = grant.Later(next.At, st.ExpiresAt) // it may be the one that ends the grant, so not before it must be
		}
		next.At = grant.Later(next.At, g.Withheld(now)) // its readers would be refused too
	}
	if at := keepAlive(when, g, now); !at.IsZero() && (next.At.IsZero() || at.Before(next.At)) {
		next = plan{at, force}
	}
	if !next.At.IsZero() {
		next.At = grant.Later(next.At, when.Rest)
	}
	return next
}

// turnOf is a grant's turn, planned for the provider that it has now.
func turnOf(g *grant.Grant) index.Turn { return index.Turn{Key: g.Key, Provider: g.Role.Provider} }

// replan puts a grant where it belongs in the queue.
func (sc *Schedule) replan(g *grant.Grant) {
	sc.Index.Put(turnOf(g), sc.plan(g, clock.Now()).At)
}

// Reconsider replans a grant whose definition has changed.
func (sc *Schedule) Reconsider(ctx context.Context, s logical.Storage, key grant.Key) {
	g, err := sc.look(ctx, s, key)
	switch {
	case err == nil && g.Role.PerOwner() && key.Owner() == "":
		sc.want(s, key.Role()+ownersOf)
	case err == nil:
		sc.replan(g)
	case !errors.Is(err, role.ErrNoRole):
		sc.Index.Set(key, clock.Now().Add(tendDelay)) // it must be found again
	}
}

// forget takes a grant out of all background work.
func (sc *Schedule) forget(key grant.Key) {
	sc.Index.Remove(key)
	sc.Shares.Forget(key)
}
