package grant

import (
	"cmp"
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// fail remembers a failed exchange and returns what its caller hears. before is the state without the exchange's
// intent, announced the one with it.
func (a *Attempt) fail(ctx context.Context, before, announced *State, e *client.Error) (*State, error) {
	next, err := a.settle(ctx, before, announced, a.heard(e))
	a.told(next)
	a.K.turned(a.of(before), a.of(next), byRefresh)
	return next, err
}

// heard is the error as it is meant where no refresh token is spent: there is no grant then apart from the client's own.
func (a *Attempt) heard(e *client.Error) *client.Error {
	if e.Class != client.GrantRefused || a.Target.Role.Spends() {
		return e
	}
	meant := new(*e)
	meant.Class, meant.Reason = client.ClientRefused, a.request.Refused()+", and scope"
	if a.Target.Role.GrantType == client.GrantJWTBearer { // invalid_grant is how it says so (RFC 7523 section 3.1)
		meant.Reason = "the token endpoint refused the assertion: check client_id, subject, assertion_audience, assertion_key_id and that the key is the registered one"
	}
	return meant
}

// settle makes the grant's next state of what the exchange's outcome is.
func (a *Attempt) settle(ctx context.Context, before, announced *State, e *client.Error) (*State, error) {
	now := clock.Now()
	next := new(*announced)
	next.Fault = a.fault(before, announced, e, now)
	switch judge(e, a.of(before)) {
	case salvaged:
		return a.salvage(ctx, before, next, e)
	case refused:
		if moved, err := a.movedOn(ctx, announced); err != nil || moved {
			return before, errMovedOn
		}
		if a.K.life.Load() == nil {
			a.K.SignOfLife(ctx, a.S, now) // a reader came before background work has begun
		}
		next.Fault.Gap = a.K.gapOf(a.of(before))
		next = a.dead(before, next)
	case unknown:
		next.Intent = announced.Intent.after(e, lost(before))
	case stillDead:
		next.Fault.Presented = false
		_ = a.put(ctx, before) // without the intent; if that stays, the grant counts as dead all the same
		return before, next.Fault.Error(now, a.Key)
	case unspent:
		next.Intent = before.Intent
		next.Fault.Unsettled = before.Intent != nil && a.Target.Role.Spends()
		if next.Fault.Unsettled && a.refusesKey(e, announced.Intent) {
			next.Intent = before.Intent.unnamed()
		}
	}
	a.record(ctx, before, next, now)
	return next, next.Fault.Error(now, a.Key)
}

// fault is what is remembered of the failure, whatever it means.
func (a *Attempt) fault(before, announced *State, e *client.Error, now time.Time) *Fault {
	f := newFault(e, announced.Fault, a.Target.VersionID(), now)
	f.Of = a.Target.Description.DefinitionID()
	f.Presented = a.Target.Role.Spends()
	f.Lost = f.Presented && lost(before)
	return f
}

// dead is the state of a grant that the provider has refused. If it was refused before, somebody has asked for it once
// more.
func (a *Attempt) dead(before, next *State) *State {
	f, last, again := next.Fault, before.Fault, before.Dead(a.Target.Role)
	f.Reauthorize, f.Verdict = true, next.verdict(a.Target)
	f.ClientFirst = a.refused || again && last.ClientFirst
	f.AnswerLost = lost(before) || !next.DoubtSince.IsZero() || again && last.AnswerLost
	f.Other = next.Former.IsSet() && len(next.Candidates) == 0
	next.Intent = nil
	if f.Other && again {
		return next.other()
	}
	return next
}

// record stores the state after a failure. If storage refuses nothing is lost: the refresh token is the stored one,
// and its intent is stored too. What the failure asks for is kept to all the same.
func (a *Attempt) record(ctx context.Context, before, next *State, now time.Time) {
	when := a.of(next).Timing(now)
	next.Fault.Until, next.Fault.Settle, next.Fault.second = when.May, when.Settle, when.second
	if err := a.put(ctx, next); err != nil {
		a.K.unrecorded.put(a.Key, next)
		a.K.Logger().Warn("a failed refresh could not be recorded; it is remembered in memory", "role", a.Key, "error", err)
	}
	if next.Intent == nil && a.marked {
		a.K.unmarkInflight(a.S, a.Key)
	}
	a.report(before.Fault, next.Fault)
}

// salvage keeps what is left of an answer without an access token: the grant's next refresh token, or several
// that may be it. They must be stored like any other. The one in storage is spent, the ones that are kept
// are not, so nothing is unknown any longer.
func (a *Attempt) salvage(ctx context.Context, before, next *State, e *client.Error) (*State, error) {
	p, now := a.Target.Provider, clock.Now()
	began := a.began(next.Intent)
	next.Generation++
	next.Intent = nil
	next.Fault.Class, next.Fault.SilentSince = client.NotProcessed, time.Time{}
	next.RefreshedAt = began
	next.take(p, e.RefreshToken, e.FoundAt, e.Candidates, began)
	if p.RefreshInvalidatesAccessToken {
		next.AccessToken = client.Secret{} // the refresh took place, and ended it
	}
	if found := cmp.Or(next.foundElsewhere(p), next.candidatesFound()); found != "" {
		next.Fault.Reason += "; " + found
	}
	next.Fault.Until = a.of(next).Timing(now).May
	a.store(ctx, next)
	a.report(before.Fault, next.Fault)
	return next, next.Fault.Error(now, a.Key)
}

// movedOn tells whether the state in storage is no longer the one that the exchange began with.
// Then the refused token was an old one, and says nothing of the grant.
func (a *Attempt) movedOn(ctx context.Context, announced *State) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, mount.StorageTimeout)
	defer cancel()
	stored, err := GetState(ctx, a.S, a.Key)
	if err != nil {
		return false, err
	}
	return stored == nil || stored.Intent == nil || stored.Intent.AttemptID != announced.Intent.AttemptID, nil
}

// report logs a failure when it is another one than before: a provider that is down for a day must
// not fill the log. That a grant has died is told otherwise.
func (a *Attempt) report(before, f *Fault) {
	if f.Reauthorize || before != nil && before.Class == f.Class && !before.Reauthorize {
		return
	}
	a.K.Logger().Warn("a refresh failed", "role", a.Key, "class", string(f.Class), "code", f.Code, "status", f.Status,
		"request_id", f.RequestID)
}

// errMovedOn: the state of the grant changed while its refresh token was refused.
var errMovedOn = logical.CodedError(503, "the state of this grant has changed meanwhile; try again")
