package oauthrefresh

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// served is a token as a reader is given it.
type served struct {
	token    *token
	terms    terms
	ttl      time.Duration // how long its reader may count on it
	owner    *role         // whose own it is, of this lease and no other; nil for a shared one
	warnings []string
}

// serve answers a reader: with the token at hand, without any lock, or with what refresh brings.
func (k *keeper) serve(ctx context.Context, s logical.Storage, name string, want demand) (*served, error) {
	if warm := k.recall(name, want); warm != nil {
		return warm, nil
	}
	seen := k.memory.begin(name)
	defer k.memory.end(name, seen)
	r, p, tok, err := k.lookUp(ctx, s, name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errNoRole
	}
	seen.role, seen.provider, seen.token = r, p, tok
	want.seen = seen
	t := newTerms(r, p)
	if want.own = r.TokenMode == tokenModePerLease; want.own {
		want.end = new(revocation)
	}
	due, err := t.due(tok, want, clock.Now())
	if err != nil {
		return nil, err
	}
	if gap := t.gap(tok, clock.Now()); !due && gap > 0 {
		if due = sleep(ctx, gap); !due {
			return nil, errBusy
		}
	}
	if due {
		wait, cancel := t.patience(ctx, tok, want)
		defer cancel()
		fresh, err := k.refreshAndServe(wait, s, name, want)
		if wait.Err() == nil || ctx.Err() != nil || !errors.Is(err, errBusy) {
			return fresh, err
		}
		// The refresh goes on, and what it brings is there for the next reader.
	}
	k.noteRead(name, r, p, tok)
	out, err := k.handOut(t, tok, clock.Now())
	switch {
	case err != nil:
	case tok.dead(r):
		// The next refresh can't succeed, and whoever reads this token is the first to suffer.
		text := tok.Fault.sentence(clock.Now(), name)
		if !tok.Fault.corrected {
			text = "there will be no token after this one: " + text
		}
		out.warnings = append(out.warnings, text)
	default:
		k.remember(name, seen, t, tok)
	}
	return out, err
}

// sleep tells whether a time has passed before the context has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// recall serves from memory, without a call to Vault; nil when that can't be done.
func (k *keeper) recall(name string, want demand) *served {
	if !writes(k.System()) {
		k.memory.clear()
		return nil
	}
	m, ok := k.memory.recall(name)
	if !ok || k.held.get(name) != nil || !k.inUse(name, m.token) {
		return nil
	}
	now := clock.Now()
	if due, err := m.terms.due(m.token, want, now); due || err != nil || m.terms.gap(m.token, now) > 0 {
		return nil
	}
	out, err := k.handOut(m.terms, m.token, now)
	if err != nil {
		return nil
	}
	return out
}

// handOut says how long a reader may count on a token. The error is for the reader.
func (k *keeper) handOut(t terms, tok *token, now time.Time) (*served, error) {
	ttl := t.promised(tok, now)
	if ttl < minLease {
		// The window is open and yet this token is served: the provider is in trouble, and whatever
		// is left is better than nothing.
		ttl = t.meanwhile(tok, now)
	}
	if t.longest > 0 {
		ttl = min(ttl, t.longest)
	}
	if longest := k.System().MaxLeaseTTL(); longest > 0 {
		ttl = min(ttl, longest) // Vault would do the same, with a warning on every read
	}
	ttl = ttl.Truncate(time.Second)
	if ttl < minLease {
		return nil, logical.CodedError(http.StatusServiceUnavailable, fmt.Sprintf(
			"what is left of the token, or the longest lease that the mount allows, is less than %s, too short for a lease", client.Duration(minLease)))
	}
	return &served{token: tok, terms: t, ttl: ttl}, nil
}

// ending is how long a reader waits for the end of a token that the provider gives out until then.
func (t *token) ending(want demand) time.Duration {
	if t == nil || want.own || want.minTTL > minLease {
		return 0
	}
	return t.Fault.ends(clock.Now())
}

// maxPatience is how long a reader waits for a new token while the one at hand would do. Most
// refreshes take a fraction of it; those that take longer have a provider in trouble.
const maxPatience = 2 * time.Second

// patience bounds a reader's wait where the token at hand is good enough, and outlives the refresh.
func (t terms) patience(ctx context.Context, tok *token, want demand) (context.Context, context.CancelFunc) {
	if want.own || t.invalidates || t.usable(tok, clock.Now()) < max(want.minTTL, minLease)+maxPatience {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, maxPatience)
}

// refreshAndServe answers with a new token or, when there is none to be had, with the old one and
// a warning for as long as it can be used.
func (k *keeper) refreshAndServe(ctx context.Context, s logical.Storage, name string, want demand) (*served, error) {
	tok, failure := k.refresh(ctx, s, name, want)
	if left := tok.ending(want); left > 0 {
		if !sleep(ctx, left) {
			return nil, errBusy
		}
		tok, failure = k.refresh(ctx, s, name, want)
	}
	out, err := k.serveRefreshed(ctx, s, name, want, tok, failure)
	if tok == nil || !want.own {
		return out, err
	}
	if err == nil && ctx.Err() != nil {
		out, err = nil, errBusy // nobody is there to make a lease of it
	}
	if err != nil {
		k.disown(s, want.end)
	}
	return out, err
}

// serveRefreshed answers with what a refresh has brought.
func (k *keeper) serveRefreshed(ctx context.Context, s logical.Storage, name string, want demand, tok *token, failure error) (*served, error) {
	if errors.Is(failure, logical.ErrReadOnly) {
		return nil, logical.ErrReadOnly
	}
	if tok == nil {
		return nil, failure // the caller's time is over, or the mount's
	}
	// Role and provider may have been written while the provider was asked.
	r, p := want.seen.role, want.seen.provider
	if k.memory.edited(want.seen) {
		var err error
		if r, p, _, err = k.lookUp(ctx, s, name); err != nil {
			return nil, err
		}
	}
	if r == nil {
		return nil, errNoRole
	}
	t, now := newTerms(r, p), clock.Now()
	if tok.GrantID != "" && tok.GrantID != r.GrantID || failure == nil && !t.isOf(tok) {
		// What came, token or refusal, is of another grant or scope than the role's as it is now.
		return nil, errMovedOn
	}
	switch {
	case failure != nil && !t.serves(tok, want, now):
		return nil, failure
	case failure != nil:
		if p != nil && !tok.dead(r) {
			t.retry = later(now, timingOf(r, p, tok, now).may)
		}
		out, err := k.handOut(t, tok, now)
		if err != nil {
			return nil, failure
		}
		out.warnings = append(out.warnings, fmt.Sprintf("this token is served until it ends, because it could not be refreshed: %v; see status/%s", failure, name))
		return out, nil
	}
	if err := t.reachable(tok, want); err != nil {
		return nil, err
	}
	if tok.Fault != nil { // it came, and is of no use: see tooShort
		return nil, tok.Fault.error(now, name)
	}
	out, err := k.handOut(t, tok, now)
	if want.own {
		if err == nil {
			out.owner = r
		}
		return out, err
	}
	k.noteRead(name, r, p, tok)
	return out, err
}
