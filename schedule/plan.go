package schedule

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/role"
)

// plan is what background work is next for a role, and when. The zero time means never.
type plan struct {
	At     time.Time
	Demand grant.Demand
}

// Plan decides by what is stored and by whether the token was read. It names the earliest of:
// repeating an exchange whose outcome is unknown, refreshing a token in use, keeping an idle grant
// alive. After a failure it waits as long as everybody else: when, timing says.
func (sc *Scheduler) Plan(name string, r *role.Role, p *client.Provider, tok *grant.Token, now time.Time) plan {
	force := grant.Demand{Force: true, Replace: tok.Generation, Background: true}
	if tok.Dead(r) {
		return plan{}
	}
	if p == nil { // deleted; it may be written again
		return plan{At: now.Add(time.Hour)}
	}
	when := grant.TimingOf(r, p, tok, now)
	if tok.Intent != nil && r.Spends() { // nothing else may spend the token before
		return plan{At: grant.Later(grant.Later(now, when.Settle), when.Rest), Demand: force}
	}
	var next plan
	if t := grant.NewTerms(r, p); sc.grants.InUse(name, tok) && !t.Invalidates && tok.AccessToken.IsSet() {
		next.At = ahead(t, name, tok)
		if grant.FromFuture(tok.ObtainedAt, now) {
			next.At = now // readers are not served it any more
		}
		if sc.grants.GapOf(r, tok) != nil && p.RefreshTokenRotation != client.RotationNever {
			next.At = grant.Later(next.At, tok.ExpiresAt) // it may be the one that ends the grant, so not before it must be
		}
	}
	if at := keepAlive(when, name, r, p, tok, now); !at.IsZero() && (next.At.IsZero() || at.Before(next.At)) {
		next = plan{at, force}
	}
	if !next.At.IsZero() {
		next.At = grant.Later(next.At, when.Rest)
	}
	return next
}

// replan puts a role where it belongs in the queue.
func (sc *Scheduler) replan(name string, r *role.Role, p *client.Provider, tok *grant.Token) {
	sc.Queue.Put(Turn{name, r.Provider}, sc.Plan(name, r, p, tok, clock.Now()).At)
}

// Reconsider replans a role whose definition has changed.
func (sc *Scheduler) Reconsider(ctx context.Context, s logical.Storage, name string) {
	r, p, tok, err := sc.grants.LookUp(ctx, s, name)
	if err != nil {
		sc.Queue.Set(name, clock.Now().Add(TendDelay)) // it must be found again
	} else if r != nil {
		sc.replan(name, r, p, tok)
	}
}

// forget takes a role out of all background work. The lock of the role's edits is held, or another one of the
// same name would be forgotten.
func (sc *Scheduler) forget(name string) {
	sc.Queue.Remove(name)
	sc.Shares.Forget(name)
	sc.grants.Unread(name)
}
