package schedule

import (
	"hash/maphash"
	"math"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
)

// ahead is when a token in use is refreshed: between a quarter and an eighth of its life before its end,
// at random, so that roles whose tokens came at the same moment don't come back together. That is after
// a reader would have had it refreshed that comes back in time, and before one that comes late finds it
// ended. Not before the window opens, which providers may insist on.
func ahead(t grant.Terms, g *grant.Grant) time.Time {
	st := g.State
	left := min(st.Lifetime()/4, t.WindowOf(st.Lifetime()))
	return st.ExpiresAt.Add(-left + jitter(g, left/2))
}

// keepAlive is when a grant that nobody reads is refreshed so that it does not die of disuse; the
// zero time for never. Where a refresh kills the access token, not before that has ended, unless the
// refresh token would end first.
func keepAlive(t grant.Timing, g *grant.Grant, now time.Time) time.Time {
	r, p, st := g.Role, g.Provider, g.State
	since := t.Ends.Used
	if !r.Spends() || since.IsZero() {
		return time.Time{}
	}
	period := time.Duration(p.RefreshTokenIdleTTL) / 2
	if stated := t.Ends.Stated.Sub(since) / 2; !t.Ends.Stated.IsZero() && (period == 0 || stated < period) {
		period = stated
	}
	if r.KeepalivePeriod > 0 {
		period = r.KeepalivePeriod
	}
	if period <= 0 {
		return time.Time{}
	}
	if grant.FromFuture(since, now) {
		return now // how old it is nobody knows; refreshed, it is known
	}
	period = max(period, role.MinKeepalive)
	at := since.Add(period - jitter(g, period/10))
	if p.RefreshInvalidatesAccessToken {
		at = grant.Later(at, st.ExpiresAt)
	}
	if t.Must.IsZero() {
		return at
	}
	return grant.Earlier(at, grant.Later(t.Must, since.Add(role.MinKeepalive)))
}

// jitter is a part of a duration by chance, the same one for a role and a generation as long as the process
// lives: a plan that is made again must not come to be later each time.
func jitter(g *grant.Grant, d time.Duration) time.Duration {
	chance := maphash.Comparable(jitterSeed, struct {
		key        grant.Key
		generation int64
	}{g.Key, g.State.Generation})
	return time.Duration(float64(d) * float64(chance) / math.MaxUint64)
}

var jitterSeed = maphash.MakeSeed()
