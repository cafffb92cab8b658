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
	State    *State
	Terms    Terms
	TTL      time.Duration // how long its reader may count on it
	Owner    *role.Role    // whose own it is, of this lease and no other; nil for a shared one
	Warnings []string
}

// Serve answers a reader of a grant: with the token at hand, without any lock, or with what Refresh brings. The error
// is for the reader, and says what to do.
func (k *Keeper) Serve(ctx context.Context, s logical.Storage, key Key, want Demand) (*Served, error) {
	if warm := k.fromMemory(key, want); warm != nil {
		k.Meter.Read(FromMemory)
		return warm, nil
	}
	out, source, err := k.fromGrant(ctx, s, key, want)
	if err != nil {
		source = FromNothing
	}
	k.Meter.Read(source)
	return out, err
}

// fromGrant serves what storage has, or a refresh brings, and says which.
func (k *Keeper) fromGrant(ctx context.Context, s logical.Storage, key Key, want Demand) (*Served, string, error) {
	look := k.Memory.begin(key)
	defer k.Memory.end(key, look)
	g, err := k.find(ctx, s, key, look)
	if err != nil {
		return nil, "", err
	}
	want.seen, want.perLease = g, g.Role.TokenMode == role.TokenModePerLease
	if want.perLease {
		want.end = new(Revocation)
	}
	switch d := g.Terms().decide(g.State, g.Dead(), want, clock.Now()); d.would {
	case wouldFail:
		return nil, "", d.refusal
	case wouldWait:
		if !sleep(ctx, d.wait) {
			return nil, "", ErrBusy
		}
		fallthrough
	case wouldRefresh:
		if fresh, why, err := k.afterRefresh(ctx, s, g, want); why != outlasted {
			return fresh, FromRefresh, err
		}
		// The refresh goes on, and what it brings is there for the next reader.
	}
	out, err := k.atHand(g)
	return out, FromStorage, err
}

// fromMemory serves without a call to Vault; nil when that can't be done.
func (k *Keeper) fromMemory(key Key, want Demand) *Served {
	if !mount.Writes(k.System()) {
		k.Memory.clear()
		return nil
	}
	m, ok := k.Memory.recall(key)
	if !ok || k.Held.Get(key) != nil || !k.InUse(key, m.State) {
		return nil
	}
	now := clock.Now()
	if m.terms.decide(m.State, false, want, now).would != wouldServe {
		return nil
	}
	out, err := k.handOut(m.terms, m.State, now)
	if err != nil {
		return nil
	}
	return out
}

// atHand serves what a look has found.
func (k *Keeper) atHand(g *Grant) (*Served, error) {
	k.noteRead(g)
	terms, now := g.Terms(), clock.Now()
	out, err := k.handOut(terms, g.State, now)
	if err != nil {
		return nil, err
	}
	if !g.Dead() {
		k.remember(g, terms)
		return out, nil
	}
	// The next refresh can't succeed, and whoever reads this token is the first to suffer.
	text := g.State.Fault.sentence(now, g.Key)
	if !g.State.Fault.corrected {
		text = "there will be no token after this one: " + text
	}
	out.Warnings = append(out.Warnings, text)
	return out, nil
}

// endOfWait is why a reader's wait for a refresh has ended.
type endOfWait int

const (
	answered   endOfWait = iota // by the refresh, with a token or an error
	callerLeft                  // and nobody is there to be answered
	outlasted                   // by the refresh: the reader is well served with the token at hand
)

// whyEnded tells why a wait has ended with this error: wait is the caller's context, bounded by its patience.
func whyEnded(ctx, wait context.Context, err error) endOfWait {
	switch {
	case wait.Err() == nil || !errors.Is(err, ErrBusy):
		return answered
	case ctx.Err() != nil:
		return callerLeft
	}
	return outlasted
}

