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
	mu    sync.Mutex
	roles map[string]*counted
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

// counted is the count for what was configured at the time.
type counted struct {
	*rate.Limiter
	version string // target.version
}

// allow counts one forced refresh and tells whether it may be made.
func (g *guard) allow(name string, t *role.Target) bool {
	return g.limiter(name, t, forcedEvery).Allow()
}

// allowEarly counts one refresh for a min_ttl and tells whether it may be made.
func (g *guard) allowEarly(name string, t *role.Target) bool {
	return g.limiter(name+earlySuffix, t, earlyEvery).Allow()
}

// wouldAllowEarly tells what allowEarly would, and counts nothing.
func (g *guard) wouldAllowEarly(name string, t *role.Target) bool {
	return g.limiter(name+earlySuffix, t, earlyEvery).Tokens() >= 1
}

// earlySuffix can't be part of a name.
const earlySuffix = "/min_ttl"

func (g *guard) limiter(name string, t *role.Target, every time.Duration) *rate.Limiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.roles == nil {
		g.roles = map[string]*counted{}
	}
	version := t.Version()
	if c := g.roles[name]; c != nil && c.version == version {
		return c.Limiter
	}
	c := &counted{rate.NewLimiter(rate.Every(every), ForcedBurst), version}
	g.roles[name] = c
	return c.Limiter
}

// forget drops what was counted for a role.
func (g *guard) forget(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.roles, name)
	delete(g.roles, name+earlySuffix)
}
