package grant

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"vault-plugin-secrets-oauthrefresh/role"
)

// guard bounds how often each role is refreshed by force, and how often by readers' min_ttl before its token
// is due by itself: each of the two has its own count, which begins anew with a write to the role, its provider or the
// configuration. The zero value is ready.
type guard struct {
	mu     sync.Mutex
	counts map[counts]*counted
}

const (
	// A reader whose token is refused for a reason that no refresh can mend, a wrong audience for
	// one, would spend a refresh token with every call. An operator who tries things out is not
	// held up by five.
	ForcedBurst = 5
	forcedEvery = time.Minute
	// A min_ttl near a token's whole life would have a short one refreshed every few seconds.
	earlyEvery = 30 * time.Second
)

// counts names a count: one of a grant, or that of its early refreshes.
type counts struct {
	Key
	early bool
}

// counted is the count for what was configured at the time.
type counted struct {
	*rate.Limiter
	version string // Target.VersionID
}

// allow counts one forced refresh and tells whether it may be made.
func (g *guard) allow(key Key, t *role.Target) bool {
	return g.limiter(counts{key, false}, t, forcedEvery).Allow()
}

// allowEarly counts one refresh for a min_ttl and tells whether it may be made.
func (g *guard) allowEarly(key Key, t *role.Target) bool {
	return g.limiter(counts{key, true}, t, earlyEvery).Allow()
}

// wouldAllowEarly tells what allowEarly would, and counts nothing.
func (g *guard) wouldAllowEarly(key Key, t *role.Target) bool {
	return g.limiter(counts{key, true}, t, earlyEvery).Tokens() >= 1
}

func (g *guard) limiter(key counts, t *role.Target, every time.Duration) *rate.Limiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.counts == nil {
		g.counts = map[counts]*counted{}
	}
	version := t.VersionID()
	if c := g.counts[key]; c != nil && c.version == version {
		return c.Limiter
	}
	c := &counted{rate.NewLimiter(rate.Every(every), ForcedBurst), version}
	g.counts[key] = c
	return c.Limiter
}

// forget drops what was counted for a role.
func (g *guard) forget(key Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.counts, counts{key, false})
	delete(g.counts, counts{key, true})
}
