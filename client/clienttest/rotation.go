package clienttest

import (
	"sync"
	"time"
)

// Rotation is a grant whose refresh token changes with every refresh, with the reuse detection of
// RFC 9700 section 4.14.2: whoever presents a spent token ends the grant for everybody. Give its
// Answer to Server.Handle.
type Rotation struct {
	// ExpiresIn is the access token's lifetime in seconds; 0 means 3600.
	ExpiresIn int
	// KeepRefreshToken leaves the refresh token as it is and out of the answers.
	KeepRefreshToken bool
	// ReuseGrace is how long a spent token may still be presented. It is answered with new tokens,
	// and those that it was spent for stay valid too: nobody knows which of them arrived.
	ReuseGrace time.Duration
	// IdempotencyHeader is the header that names an exchange: a spent token under the name that it
	// was spent under gets the same answer again.
	IdempotencyHeader string

	mu      sync.Mutex
	start   string
	count   int
	issued  map[string]bool   // access tokens
	valid   map[string]bool   // refresh tokens
	spent   map[string]*spend // by refresh token
	revoked bool
	replays Replays
}

// spend is what became of a refresh token when it was presented first.
type spend struct {
	at     time.Time
	key    string // the exchange's name, "" for none
	answer Answer
}

// Replays counts presentations of spent tokens.
type Replays struct {
	Allowed int // by ReuseGrace or IdempotencyHeader
	Refused int // and the grant ended with the first of them
}

// NewRotation starts a grant at the given refresh token. The n-th refresh answers with the access
// token AccessToken(refreshToken, n) and the refresh token "<refreshToken>-n".
func NewRotation(refreshToken string) *Rotation {
	return &Rotation{
		start: refreshToken, issued: map[string]bool{},
		valid: map[string]bool{refreshToken: true}, spent: map[string]*spend{},
	}
}

// Current is the refresh token that was issued last, "" after Revoke or reuse.
func (g *Rotation) Current() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.revoked {
		return ""
	}
	return g.current()
}

// Valid are the refresh tokens that are accepted now. Only a ReuseGrace makes them more than one.
func (g *Rotation) Valid() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var tokens []string
	for token := range g.valid {
		if !g.revoked {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// Live tells whether an access token was issued by this grant, and the grant has not ended since.
func (g *Rotation) Live(accessToken string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.issued[accessToken] && !g.revoked
}

// Refreshes counts the refreshes that were granted. An answer that is given again is none.
func (g *Rotation) Refreshes() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// Reused tells whether a spent token was presented that should not have been.
func (g *Rotation) Reused() bool { return g.Replays().Refused > 0 }

// Replays counts the presentations of spent tokens so far.
func (g *Rotation) Replays() Replays {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.replays
}

// Revoke ends the grant, as its owner can at any time.
func (g *Rotation) Revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked = true
}
