package oauth

import (
	"slices"
	"sync"
	"time"
)

// Ledger is what one provider remembers: its grants and every token it ever issued. All of it is in
// memory; a spent token stays known, so that a replay can be told from a token that never was.
type Ledger struct {
	*Provider
	mu            sync.Mutex
	policy        Policy
	grants        []*grant
	refreshTokens map[string]*refreshToken
	accessTokens  map[string]*accessToken
	counts        Counts
	faults        faults
	owned         map[owner]*faults // faults for some requests only
	stored        map[string]stored // answers by idempotency key
	jtis          map[string]bool   // of assertions that were taken
	users         []User
	pending       map[string]pending // questions to people, by what their form carries
	codes         map[string]*code
	pushed        map[string]pushed // by request_uri
	devices       map[string]*device
	signer        signer
	registered    []App // the applications as they are at the start
}

// NewLedger opens a provider's ledger, with the grants that its applications start with.
func NewLedger(p *Provider, now time.Time) *Ledger {
	l := &Ledger{Provider: p, registered: slices.Clone(p.Apps)}
	l.Reset(now)
	return l
}

// Initial are the applications as they are at the start, each with its first refresh token.
func (l *Ledger) Initial() []App { return slices.Clone(l.registered) }

// Reset brings everything back to how it was at the start.
func (l *Ledger) Reset(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.policy = l.Provider.Policy
	copy(l.Apps, l.registered)
	l.grants, l.counts, l.stored, l.jtis = nil, Counts{}, map[string]stored{}, map[string]bool{}
	l.refreshTokens, l.accessTokens = map[string]*refreshToken{}, map[string]*accessToken{}
	l.users, l.pending, l.codes = firstUsers(), map[string]pending{}, map[string]*code{}
	l.pushed, l.devices = map[string]pushed{}, map[string]*device{}
	l.faults.release()
	for _, f := range l.owned {
		f.release()
	}
	l.faults, l.owned = faults{}, map[owner]*faults{}
	for i := range l.Apps {
		if a := &l.Apps[i]; a.RefreshToken != "" {
			l.authorize(a, a.RefreshToken, now)
		}
	}
}

// Consent starts a new grant, as a person's new consent would, for an application (the first, unless clientID names
// another). It gives the application's id, "" when there is none, and the refresh token.
func (l *Ledger) Consent(clientID string, now time.Time) (id, refreshToken string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.Apps {
		if a := &l.Apps[i]; clientID == "" || clientID == a.ID {
			token := l.policy.RefreshToken()
			l.authorize(a, token, now)
			return a.ID, token
		}
	}
	return "", ""
}

// authorize starts a grant with the given refresh token, as a person's consent would.
func (l *Ledger) authorize(a *App, token string, now time.Time) {
	g := &grant{app: a}
	l.grants = append(l.grants, g)
	l.addRefreshToken(g, token, now)
}

func (l *Ledger) addRefreshToken(g *grant, token string, now time.Time) {
	t := &refreshToken{grant: g}
	if ttl := l.policyOf(g).RefreshTTL; ttl > 0 {
		t.expires = now.Add(ttl)
	}
	l.refreshTokens[token] = t
}

// refresh spends a refresh token, or says why not.
func (l *Ledger) refresh(a *App, token string, now time.Time) (*Issued, *Refusal) {
	t := l.refreshTokens[token]
	if t == nil {
		return nil, Refuse("invalid_grant", "unknown refresh token")
	}
	g := t.grant
	policy := l.policyOf(g)
	switch {
	case g.app.ID != a.ID:
		return nil, Refuse("invalid_grant", "this refresh token belongs to another client")
	case g.revoked != "" && t.spentAt.IsZero():
		return nil, Refuse("invalid_grant", "the grant was revoked: "+g.revoked)
	case !t.spentAt.IsZero() && (g.revoked != "" || !now.Before(t.spentAt.Add(policy.reuseGrace))):
		return nil, l.replay(t)
	case !t.expires.IsZero() && !now.Before(t.expires):
		return nil, Refuse("invalid_grant", "the refresh token has expired")
	}
	g.generation++
	if policy.KillsAccess {
		g.killAccess("replaced by a refresh")
	}
	out := l.issue(g, now)
	if policy.Rotate {
		if t.spentAt.IsZero() {
			t.spentAt, t.spentIn = now, g.generation
		}
		out.RefreshToken = l.policy.RefreshToken()
		out.RefreshExpiresIn = seconds(policy.RefreshTTL)
		l.addRefreshToken(g, out.RefreshToken, now)
	}
	return out, nil
}

// policyOf is how the tokens of a grant are treated.
func (l *Ledger) policyOf(g *grant) Policy {
	if g.policy != nil {
		return *g.policy
	}
	return l.policy
}

// grantOf finds the grant that a refresh token is or was of; nil when it is of none.
func (l *Ledger) grantOf(refreshToken string) *grant {
	if t := l.refreshTokens[refreshToken]; t != nil {
		return t.grant
	}
	return nil
}

// replay refuses a spent refresh token and, where the provider guards against theft, ends the grant.
func (l *Ledger) replay(t *refreshToken) *Refusal {
	why := "replay: this refresh token was already spent"
	if l.policy.ReplayKills && t.grant.revoked == "" {
		t.grant.revoke("a spent refresh token was replayed")
		why += "; its grant is now revoked"
	}
	return &Refusal{Code: "invalid_grant", Why: why, Replay: true}
}

// clientCredentials issues a token that stands outside of any person's grant.
func (l *Ledger) clientCredentials(a *App, now time.Time) *Issued {
	return l.issue(&grant{app: a}, now)
}

func (l *Ledger) issue(g *grant, now time.Time) *Issued {
	token, ttl := l.policy.AccessToken(), l.policyOf(g).AccessTTL
	t := &accessToken{grant: g, generation: g.generation, expires: now.Add(ttl)}
	l.accessTokens[token] = t
	g.access = append(g.access, t)
	return &Issued{AccessToken: token, ExpiresIn: seconds(ttl), Now: now, User: g.user, Scope: g.scope, grant: g}
}
