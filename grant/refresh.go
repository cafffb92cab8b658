package grant

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
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
//  2. look at the state again: somebody may have refreshed while this caller waited
//  3. detach from the caller, whose hanging up must not tear an exchange in two
//  4. store the intent: it proves that the answer can be stored, and is found after a crash
//  5. send exactly one request
//  6. store the answer, access and refresh token in one entry; if storage refuses, hold it
//
// Steps 4 to 6 are attempt.run's.
func (k *Keeper) Refresh(ctx context.Context, s logical.Storage, name string, d Demand) (*Token, error) {
	abandoned := func() { k.disown(s, d.end) }
	return WithRole(ctx, k, name, abandoned, func(ctx context.Context) (*Token, error) {
		l, err := k.LookAgain(ctx, s, name, d.seen)
		if err != nil {
			return new(Token), err
		}
		if l.Role == nil {
			return new(Token), role.ErrNoRole
		}
		tok, err := k.refreshIfDue(ctx, s, name, l.Role, l.provider, l.Token, d)
		k.planAgain(ctx, s, name, l)
		return tok, err
	})
}

// WithRole runs f under the role's lock, apart from the caller. The detaching comes here, before
// anything is stored, and not just before the request: a caller that hung up between the two would
// leave an intent without an exchange, which looks like a lost answer. What such a caller does not hear
// is abandoned: of each result either the caller is told, or that is called, never both.
func WithRole[T any](ctx context.Context, k *Keeper, name string, abandoned func(), f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	unlock, err := k.Refreshes.Lock(ctx, name)
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
func (k *Keeper) refreshIfDue(ctx context.Context, s logical.Storage, name string, r *role.Role, p *client.Provider, tok *Token, d Demand) (*Token, error) {
	if d.seen != nil && d.own != (r.TokenMode == role.TokenModePerLease) {
		return tok, errMovedOn // a reader of one kind of token, of a role that has the other kind now
	}
	due, err := NewTerms(r, p).Due(tok, d, clock.Now())
	if err != nil || !due {
		return tok, err
	}
	if tok, err = tok.pointed(p); err != nil {
		return tok, err
	}
	if k.Held.Get(name) != nil {
		// The stored refresh token is spent, and the next one would be lost with this process.
		return tok, ErrHeld
	}
	t, err := role.TargetOf(ctx, s, r, p)
	if err != nil {
		return tok, err
	}
	if err := cmp.Or(k.mayRefresh(name, t, tok, d), t.CheckReady()); err != nil {
		return tok, err
	}
	if early := NewTerms(r, p).early(tok, d, clock.Now()); early && !k.guard.allowEarly(name, t) {
		return tok, NewTerms(r, p).tooEarly(tok)
	}
	t.Options.Sessions = k.sessions.of(t.Config.CACertificate, r.CACertificate)
	before, a := tok, &Attempt{K: k, S: s, Name: name, Target: t, demand: d}
	tok, err = a.run(ctx, tok)
	if err == nil && a.mayRenew(tok) {
		tok, err = a.run(ctx, tok) // the same attempt: what it has done twice it does not do again
	}
	if err == nil {
		err = k.assign(s, name, r, before, tok, d)
	}
	return tok, err
}

// mayRefresh returns the reason not to make an exchange that is due, as its caller hears it.
func (k *Keeper) mayRefresh(name string, t *role.Target, tok *Token, d Demand) error {
	r, now := t.Role, clock.Now()
	if d.own {
		if err := t.CheckTokenMode(); err != nil { // the provider was edited since the role was
			return err
		}
	}
	switch {
	case !(d.Again && tok.Fault.mayPass(tok.Dead(r))) && tok.Fault.Forbids(t, tok, now):
		return tok.Fault.asOf(TimingOf(r, t.Description.Provider, tok, now)).Error(now, name)
	case d.unasked() && TimingOf(r, t.Description.Provider, tok, now).Settle.After(now) && NewTerms(r, t.Provider).Usable(tok, now) >= max(d.MinTTL, role.MinLease):
		return errUnsettled
	case r.Spends() && !tok.RefreshToken.IsSet():
		return mount.Refusal(fmt.Sprintf("this role has no refresh token: authorize at the provider and write the refresh_token to roles/%s", name))
	case !k.writable():
		return logical.ErrReadOnly // Vault then forwards the request to the active node
	// Who writes roles is no reader, and who has no token to go on with needs one: a failure has its own pause.
	case d.Force && !d.Background && !d.Always && NewTerms(r, t.Provider).Usable(tok, now) >= role.MinLease && !k.guard.allow(name, t):
		return errTooOften
	case k.Work.Ending():
		return errEnding
	}
	return nil
}

// planAgain plans a role after an exchange by a fresh look, if a role or provider was written since the exchange
// began with another one: what it has planned by is no longer the definition.
func (k *Keeper) planAgain(ctx context.Context, s logical.Storage, name string, began *look) {
	if k.Memory.edited(began) {
		k.Edited(ctx, s, name)
	}
}
