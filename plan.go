package oauthrefresh

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// plan is what background work is next for a role, and when. The zero time means never.
type plan struct {
	at     time.Time
	demand demand
}

// plan decides by what is stored and by whether the token was read. It names the earliest of:
// repeating an exchange whose outcome is unknown, refreshing a token in use, keeping an idle grant
// alive. After a failure it waits as long as everybody else.
func (b *backend) plan(name string, r *role, p *client.Provider, tok *token, now time.Time) plan {
	force := demand{force: true, replace: tok.Generation, background: true}
	if r.dead(tok) {
		return plan{}
	}
	if p == nil { // deleted; it may be written again
		return plan{at: now.Add(time.Hour)}
	}
	var next plan
	consider := func(at time.Time, d demand) {
		if !at.IsZero() && (next.at.IsZero() || at.Before(next.at)) {
			next = plan{at, d}
		}
	}
	t := newTerms(r, p)
	if tok.Intent != nil && r.spends() {
		at := repeat(p, tok, now)
		if at.After(now) {
			return plan{at: later(at, untilOf(tok.Fault)), demand: force} // nothing else may spend the token before
		}
		consider(at, force)
	}
	if b.inUse(name, tok) && !t.invalidates && tok.AccessToken.IsSet() {
		consider(t.ahead(tok), demand{})
	}
	consider(keepAlive(r, p, tok), force)
	if b.gapOf(r, tok) != nil && p.RefreshTokenRotation != client.RotationNever && !next.at.IsZero() {
		next.at = later(next.at, tok.ExpiresAt) // the next refresh may end the grant, so not before it must be
	}
	if f := tok.Fault; f != nil && next.at.Before(f.Until) && !next.at.IsZero() {
		next.at = f.Until
	}
	return next
}

func untilOf(f *fault) time.Time {
	if f == nil {
		return time.Time{}
	}
	return f.Until
}

// replan puts a role where it belongs in the queue.
func (b *backend) replan(name string, r *role, p *client.Provider, tok *token) {
	b.scheduler.queue.set(name, b.plan(name, r, p, tok, time.Now()).at)
}

// reconsider replans a role whose definition has changed.
func (b *backend) reconsider(ctx context.Context, s logical.Storage, name string) {
	r, p, tok, err := b.lookUp(ctx, s, name)
	if err == nil && r != nil {
		b.replan(name, r, p, tok)
	}
}

// forget takes a role out of all background work.
func (s *scheduler) forget(name string) {
	s.queue.set(name, time.Time{})
	s.reads.Delete(name)
}

// noteRead remembers that this token is in use: only such a one is refreshed ahead of its readers.
// For every read but a token's first this is one look into a map.
func (b *backend) noteRead(name string, r *role, p *client.Provider, tok *token) {
	if !b.inUse(name, tok) {
		b.scheduler.reads.Store(name, tok.Generation)
		b.replan(name, r, p, tok)
	}
}

func (b *backend) inUse(name string, tok *token) bool {
	generation, ok := b.scheduler.reads.Load(name)
	return ok && generation == tok.Generation
}

// repeat is when an exchange is made again whose outcome is unknown: at once where the provider takes
// the same refresh token twice, and before its grace is over. Elsewhere the next try may be the one
// that ends the grant, and the tokens that readers hold with it, so it waits until these have ended
// or somebody asks.
func repeat(p *client.Provider, tok *token, now time.Time) time.Time {
	if p.IdempotencyHeader != "" || p.RefreshTokenRotation == client.RotationNever ||
		now.Sub(tok.Intent.since()) < time.Duration(p.ReuseGrace) {
		return now
	}
	return later(now, tok.ExpiresAt)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ahead is when a token in use is refreshed: between a quarter and an eighth of its life before its end,
// at random, so that roles whose tokens came at the same moment don't come back together. That is after
// a reader would have had it refreshed that comes back in time, and before one that comes late finds it
// ended. Not before the window opens, which providers may insist on.
func (t terms) ahead(tok *token) time.Time {
	left := min(tok.lifetime()/4, t.windowOf(tok.lifetime()))
	return tok.ExpiresAt.Add(-left + rand.N(max(left/2, 1)))
}

// minKeepalive is as often as an idle grant is refreshed at most: every refresh spends a refresh token.
// The shortest idle time of a provider that is known is some hours (Epic).
const minKeepalive = 10 * time.Second

// keepAlive is when a grant that nobody reads is refreshed so that it does not die of disuse; the
// zero time for never. Where a refresh kills the access token, not before that has ended.
func keepAlive(r *role, p *client.Provider, tok *token) time.Time {
	if !r.spends() {
		return time.Time{}
	}
	since := later(tok.ObtainedAt, r.GrantedAt)
	period := cmp.Or(r.KeepalivePeriod, time.Duration(p.RefreshTokenIdleTTL)/2)
	if period == 0 && !tok.RefreshTokenExpiresAt.IsZero() {
		period = tok.RefreshTokenExpiresAt.Sub(since) / 2
	}
	if period <= 0 || since.IsZero() {
		return time.Time{}
	}
	period = max(period, minKeepalive)
	at := since.Add(period - spread(period))
	if p.RefreshInvalidatesAccessToken && at.Before(tok.ExpiresAt) {
		return tok.ExpiresAt
	}
	return at
}
