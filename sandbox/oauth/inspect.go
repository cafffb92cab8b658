package oauth

import "time"

// TokenState is what the provider itself believes about an access token.
type TokenState struct {
	Active     bool      `json:"active"`
	Reason     string    `json:"reason,omitempty"` // why it is not active
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	Generation int       `json:"generation,omitempty"`
}

// Inspect tells whether an access token would be accepted at this moment.
func (l *Ledger) Inspect(token string, now time.Time) TokenState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stateOf(token, now)
}

// stateOf is Inspect for who holds the lock.
func (l *Ledger) stateOf(token string, now time.Time) TokenState {
	t := l.accessTokens[token]
	if t == nil {
		return TokenState{Reason: "never issued here"}
	}
	s := TokenState{ExpiresAt: t.expires, Generation: t.generation}
	switch {
	case t.dead != "":
		s.Reason = t.dead
	case !now.Before(t.expires):
		s.Reason = "expired"
	default:
		s.Active = true
	}
	return s
}

// revokeToken ends a token. A refresh token takes its whole grant with it, RFC 7009 section 2.1.
func (l *Ledger) revokeToken(token string) {
	if t := l.refreshTokens[token]; t != nil {
		t.grant.revoke("revoked by its client")
	}
	if t := l.accessTokens[token]; t != nil && t.dead == "" {
		t.dead = "revoked by its client"
	}
}

// Counts counts what a provider has seen since the start or the last reset.
type Counts struct {
	Requests   int `json:"requests"`
	Successes  int `json:"successes"`
	Refusals   int `json:"refusals"`
	Faults     int `json:"faults"`      // answers spoilt on purpose, see POST /control
	Replays    int `json:"replays"`     // spent refresh tokens presented
	Resends    int `json:"resends"`     // stored answers given again to the same idempotency key
	APICalls   int `json:"api_calls"`   // GET /api/<provider>
	APIRefused int `json:"api_refused"` // of those, with a token that was not live
}

// GrantState is one grant in the answer of GET /stats.
type GrantState struct {
	ClientID   string `json:"client_id"`
	Generation int    `json:"generation"`
	Revoked    string `json:"revoked,omitempty"`
	User       string `json:"user,omitempty"`  // who has agreed in a browser
	Scope      string `json:"scope,omitempty"` // to what
}

// Stats is a provider's part of GET /stats.
type Stats struct {
	Counts
	Generation int          `json:"generation"` // of the most refreshed grant
	LiveTokens int          `json:"live_access_tokens"`
	Grants     []GrantState `json:"grants"`
}

// Snapshot is what the provider has seen and holds at this moment.
func (l *Ledger) Snapshot(now time.Time) Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Stats{Counts: l.counts}
	for _, g := range l.grants {
		state := GrantState{ClientID: g.app.ID, Generation: g.generation, Revoked: g.revoked, Scope: g.scope}
		if g.user != nil {
			state.User = g.user.Name
		}
		out.Grants = append(out.Grants, state)
		out.Generation = max(out.Generation, g.generation)
	}
	for _, t := range l.accessTokens {
		if t.dead == "" && now.Before(t.expires) {
			out.LiveTokens++
		}
	}
	return out
}
