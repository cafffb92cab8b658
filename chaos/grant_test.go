package chaos

import (
	"fmt"
	"sync"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// canary is in every secret; no log may hold it.
const canary = "canary-"

// grant is that of a role, or of one of its owners, and at the provider what its refresh token is good for.
type grant struct {
	name     string // among those of a lane
	role     string // the same, but for owners' grants: see owned
	owner    string // whose it is of a role that keeps one for each, "" for the role's own
	entity   string // who asks for it, "" for a token that belongs to none
	variant  *variant
	lifetime int // of the access tokens, in seconds

	mu       sync.Mutex
	number   int // of the grants that this role has had
	rotation *clienttest.Rotation
	renewed  time.Time // when the last tokens were issued
	began    time.Time // when the refresh began that is under way
	last     time.Time // and the one before it
	early    int       // refreshes that nobody can have wanted yet
	trap     *trap
	fails    *outage
	script   script // what the provider does, nil for the usual
	secret   string // the only client secret that the provider knows, "" for any
}

// renew authorizes again and returns the new grant's refresh token.
func (g *grant) renew() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.number++
	refreshToken := fmt.Sprintf("%s%s.%d", canary, g.name, g.number)
	g.rotation = clienttest.NewRotation(refreshToken)
	g.rotation.ExpiresIn, g.rotation.ReuseGrace, g.rotation.IdempotencyHeader = g.lifetime, g.variant.grace, g.variant.header
	g.renewed, g.last = time.Time{}, time.Time{}
	return refreshToken
}

func (g *grant) current() *clienttest.Rotation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rotation
}

// arm sets what happens to the role's next refresh.
func (g *grant) arm(t *trap, o *outage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trap, g.fails = t, o
}

func (g *grant) armed() *trap {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trap
}

func (g *grant) outage() *outage {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fails
}

// young is how long a token is too good for a read to refresh it (see process.read): a lease ends a
// twentieth of the life before its token, so after another twentieth nine tenths are no longer left.
func (g *grant) young() time.Duration { return time.Duration(g.lifetime) * time.Second / 20 }

// due is when a read refreshes.
func (g *grant) due() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.renewed.Add(g.young() + 10*time.Millisecond)
}

// begin notes when a refresh begins: the lives of its tokens count from then.
func (g *grant) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.began = time.Now()
}

// countEarly returns the count so far, and begins anew.
func (g *grant) countEarly() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer func() { g.early = 0 }()
	return g.early
}
