package oauthrefresh

import (
	"cmp"
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// fail remembers a failed exchange and returns what its caller hears. before is the state without
// the exchange's intent, tok the one with it.
func (a *attempt) fail(ctx context.Context, before, tok *token, e *client.Error) (*token, error) {
	next, err := a.remember(ctx, before, tok, e)
	a.k.changed(a.name, a.target.role, a.target.provider, next)
	return next, err
}

func (a *attempt) remember(ctx context.Context, before, tok *token, e *client.Error) (*token, error) {
	if e.Class == client.GrantRefused && !a.target.role.spends() {
		// There is no grant apart from the client's own.
		e.Class, e.Reason = client.ClientRefused, a.request.Refused()+", and scope"
		if a.target.role.GrantType == client.GrantJWTBearer { // invalid_grant is how it says so (RFC 7523 section 3.1)
			e.Reason = "the token endpoint refused the assertion: check client_id, subject, assertion_audience, assertion_key_id and that the key is the registered one"
		}
	}
	r, p, now := a.target.role, a.target.provider, clock.Now()
	next := new(*tok)
	next.Fault = newFault(e, tok.Fault, a.target.version(), now)
	next.Fault.Of = a.target.description.definition()
	next.Fault.Presented, next.Fault.Lost = r.spends(), r.spends() && lost(before)
	switch {
	case (e.RefreshToken.IsSet() || len(e.Candidates) > 0) && r.spends() && !(e.FoundAt != "" && p.RefreshTokenRotation == client.RotationNever):
		return a.salvage(ctx, before, next, e)
	case e.Class == client.GrantRefused:
		if moved, err := a.movedOn(ctx, tok); err != nil || moved {
			return before, errMovedOn
		}
		again, last := before.dead(r), before.Fault // it was refused before, and somebody has asked for it once more
		next.Fault.Reauthorize, next.Fault.Verdict = true, tok.verdict(a.target)
		next.Fault.ClientFirst = a.refused || again && last.ClientFirst
		next.Fault.AnswerLost = lost(before) || !tok.DoubtSince.IsZero() || again && last.AnswerLost
		if next.Fault.Other = tok.Former.IsSet() && len(tok.Candidates) == 0; next.Fault.Other && again {
			f := next.Fault
			next = next.other()
			next.Fault = f
		}
		if a.k.life.Load() == nil {
			a.k.signOfLife(ctx, a.s, now) // a reader came before background work has begun
		}
		next.Fault.Gap = a.k.gapOf(r, before)
		next.Intent = nil
	case e.Class == client.OutcomeUnknown && r.spends():
		next.Intent = tok.Intent.after(e, lost(before))
	case before.dead(r) && e.Class != client.OutcomeUnknown:
		// It was presented once more on demand, and this says nothing of the grant.
		next.Fault.Presented = false
		_ = a.put(ctx, before) // without the intent; if that stays, the grant counts as dead all the same
		return before, next.Fault.error(now, a.name)
	default:
		// This exchange has surely changed nothing. What was unknown before it still is.
		next.Intent = before.Intent
		next.Fault.Unsettled = before.Intent != nil && r.spends()
		if next.Fault.Unsettled && a.refusesKey(e, tok.Intent) {
			next.Intent = before.Intent.unnamed()
		}
	}
	when := timingOf(r, a.target.description.provider, next, now)
	next.Fault.Until, next.Fault.Settle, next.Fault.second = when.may, when.settle, when.second
	if err := a.put(ctx, next); err != nil {
		// Nothing is lost: the refresh token is the stored one, and its intent is stored too. What the
		// failure asks for is kept to all the same.
		a.k.unrecorded.put(a.name, next)
		a.k.Logger().Warn("a failed refresh could not be recorded; it is remembered in memory", "role", a.name, "error", err)
	}
	if next.Intent == nil && a.marked {
		a.k.unmarkInflight(a.s, a.name)
	}
	a.report(before.Fault, next.Fault)
	return next, next.Fault.error(now, a.name)
}

// salvage keeps what is left of an answer without an access token: the grant's next refresh token, or several
// that may be it. They must be stored like any other. The one in storage is spent, the ones that are kept
// are not, so nothing is unknown any longer.
func (a *attempt) salvage(ctx context.Context, before, next *token, e *client.Error) (*token, error) {
	p, now := a.target.provider, clock.Now()
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
	next.Fault.Until = timingOf(a.target.role, a.target.description.provider, next, now).may
	a.store(ctx, next)
	a.report(before.Fault, next.Fault)
	return next, next.Fault.error(now, a.name)
}

// movedOn tells whether the state in storage is no longer the one that the exchange began with.
// Then the refused token was an old one, and says nothing of the grant.
func (a *attempt) movedOn(ctx context.Context, tok *token) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	stored, err := getToken(ctx, a.s, a.name)
	if err != nil {
		return false, err
	}
	return stored == nil || stored.Intent == nil || stored.Intent.AttemptID != tok.Intent.AttemptID, nil
}

// report logs a failure when it is another one than before: a provider that is down for a day must
// not fill the log.
func (a *attempt) report(before, f *fault) {
	if before != nil && before.Class == f.Class && before.Reauthorize == f.Reauthorize {
		return
	}
	a.k.Logger().Warn("a refresh failed", "role", a.name, "class", string(f.Class), "code", f.Code, "status", f.Status,
		"request_id", f.RequestID, "reauthorization_required", f.Reauthorize, "answer_lost", f.AnswerLost)
}

// errMovedOn: the state of the grant changed while its refresh token was refused.
var errMovedOn = logical.CodedError(503, "the state of this grant has changed meanwhile; try again")
