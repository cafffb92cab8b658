package oauthrefresh

import (
	"cmp"
	"hash/maphash"
	"math"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

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
func (t terms) ahead(name string, tok *token) time.Time {
	left := min(tok.lifetime()/4, t.windowOf(tok.lifetime()))
	return tok.ExpiresAt.Add(-left + jitter(name, tok, left/2))
}

// minKeepalive is as often as an idle grant is refreshed at most: every refresh spends a refresh token.
// The shortest idle time of a provider that is known is some hours (Epic).
const minKeepalive = 10 * time.Second

// keepAlive is when a grant that nobody reads is refreshed so that it does not die of disuse; the
// zero time for never. Where a refresh kills the access token, not before that has ended.
func keepAlive(name string, r *role, p *client.Provider, tok *token) time.Time {
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
	at := since.Add(period - jitter(name, tok, period/10))
	if p.RefreshInvalidatesAccessToken && at.Before(tok.ExpiresAt) {
		return tok.ExpiresAt
	}
	return at
}

// jitter is a part of a duration by chance, the same one for a role and a generation as long as the process
// lives: a plan that is made again must not come to be later each time.
func jitter(name string, tok *token, d time.Duration) time.Duration {
	chance := maphash.Comparable(jitterSeed, struct {
		name       string
		generation int64
	}{name, tok.Generation})
	return time.Duration(float64(d) * float64(chance) / math.MaxUint64)
}

var jitterSeed = maphash.MakeSeed()
