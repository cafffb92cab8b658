package chaos

import (
	"fmt"
	"sync"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

const (
	// canary is in every secret; no log may hold it.
	canary = "canary-"
	// grace is long enough for a plugin process to start on a busy machine.
	grace = time.Minute
	key   = "Idempotency-Key"
)

// variant is what a provider does for a client that has lost an answer.
type variant struct {
	name, title string
	definition  fields
	forgives    bool // a spent token may be presented again
}

var variants = []*variant{
	{"grace", "reuse grace", fields{"reuse_grace": int(grace.Seconds())}, true},
	{"idempotency", "idempotency header", fields{"idempotency_header": key}, true},
	{"neither", "neither", nil, false},
}

// grant is one role and, at the provider, what its refresh token is good for.
type grant struct {
	role     string
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
}

// renew authorizes again and returns the new grant's refresh token.
func (g *grant) renew() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.number++
	refreshToken := fmt.Sprintf("%s%s.%d", canary, g.role, g.number)
	g.rotation = clienttest.NewRotation(refreshToken)
	g.rotation.ExpiresIn = g.lifetime
	g.renewed, g.last = time.Time{}, time.Time{}
	switch g.variant.name {
	case "grace":
		g.rotation.ReuseGrace = grace
	case "idempotency":
		g.rotation.IdempotencyHeader = key
	}
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

// process refreshes the grant, and notes whether it came long before it can have been due.
func (g *grant) process(r *clienttest.Request) clienttest.Answer {
	answer := g.current().Answer(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.last.IsZero() && g.began.Sub(g.last) < g.young()/2 {
		g.early++
	}
	g.renewed, g.last = time.Now(), g.began
	return answer
}

// answer is the provider's side of a refresh.
func (g *grant) answer(r *clienttest.Request) clienttest.Answer {
	t, lost := g.armed(), clienttest.Answer{Drop: true}
	if t.hold(requestSent) {
		return lost
	}
	late := t.hold(processedLate) || t.hold(processedLast)
	answer := g.process(r)
	if late || t.hold(rotated) {
		return lost
	}
	t.pass(answered)
	return answer
}
