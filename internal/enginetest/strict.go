package enginetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// Strict is a provider that spends a refresh token with its first use, takes it again within a grace, and
// ends the grant for who presents it later. It goes by the test's clock, which it is told: it stands outside
// the bubble.
type Strict struct {
	Mu          sync.Mutex
	Now         time.Time
	Grace       time.Duration
	Live, spent string
	spentAt     time.Time
	dead        bool
	Refreshes   int
	Answers     []clienttest.Answer // in place of its own, once it has done its work; an empty one is its own
	busy        *clienttest.Answer  // instead of doing it
}

// Tell says what time it is at the server.
func (g *Strict) Tell(now time.Time) {
	g.Mu.Lock()
	defer g.Mu.Unlock()
	g.Now = now
}

// SetBusy has the server answer like this instead of refreshing; nil ends that.
func (g *Strict) SetBusy(a *clienttest.Answer) {
	g.Mu.Lock()
	defer g.Mu.Unlock()
	g.busy = a
}

// Ended tells whether the grant is over there.
func (g *Strict) Ended() bool {
	g.Mu.Lock()
	defer g.Mu.Unlock()
	return g.dead
}

// Answer is the server's handler.
func (g *Strict) Answer(r *clienttest.Request) clienttest.Answer {
	g.Mu.Lock()
	defer g.Mu.Unlock()
	if g.busy != nil {
		return *g.busy
	}
	switch sent := r.Form.Get("refresh_token"); {
	case !g.dead && sent == g.Live:
		g.spent, g.spentAt = sent, g.Now
	case !g.dead && sent == g.spent && g.Now.Sub(g.spentAt) < g.Grace:
	default:
		g.dead = true
		return InvalidGrant
	}
	g.Refreshes++
	g.Live = fmt.Sprintf("%s-%d", FirstToken, g.Refreshes)
	if len(g.Answers) > 0 {
		a := g.Answers[0]
		g.Answers = g.Answers[1:]
		if a.Status != 0 || a.Drop {
			return a
		}
	}
	return TokenAnswer(fmt.Sprint("a", g.Refreshes), g.Live)
}

// ReadUntil reads every second until a token is served, and tells whether that was so within the time.
func (b *Mount) ReadUntil(g *Strict, within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); Pause(time.Second) {
		g.Tell(time.Now())
		if resp, err := b.Try(b.T.Context(), logical.ReadOperation, "creds/r", nil); err == nil && !resp.IsError() {
			return true
		}
	}
	return false
}
