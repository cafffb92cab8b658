package grant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Served is a token as a reader is given it.
type Served struct {
	Token    *Token
	Terms    Terms
	Ttl      time.Duration // how long its reader may count on it
	Owner    *role.Role    // whose own it is, of this lease and no other; nil for a shared one
	Warnings []string
}

// Serve answers a reader: with the token at hand, without any lock, or with what refresh brings.
func (k *Keeper) Serve(ctx context.Context, s logical.Storage, name string, want Demand) (*Served, error) {
	if warm := k.recall(name, want); warm != nil {
		return warm, nil
	}
	seen := k.Memory.begin(name)
	defer k.Memory.end(name, seen)
	r, p, tok, err := k.LookUp(ctx, s, name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, role.ErrNoRole
	}
	seen.Role, seen.provider, seen.Token = r, p, tok
	want.seen = seen
	t := NewTerms(r, p)
	if want.own = r.TokenMode == role.TokenModePerLease; want.own {
		want.end = new(Revocation)
	}
	due, err := t.Due(tok, want, clock.Now())
	if err != nil {
		return nil, err
	}
	if gap := t.Gap(tok, clock.Now()); !due && gap > 0 {
		if due = sleep(ctx, gap); !due {
			return nil, ErrBusy
		}
	}
	if due {
		wait, cancel := t.patience(ctx, tok, want)
		defer cancel()
		fresh, err := k.refreshAndServe(wait, s, name, want)
		if wait.Err() == nil || ctx.Err() != nil || !errors.Is(err, ErrBusy) {
			return fresh, err
		}
		// The refresh goes on, and what it brings is there for the next reader.
	}
	k.noteRead(name, r, p, tok)
	out, err := k.HandOut(t, tok, clock.Now())
	switch {
	case err != nil:
	case tok.Dead(r):
		// The next refresh can't succeed, and whoever reads this token is the first to suffer.
		text := tok.Fault.sentence(clock.Now(), name)
		if !tok.Fault.corrected {
			text = "there will be no token after this one: " + text
		}
		out.Warnings = append(out.Warnings, text)
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
func (k *Keeper) recall(name string, want Demand) *Served {
	if !mount.Writes(k.System()) {
		k.Memory.clear()
		return nil
	}
	m, ok := k.Memory.Recall(name)
	if !ok || k.Held.Get(name) != nil || !k.InUse(name, m.Token) {
		return nil
	}
	now := clock.Now()
	if due, err := m.terms.Due(m.Token, want, now); due || err != nil || m.terms.Gap(m.Token, now) > 0 {
		return nil
	}
	out, err := k.HandOut(m.terms, m.Token, now)
	if err != nil {
		return nil
	}
	return out
}

// HandOut says how long a reader may count on a token. The error is for the reader.
func (k *Keeper) HandOut(t Terms, tok *Token, now time.Time) (*Served, error) {
	ttl := t.Promised(tok, now)
	if ttl < role.MinLease {
		// The window is open and yet this token is served: the provider is in trouble, and whatever
		// is left is better than nothing.
		ttl = t.meanwhile(tok, now)
	}
	if t.Longest > 0 {
		ttl = min(ttl, t.Longest)
	}
	if longest := k.System().MaxLeaseTTL(); longest > 0 {
		ttl = min(ttl, longest) // Vault would do the same, with a warning on every read
	}
	ttl = ttl.Truncate(time.Second)
	if ttl < role.MinLease {
		return nil, logical.CodedError(http.StatusServiceUnavailable, fmt.Sprintf(
			"what is left of the token, or the longest lease that the mount allows, is less than %s, too short for a lease", client.Duration(role.MinLease)))
	}
	return &Served{Token: tok, Terms: t, Ttl: ttl}, nil
}

// ending is how long a reader waits for the end of a token that the provider gives out until then.
func (t *Token) ending(want Demand) time.Duration {
	if t == nil || want.own || want.MinTTL > role.MinLease {
		return 0
	}
	return t.Fault.ends(clock.Now())
}

// refreshAndServe answers with a new token or, when there is none to be had, with the old one and
// a warning for as long as it can be used.
func (k *Keeper) refreshAndServe(ctx context.Context, s logical.Storage, name string, want Demand) (*Served, error) {
	tok, failure := k.Refresh(ctx, s, name, want)
	if left := tok.ending(want); left > 0 {
		if !sleep(ctx, left) {
			return nil, ErrBusy
		}
		tok, failure = k.Refresh(ctx, s, name, want)
	}
	out, err := k.serveRefreshed(ctx, s, name, want, tok, failure)
	if tok == nil || !want.own {
		return out, err
	}
	if err == nil && ctx.Err() != nil {
		out, err = nil, ErrBusy // nobody is there to make a lease of it
	}
	if err != nil {
		k.disown(s, want.end)
	}
	return out, err
}

// serveRefreshed answers with what a refresh has brought.
func (k *Keeper) serveRefreshed(ctx context.Context, s logical.Storage, name string, want Demand, tok *Token, failure error) (*Served, error) {
	if errors.Is(failure, logical.ErrReadOnly) {
		return nil, logical.ErrReadOnly
	}
	if tok == nil {
		return nil, failure // the caller's time is over, or the mount's
	}
	// Role and provider may have been written while the provider was asked.
	r, p := want.seen.Role, want.seen.provider
	if k.Memory.edited(want.seen) {
		var err error
		if r, p, _, err = k.LookUp(ctx, s, name); err != nil {
			return nil, err
		}
	}
	if r == nil {
		return nil, role.ErrNoRole
	}
	t, now := NewTerms(r, p), clock.Now()
	if tok.GrantID != "" && tok.GrantID != r.GrantID || failure == nil && !t.isOf(tok) {
		// What came, token or refusal, is of another grant or scope than the role's as it is now.
		return nil, errMovedOn
	}
	switch {
	case failure != nil && !t.serves(tok, want, now):
		return nil, failure
	case failure != nil:
		if p != nil && !tok.Dead(r) {
			t.retry = Later(now, TimingOf(r, p, tok, now).May)
		}
		out, err := k.HandOut(t, tok, now)
		if err != nil {
			return nil, failure
		}
		out.Warnings = append(out.Warnings, fmt.Sprintf("this token is served until it ends, because it could not be refreshed: %v; see status/%s", failure, name))
		return out, nil
	}
	if err := t.reachable(tok, want); err != nil {
		return nil, err
	}
	if tok.Fault != nil { // it came, and is of no use: see tooShort
		return nil, tok.Fault.Error(now, name)
	}
	out, err := k.HandOut(t, tok, now)
	if want.own {
		if err == nil {
			out.Owner = r
		}
		return out, err
	}
	k.noteRead(name, r, p, tok)
	return out, err
}
