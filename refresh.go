package oauthrefresh

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// maxHold bounds how long a role stays locked. It is more than seven exchanges with all their storage
// operations can take (one, one repeated, that one signed anew, two with other secrets, one with another
// certificate, one to renew), so it only ends what hangs for good, a storage read above all.
const maxHold = 7*maxTimeout + 24*storageTimeout

// refresh is the one function that spends a refresh token. Whoever wants a new token calls it:
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
func (k *keeper) refresh(ctx context.Context, s logical.Storage, name string, d demand) (*token, error) {
	abandoned := func() { k.disown(s, d.end) }
	return withRole(ctx, k, name, abandoned, func(ctx context.Context) (*token, error) {
		l, err := k.lookAgain(ctx, s, name, d.seen)
		if err != nil {
			return new(token), err
		}
		if l.role == nil {
			return new(token), errNoRole
		}
		tok, err := k.refreshIfDue(ctx, s, name, l.role, l.provider, l.token, d)
		k.planAgain(ctx, s, name, l)
		return tok, err
	})
}

// withRole runs f under the role's lock, apart from the caller. The detaching comes here, before
// anything is stored, and not just before the request: a caller that hung up between the two would
// leave an intent without an exchange, which looks like a lost answer. What such a caller does not hear
// is abandoned: of each result either the caller is told, or that is called, never both.
func withRole[T any](ctx context.Context, k *keeper, name string, abandoned func(), f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	unlock, err := k.refreshes.lock(ctx, name)
	if err != nil {
		return none, errBusy
	}
	done, gone := make(chan result), make(chan struct{})
	started := k.work.begin(func() {
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxHold)
		defer cancel()
		var r result
		func() {
			defer unlock()
			defer contain(k.Logger(), &r.err)
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
		return none, errBusy
	}
}

// errUnsettled is said with a token that is still good.
var errUnsettled = logical.CodedError(503, "the answer to a refresh was lost, and the provider may end the grant when it sees the same refresh token again: "+
	"so that is tried when this token has ended or the refresh token is about to, or when refresh/<name> asks for it")

// refreshIfDue makes an attempt unless there is a reason not to.
func (k *keeper) refreshIfDue(ctx context.Context, s logical.Storage, name string, r *role, p *client.Provider, tok *token, d demand) (*token, error) {
	if d.seen != nil && d.own != (r.TokenMode == tokenModePerLease) {
		return tok, errMovedOn // a reader of one kind of token, of a role that has the other kind now
	}
	due, err := newTerms(r, p).due(tok, d, clock.Now())
	if err != nil || !due {
		return tok, err
	}
	if tok, err = tok.pointed(p); err != nil {
		return tok, err
	}
	if k.held.get(name) != nil {
		// The stored refresh token is spent, and the next one would be lost with this process.
		return tok, errHeld
	}
	t, err := targetOf(ctx, s, r, p)
	if err != nil {
		return tok, err
	}
	if err := cmp.Or(k.mayRefresh(name, t, tok, d), t.checkReady()); err != nil {
		return tok, err
	}
	if early := newTerms(r, p).early(tok, d, clock.Now()); early && !k.guard.allowEarly(name, t) {
		return tok, newTerms(r, p).tooEarly(tok)
	}
	t.options.Sessions = k.sessions.of(t.config.CACertificate, r.CACertificate)
	before, a := tok, &attempt{k: k, s: s, name: name, target: t, demand: d}
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
func (k *keeper) mayRefresh(name string, t *target, tok *token, d demand) error {
	r, now := t.role, clock.Now()
	if d.own {
		if err := t.checkTokenMode(); err != nil { // the provider was edited since the role was
			return err
		}
	}
	switch {
	case !(d.again && tok.Fault.mayPass(tok.dead(r))) && tok.Fault.forbids(t, tok, now):
		return tok.Fault.asOf(timingOf(r, t.description.provider, tok, now)).error(now, name)
	case d.unasked() && timingOf(r, t.description.provider, tok, now).settle.After(now) && newTerms(r, t.provider).usable(tok, now) >= max(d.minTTL, minLease):
		return errUnsettled
	case r.spends() && !tok.RefreshToken.IsSet():
		return refusal(fmt.Sprintf("this role has no refresh token: authorize at the provider and write the refresh_token to roles/%s", name))
	case !k.writable():
		return logical.ErrReadOnly // Vault then forwards the request to the active node
	// Who writes roles is no reader, and who has no token to go on with needs one: a failure has its own pause.
	case d.force && !d.background && !d.always && newTerms(r, t.provider).usable(tok, now) >= minLease && !k.guard.allow(name, t):
		return errTooOften
	case k.work.ending():
		return errEnding
	}
	return nil
}
