package oauthrefresh

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// A reader whose token is refused for a reason that no refresh can mend, a wrong audience for
	// one, would spend a refresh token with every call. An operator who tries things out is not
	// held up by five.
	forcedBurst = 5
	forcedEvery = time.Minute
	// A min_ttl near a token's whole life would have a short one refreshed every few seconds.
	earlyEvery = 30 * time.Second
)

// guard bounds how often each role is refreshed by force, and how often by readers' min_ttl before its token
// is due by itself: each of the two has its own count. The zero value is ready.
type guard struct {
	mu    sync.Mutex
	roles map[string]*rate.Limiter
}

// allow counts one forced refresh and tells whether it may be made.
func (g *guard) allow(name string) bool { return g.count(name, forcedEvery) }

// allowEarly counts one refresh for a min_ttl and tells whether it may be made.
func (g *guard) allowEarly(name string) bool { return g.count(name+earlySuffix, earlyEvery) }

// earlySuffix can't be part of a name.
const earlySuffix = "/min_ttl"

func (g *guard) count(name string, every time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.roles == nil {
		g.roles = map[string]*rate.Limiter{}
	}
	l := g.roles[name]
	if l == nil {
		l = rate.NewLimiter(rate.Every(every), forcedBurst)
		g.roles[name] = l
	}
	return l.Allow()
}

// forget drops what was counted for a role.
func (g *guard) forget(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.roles, name)
	delete(g.roles, name+earlySuffix)
}
