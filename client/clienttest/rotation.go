package clienttest

import (
	"fmt"
	"sync"
)

// Rotation is a grant whose refresh token changes with every refresh, with the reuse detection of
// RFC 9700 section 4.14.2: whoever presents a spent token ends the grant for everybody. Give its
// Answer to Server.Handle.
type Rotation struct {
	// ExpiresIn is the access token's lifetime in seconds; 0 means 3600.
	ExpiresIn int
	// KeepRefreshToken leaves the refresh token as it is and out of the answers.
	KeepRefreshToken bool

	mu      sync.Mutex
	start   string
	count   int
	spent   map[string]bool
	revoked bool
	reused  bool
}

// NewRotation starts a grant at the given refresh token. The n-th refresh answers with the access
// token "<refreshToken>-access-n" and the refresh token "<refreshToken>-n".
func NewRotation(refreshToken string) *Rotation {
	return &Rotation{start: refreshToken, spent: map[string]bool{}}
}

// Current is the refresh token that is accepted now, "" after Revoke or reuse.
func (g *Rotation) Current() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.revoked {
		return ""
	}
	return g.current()
}

// Refreshes counts the refreshes that were granted.
func (g *Rotation) Refreshes() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// Reused tells whether a spent token was presented.
func (g *Rotation) Reused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reused
}

// Revoke ends the grant, as its owner can at any time.
func (g *Rotation) Revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked = true
}

func (g *Rotation) current() string {
	if g.count == 0 || g.KeepRefreshToken {
		return g.start
	}
	return fmt.Sprintf("%s-%d", g.start, g.count)
}

// Answer refreshes the grant, or refuses with invalid_grant. It judges the form only by
// grant_type and refresh_token: how the client authenticates is for a test's own handler.
func (g *Rotation) Answer(r *Request) Answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Form.Get("grant_type") != "refresh_token" {
		return JSON(400, `{"error":"unsupported_grant_type"}`)
	}
	presented := r.Form.Get("refresh_token")
	if g.spent[presented] {
		g.revoked, g.reused = true, true
	}
	if g.revoked || presented != g.current() {
		return JSON(400, `{"error":"invalid_grant","error_description":"the refresh token is invalid"}`)
	}
	if !g.KeepRefreshToken {
		g.spent[presented] = true
	}
	g.count++
	next := ""
	if !g.KeepRefreshToken {
		next = fmt.Sprintf(`,"refresh_token":%q`, g.current())
	}
	lifetime := g.ExpiresIn
	if lifetime == 0 {
		lifetime = 3600
	}
	return JSON(200, fmt.Sprintf(`{"access_token":"%s-access-%d","token_type":"Bearer","expires_in":%d%s}`,
		g.start, g.count, lifetime, next))
}
