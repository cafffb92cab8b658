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
	g.renewed = time.Time{}
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

// due is when a read refreshes (see process.read): a lease ends a twentieth of the life before its
// token, so after another twentieth nine tenths are no longer left.
func (g *grant) due() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.renewed.Add(time.Duration(g.lifetime)*time.Second/20 + 10*time.Millisecond)
}

// answer is the provider's side of a refresh.
func (g *grant) answer(r *clienttest.Request) clienttest.Answer {
	t, lost := g.armed(), clienttest.Answer{Drop: true}
	if t.hold(requestSent) {
		return lost
	}
	late := t.hold(processedLate) || t.hold(processedLast)
	answer := g.current().Answer(r)
	g.mu.Lock()
	g.renewed = time.Now()
	g.mu.Unlock()
	if late || t.hold(rotated) {
		return lost
	}
	t.pass(answered)
	return answer
}