// afterRefresh answers with a new token or, when there is none to be had, with the old one and
// a warning for as long as it can be used.
func (k *Keeper) afterRefresh(ctx context.Context, s logical.Storage, g *Grant, want Demand) (*Served, endOfWait, error) {
	wait, cancel := g.Terms().patience(ctx, g.State, want)
	defer cancel()
	st, failure := k.refreshPastEnd(wait, s, g.Key, want)
	out, err := k.serveRefreshed(wait, s, g, want, st, failure)
	if st != nil && want.perLease {
		if err == nil && wait.Err() != nil {
			out, err = nil, ErrBusy // nobody is there to make a lease of it
		}
		if err != nil {
			k.disown(s, want.end)
		}
	}
	return out, whyEnded(ctx, wait, err), err
}

// refreshPastEnd is Refresh, and Refresh once more where the provider gives the token at hand out until it ends, which
// is about to.
func (k *Keeper) refreshPastEnd(ctx context.Context, s logical.Storage, key Key, want Demand) (*State, error) {
	st, failure := k.Refresh(ctx, s, key, want)
	left := st.ending(want)
	if left == 0 {
		return st, failure
	}
	if !sleep(ctx, left) {
		return nil, ErrBusy
	}
	return k.Refresh(ctx, s, key, want)
}

// serveRefreshed answers with what a refresh has brought.
func (k *Keeper) serveRefreshed(ctx context.Context, s logical.Storage, g *Grant, want Demand, st *State, failure error) (*Served, error) {
	if errors.Is(failure, logical.ErrReadOnly) {
		return nil, logical.ErrReadOnly
	}
	if st == nil {
		return nil, failure // the caller's time is over, or the mount's
	}
	// Role or provider may have been written while the provider was asked, or an owner may have agreed anew.
	if k.Memory.edited(g.look) || g.Key.Owner() != "" && st.GrantID != g.State.GrantID {
		var err error
		if g, err = k.Look(ctx, s, g.Key); err != nil {
			return nil, err
		}
	}
	of := g.grantID()
	g = g.with(st)
	terms, now := g.Terms(), clock.Now()
	if st.GrantID != "" && st.GrantID != of || failure == nil && !terms.isOf(st) {
		// What came, token or refusal, is of another grant or scope than the role's as it is now.
		return nil, errMovedOn
	}
	if failure != nil {
		return k.despite(g, terms, want, failure)
	}
	if err := terms.reachable(st, want); err != nil {
		return nil, err
	}
	if st.Fault != nil { // it came, and is of no use: see tooShort
		return nil, st.Fault.Error(now, g.Key)
	}
	out, err := k.handOut(terms, st, now)
	if !want.perLease {
		k.noteRead(g)
	} else if err == nil {
		out.Owner = g.Role
	}
	return out, err
}

// despite serves the token at hand though it could not be refreshed, for as long as it can be used.
func (k *Keeper) despite(g *Grant, terms Terms, want Demand, failure error) (*Served, error) {
	now := clock.Now()
	if !terms.serves(g.State, want, now) {
		return nil, failure
	}
	if g.Provider != nil && !g.Dead() {
		terms.retry = Later(now, Later(g.Timing(now).May, g.Withheld(now)))
	}
	out, err := k.handOut(terms, g.State, now)
	if err != nil {
		return nil, failure
	}
	out.Warnings = append(out.Warnings, fmt.Sprintf("this token is served until it ends, because it could not be refreshed: %v; see status/%s", failure, g.Key.Path()))
	return out, nil
}

// handOut says how long a reader may count on a token. The error is for the reader.
func (k *Keeper) handOut(t Terms, st *State, now time.Time) (*Served, error) {
	ttl := t.promised(st, now)
	if ttl < role.MinLease {
		// The window is open and yet this token is served: the provider is in trouble, and whatever
		// is left is better than nothing.
		ttl = t.meanwhile(st, now)
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
	return &Served{State: st, Terms: t, TTL: ttl}, nil
}

// ending is how long a reader waits for the end of a token that the provider gives out until then.
func (st *State) ending(want Demand) time.Duration {
	if st == nil || want.perLease || want.MinTTL > role.MinLease {
		return 0
	}
	return st.Fault.ends(clock.Now())
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
