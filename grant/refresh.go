package grant

import (
	"cmp"
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// MaxHold bounds how long a role stays locked. It is more than seven exchanges with all their storage
// operations can take (one, one repeated, that one signed anew, two with other secrets, one with another
// certificate, one to renew), so it only ends what hangs for good, a storage read above all.
const MaxHold = 7*provider.MaxTimeout + 24*mount.StorageTimeout

// Refresh is the one function that spends a refresh token. Whoever wants a new token calls it:
// reads, forced refreshes, whatever runs in the background. It returns the token at hand, which
// with an error is the one from before, and may be empty.
//
// The order of its steps is what keeps a grant from being lost:
//
//  1. lock the role, so that one refresh token is presented by one request
//  2. detach from the caller, whose hanging up must not tear an exchange in two
//  3. look at the state again: somebody may have refreshed while this caller waited
//  4. store the intent: it proves that the answer can be stored, and is found after a crash
//  5. send one request; another follows only where that is harmless, or the first was refused before the grant was
//     looked at
//  6. store the answer, access and refresh token in one entry; if storage refuses, hold it
//
// Steps 4 to 6 are Attempt.run's.
func (k *Keeper) Refresh(ctx context.Context, s logical.Storage, key Key, d Demand) (*State, error) {
	abandoned := func() { k.disown(s, d.end) }
	return WithRole(ctx, k, key, abandoned, func(ctx context.Context) (*State, error) {
		g, err := k.lookAgain(ctx, s, key, d.seen)
		if err != nil {
			return new(State), err
		}
		st, err := k.refreshIfDue(ctx, s, g, d)
		if k.Memory.edited(g.look) {
			k.Edited(ctx, s, key) // what was planned after the exchange was planned by another definition
		}
		return st, err
	})
}

// WithRole runs f under the role's lock, apart from the caller. The detaching comes here, before
// anything is stored, and not just before the request: a caller that hung up between the two would
// leave an intent without an exchange, which looks like a lost answer. What such a caller does not hear
// is abandoned: of each result either the caller is told, or that is called, never both.
func WithRole[T any](ctx context.Context, k *Keeper, key Key, abandoned func(), f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	unlock, err := k.Refreshes.Lock(ctx, string(key))
	if err != nil {
		return none, ErrBusy
	}
	done, gone := make(chan result), make(chan struct{})
	started := k.Work.Begin(func() {
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), MaxHold)
		defer cancel()
		var r result
		func() {
			defer unlock()
			defer mount.Contain(k.Logger(), &r.err)
			r.value, r.err = f(detached)
		}()
		select {
		case done <- r: // to somebody who receives it
		case <-gone:
			abandoned()
		}
	})
	if !started {
		unlock()
		return none, errEnding
	}
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		close(gone)
		return none, ErrBusy
	}
}

// errUnsettled is said with a token that is still good.
var errUnsettled = logical.CodedError(503, "the answer to a refresh was lost, and the provider may end the grant when it sees the same refresh token again: "+
	"so that is tried when this token has ended or the refresh token is about to, or when refresh/<name> asks for it")

// refreshIfDue makes an attempt unless there is a reason not to.
func (k *Keeper) refreshIfDue(ctx context.Context, s logical.Storage, g *Grant, d Demand) (*State, error) {
	if d.seen != nil && !d.Background && d.perLease != (g.Role.TokenMode == role.TokenModePerLease) {
		return g.State, errMovedOn // a reader of one kind of token, of a role that has the other kind now
	}
	if due, err := g.Terms().Due(g.State, d, clock.Now()); err != nil || !due {
		return g.State, err
	}
	t, st, err := k.ready(ctx, s, g, d)
	if !d.Background { // who has found out with the look
		k.noticed(g, resolved{t, err})
	}
	if err != nil {
		return st, err
	}
	if err := k.counted(g.with(st), t, d); err != nil {
		return st, err
	}
	t.Options.Sessions = k.sessions.of(t.Config.CACertificate, g.Role.CACertificate)
	a := &Attempt{K: k, S: s, Key: g.Key, Target: t, demand: d}
	next, err := a.run(ctx, st)
	if err == nil && a.mayRenew(next) {
		next, err = a.run(ctx, next) // the same attempt: what it has done twice it does not do again
	}
	if err == nil {
		err = k.assign(s, g.with(st), next, d)
	}
	return next, err
}

// ready is where an exchange that is due goes, and the state whose refresh token it presents; or the reason not to
// make one, as its caller hears it, with the state at hand.
func (k *Keeper) ready(ctx context.Context, s logical.Storage, g *Grant, d Demand) (*role.Target, *State, error) {
	st, err := g.State.pointed(g.Provider)
	if err != nil {
		return nil, st, err
	}
	if k.Held.Get(g.Key) != nil {
		// The stored refresh token is spent, and the next one would be lost with this process.
		return nil, st, ErrHeld
	}
	to := g.to
	if to == nil {
		found := resolve(ctx, s, g)
		to = &found
	}
	t := to.target
	if to.err != nil {
		return nil, st, to.err
	}
	return t, st, cmp.Or(g.checkRealm(t, t.Endpoints.Token), k.mayRefresh(g.with(st), t, d), t.CheckReady(), g.with(st).overBudget(d))
}

// mayRefresh returns the reason in the grant's own state, or in this node's, not to make an exchange that is due.
func (k *Keeper) mayRefresh(g *Grant, t *role.Target, d Demand) error {
	st, now := g.State, clock.Now()
	if d.perLease {
		if err := t.CheckTokenMode(); err != nil { // the provider was edited since the role was
			return err
		}
	}
	switch when := g.Timing(now); {
	case !(d.Again && st.Fault.mayPass(g.Dead())) && st.Fault.Forbids(t, st, now):
		return st.Fault.asOf(when).Error(now, g.Key)
	case d.unasked() && when.Settle.After(now) && g.Terms().usable(st, now) >= max(d.MinTTL, role.MinLease):
		return errUnsettled
	case g.Role.Spends() && !st.RefreshToken.IsSet():
		return mount.Refusal("there is no refresh token: " + k.ToAuthorize(g))
	case !d.Background && !k.writable(): // who works in the background has asked just now (MayTend)
		return logical.ErrReadOnly // Vault then forwards the request to the active node
	case k.Work.Ending():
		return errEnding
	}
	return nil
}

// counted counts an exchange that is about to be made with the guards against readers, and refuses one too many. Who
// writes roles is no reader, and who has no token to go on with needs one: a failure has its own pause.
func (k *Keeper) counted(g *Grant, t *role.Target, d Demand) error {
	terms, now := g.Terms(), clock.Now()
	switch {
	case d.Force && !d.Background && !d.Always && terms.usable(g.State, now) >= role.MinLease && !k.guard.allow(g.Key, t):
		return errTooOften
	case terms.early(g.State, d, now) && !k.guard.allowEarly(g.Key, t):
		return terms.tooEarly(g.State)
	}
	return nil
}
