package oauthrefresh

import (
	"hash/maphash"
	"math"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// ahead is when a token in use is refreshed: between a quarter and an eighth of its life before its end,
// at random, so that roles whose tokens came at the same moment don't come back together. That is after
// a reader would have had it refreshed that comes back in time, and before one that comes late finds it
// ended. Not before the window opens, which providers may insist on.
func ahead(t terms, name string, tok *token) time.Time {
	left := min(tok.lifetime()/4, t.windowOf(tok.lifetime()))
	return tok.ExpiresAt.Add(-left + jitter(name, tok, left/2))
}

// keepAlive is when a grant that nobody reads is refreshed so that it does not die of disuse; the
// zero time for never. Where a refresh kills the access token, not before that has ended, unless the
// refresh token would end first.
func keepAlive(t timing, name string, r *role, p *client.Provider, tok *token, now time.Time) time.Time {
	since := t.ends.used
	if !r.spends() || since.IsZero() {
		return time.Time{}
	}
	period := time.Duration(p.RefreshTokenIdleTTL) / 2
	if stated := t.ends.stated.Sub(since) / 2; !t.ends.stated.IsZero() && (period == 0 || stated < period) {
		period = stated
	}
	if r.KeepalivePeriod > 0 {
		period = r.KeepalivePeriod
	}
	if period <= 0 {
		return time.Time{}
	}
	if fromFuture(since, now) {
		return now // how old it is nobody knows; refreshed, it is known
	}
	period = max(period, minKeepalive)
	at := since.Add(period - jitter(name, tok, period/10))
	if p.RefreshInvalidatesAccessToken {
		at = later(at, tok.ExpiresAt)
	}
	if t.must.IsZero() {
		return at
	}
	return earlier(at, later(t.must, since.Add(minKeepalive)))
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
