package oauthrefresh

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// plan is what background work is next for a role, and when. The zero time means never.
type plan struct {
	at     time.Time
	demand demand
}

// plan decides by what is stored and by whether the token was read. It names the earliest of:
// repeating an exchange whose outcome is unknown, refreshing a token in use, keeping an idle grant
// alive. After a failure it waits as long as everybody else: when, timing says.
func (sc *scheduler) plan(name string, r *role, p *client.Provider, tok *token, now time.Time) plan {
	force := demand{force: true, replace: tok.Generation, background: true}
	if tok.dead(r) {
		return plan{}
	}
	if p == nil { // deleted; it may be written again
		return plan{at: now.Add(time.Hour)}
	}
	when := timingOf(r, p, tok, now)
	if tok.Intent != nil && r.spends() { // nothing else may spend the token before
		return plan{at: later(later(now, when.settle), when.rest), demand: force}
	}
	var next plan
	if t := newTerms(r, p); sc.grants.inUse(name, tok) && !t.invalidates && tok.AccessToken.IsSet() {
		next.at = ahead(t, name, tok)
		if fromFuture(tok.ObtainedAt, now) {
			next.at = now // readers are not served it any more
		}
		if sc.grants.gapOf(r, tok) != nil && p.RefreshTokenRotation != client.RotationNever {
			next.at = later(next.at, tok.ExpiresAt) // it may be the one that ends the grant, so not before it must be
		}
	}
	if at := keepAlive(when, name, r, p, tok, now); !at.IsZero() && (next.at.IsZero() || at.Before(next.at)) {
		next = plan{at, force}
	}
	if !next.at.IsZero() {
		next.at = later(next.at, when.rest)
	}
	return next
}

// replan puts a role where it belongs in the queue.
func (sc *scheduler) replan(name string, r *role, p *client.Provider, tok *token) {
	sc.queue.put(turn{name, r.Provider}, sc.plan(name, r, p, tok, clock.Now()).at)
}

// reconsider replans a role whose definition has changed.
func (sc *scheduler) reconsider(ctx context.Context, s logical.Storage, name string) {
	r, p, tok, err := sc.grants.lookUp(ctx, s, name)
	if err != nil {
		sc.queue.set(name, clock.Now().Add(tendDelay)) // it must be found again
	} else if r != nil {
		sc.replan(name, r, p, tok)
	}
}

// forget takes a role out of all background work. The lock of the role's edits is held, or another one of the
// same name would be forgotten.
func (sc *scheduler) forget(name string) {
	sc.queue.remove(name)
	sc.shares.forget(name)
	sc.grants.unread(name)
}
