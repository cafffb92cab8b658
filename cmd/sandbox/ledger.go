package main

import (
	"slices"
	"sync"
	"time"
)

// ledger is what one provider remembers: its grants and every token it ever issued. All of it is in
// memory; a spent token stays known, so that a replay can be told from a token that never was.
type ledger struct {
	*provider
	mu            sync.Mutex
	policy        policy
	grants        []*grant
	refreshTokens map[string]*refreshToken
	accessTokens  map[string]*accessToken
	stats         stats
	faults        faults
	owned         map[owner]*faults // faults for some requests only
	stored        map[string]stored // answers by idempotency key
	jtis          map[string]bool   // of assertions that were taken
	registered    []app             // the applications as they are at the start
}

// newLedger opens a provider's ledger, with the grants that its applications start with.
func newLedger(p *provider, now time.Time) *ledger {
	l := &ledger{provider: p, registered: slices.Clone(p.apps)}
	l.reset(now)
	return l
}

// initial are the applications as they are at the start, each with its first refresh token.
func (l *ledger) initial() []app { return slices.Clone(l.registered) }

// reset brings everything back to how it was at the start.
func (l *ledger) reset(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.policy = l.provider.policy
	copy(l.apps, l.registered)
	l.grants, l.stats, l.stored, l.jtis = nil, stats{}, map[string]stored{}, map[string]bool{}
	l.refreshTokens, l.accessTokens = map[string]*refreshToken{}, map[string]*accessToken{}
	l.faults.release()
	for _, f := range l.owned {
		f.release()
	}
	l.faults, l.owned = faults{}, map[owner]*faults{}
	for i := range l.apps {
		if a := &l.apps[i]; a.refreshToken != "" {
			l.authorize(a, a.refreshToken, now)
		}
	}
}

// grantAnew starts a new grant, as a person's new consent would, for an application (the first, unless clientID names
// another). It gives the application's id, "" when there is none, and the refresh token.
func (l *ledger) grantAnew(clientID string, now time.Time) (id, refreshToken string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.apps {
		if a := &l.apps[i]; clientID == "" || clientID == a.id {
			token := l.policy.refreshToken()
			l.authorize(a, token, now)
			return a.id, token
		}
	}
	return "", ""
}

// authorize starts a grant with the given refresh token, as a person's consent would.
func (l *ledger) authorize(a *app, token string, now time.Time) {
	g := &grant{app: a}
	l.grants = append(l.grants, g)
	l.addRefreshToken(g, token, now)
}

func (l *ledger) addRefreshToken(g *grant, token string, now time.Time) {
	t := &refreshToken{grant: g}
	if ttl := l.policyOf(g).refreshTTL; ttl > 0 {
		t.expires = now.Add(ttl)
	}
	l.refreshTokens[token] = t
}

// refresh spends a refresh token, or says why not.
func (l *ledger) refresh(a *app, token string, now time.Time) (*issued, *refusal) {
	t := l.refreshTokens[token]
	if t == nil {
		return nil, refuse("invalid_grant", "unknown refresh token")
	}
	g := t.grant
	policy := l.policyOf(g)
	switch {
	case g.app.id != a.id:
		return nil, refuse("invalid_grant", "this refresh token belongs to another client")
	case g.revoked != "" && t.spentAt.IsZero():
		return nil, refuse("invalid_grant", "the grant was revoked: "+g.revoked)
	case !t.spentAt.IsZero() && (g.revoked != "" || !now.Before(t.spentAt.Add(policy.reuseGrace))):
		return nil, l.replay(t)
	case !t.expires.IsZero() && !now.Before(t.expires):
		return nil, refuse("invalid_grant", "the refresh token has expired")
	}
	g.generation++
	if policy.killsAccess {
		g.killAccess("replaced by a refresh")
	}
	out := l.issue(g, now)
	if policy.rotate {
		if t.spentAt.IsZero() {
			t.spentAt, t.spentIn = now, g.generation
		}
		out.refreshToken = l.policy.refreshToken()
		out.refreshExpiresIn = seconds(policy.refreshTTL)
		l.addRefreshToken(g, out.refreshToken, now)
	}
	return out, nil
}

// policyOf is how the tokens of a grant are treated.
func (l *ledger) policyOf(g *grant) policy {
	if g.policy != nil {
		return *g.policy
	}
	return l.policy
}

// grantOf finds the grant that a refresh token is or was of; nil when it is of none.
func (l *ledger) grantOf(refreshToken string) *grant {
	if t := l.refreshTokens[refreshToken]; t != nil {
		return t.grant
	}
	return nil
}

// replay refuses a spent refresh token and, where the provider guards against theft, ends the grant.
func (l *ledger) replay(t *refreshToken) *refusal {
	why := "replay: this refresh token was already spent"
	if l.policy.replayKills && t.grant.revoked == "" {
		t.grant.revoke("a spent refresh token was replayed")
		why += "; its grant is now revoked"
	}
	return &refusal{code: "invalid_grant", why: why, replay: true}
}

// clientCredentials issues a token that stands outside of any person's grant.
func (l *ledger) clientCredentials(a *app, now time.Time) *issued {
	return l.issue(&grant{app: a}, now)
}

func (l *ledger) issue(g *grant, now time.Time) *issued {
	token, ttl := l.policy.accessToken(), l.policyOf(g).accessTTL
	t := &accessToken{grant: g, generation: g.generation, expires: now.Add(ttl)}
	l.accessTokens[token] = t
	g.access = append(g.access, t)
	return &issued{accessToken: token, expiresIn: seconds(ttl), now: now}
}
