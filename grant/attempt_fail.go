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

// fail remembers a failed exchange and returns what its caller hears. before is the state without
// the exchange's intent, tok the one with it.
func (a *Attempt) fail(ctx context.Context, before, tok *Token, e *client.Error) (*Token, error) {
	next, err := a.remember(ctx, before, tok, e)
	a.K.Changed(a.Name, a.Target.Role, a.Target.Provider, next)
	return next, err
}

func (a *Attempt) remember(ctx context.Context, before, tok *Token, e *client.Error) (*Token, error) {
	if e.Class == client.GrantRefused && !a.Target.Role.Spends() {
		// There is no grant apart from the client's own.
		e.Class, e.Reason = client.ClientRefused, a.request.Refused()+", and scope"
		if a.Target.Role.GrantType == client.GrantJWTBearer { // invalid_grant is how it says so (RFC 7523 section 3.1)
			e.Reason = "the token endpoint refused the assertion: check client_id, subject, assertion_audience, assertion_key_id and that the key is the registered one"
		}
	}
	r, p, now := a.Target.Role, a.Target.Provider, clock.Now()
	next := new(*tok)
	next.Fault = NewFault(e, tok.Fault, a.Target.Version(), now)
	next.Fault.Of = a.Target.Description.Definition()
	next.Fault.Presented, next.Fault.Lost = r.Spends(), r.Spends() && lost(before)
	switch {
	case (e.RefreshToken.IsSet() || len(e.Candidates) > 0) && r.Spends() && !(e.FoundAt != "" && p.RefreshTokenRotation == client.RotationNever):
		return a.salvage(ctx, before, next, e)
	case e.Class == client.GrantRefused:
		if moved, err := a.movedOn(ctx, tok); err != nil || moved {
			return before, errMovedOn
		}
		again, last := before.Dead(r), before.Fault // it was refused before, and somebody has asked for it once more
		next.Fault.Reauthorize, next.Fault.Verdict = true, tok.verdict(a.Target)
		next.Fault.ClientFirst = a.refused || again && last.ClientFirst
		next.Fault.AnswerLost = lost(before) || !tok.DoubtSince.IsZero() || again && last.AnswerLost
		if next.Fault.Other = tok.Former.IsSet() && len(tok.Candidates) == 0; next.Fault.Other && again {
			f := next.Fault
			next = next.other()
			next.Fault = f
		}
		if a.K.life.Load() == nil {
			a.K.SignOfLife(ctx, a.S, now) // a reader came before background work has begun
		}
		next.Fault.Gap = a.K.GapOf(r, before)
		next.Intent = nil
	case e.Class == client.OutcomeUnknown && r.Spends():
		next.Intent = tok.Intent.after(e, lost(before))
	case before.Dead(r) && e.Class != client.OutcomeUnknown:
		// It was presented once more on demand, and this says nothing of the grant.
		next.Fault.Presented = false
		_ = a.put(ctx, before) // without the intent; if that stays, the grant counts as dead all the same
		return before, next.Fault.Error(now, a.Name)
	default:
		// This exchange has surely changed nothing. What was unknown before it still is.
		next.Intent = before.Intent
		next.Fault.Unsettled = before.Intent != nil && r.Spends()
		if next.Fault.Unsettled && a.refusesKey(e, tok.Intent) {
			next.Intent = before.Intent.unnamed()
		}
	}
	when := TimingOf(r, a.Target.Description.Provider, next, now)
	next.Fault.Until, next.Fault.Settle, next.Fault.second = when.May, when.Settle, when.second
	if err := a.put(ctx, next); err != nil {
		// Nothing is lost: the refresh token is the stored one, and its intent is stored too. What the
		// failure asks for is kept to all the same.
		a.K.unrecorded.put(a.Name, next)
		a.K.Logger().Warn("a failed refresh could not be recorded; it is remembered in memory", "role", a.Name, "error", err)
	}
	if next.Intent == nil && a.marked {
		a.K.UnmarkInflight(a.S, a.Name)
	}
	a.report(before.Fault, next.Fault)
	return next, next.Fault.Error(now, a.Name)
}

// salvage keeps what is left of an answer without an access token: the grant's next refresh token, or several
// that may be it. They must be stored like any other. The one in storage is spent, the ones that are kept
// are not, so nothing is unknown any longer.
func (a *Attempt) salvage(ctx context.Context, before, next *Token, e *client.Error) (*Token, error) {
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
	next.Fault.Until = TimingOf(a.Target.Role, a.Target.Description.Provider, next, now).May
	a.store(ctx, next)
	a.report(before.Fault, next.Fault)
	return next, next.Fault.Error(now, a.Name)
}

// movedOn tells whether the state in storage is no longer the one that the exchange began with.
// Then the refused token was an old one, and says nothing of the grant.
func (a *Attempt) movedOn(ctx context.Context, tok *Token) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, mount.StorageTimeout)
	defer cancel()
	stored, err := GetToken(ctx, a.S, a.Name)
	if err != nil {
		return false, err
	}
	return stored == nil || stored.Intent == nil || stored.Intent.AttemptID != tok.Intent.AttemptID, nil
}

// report logs a failure when it is another one than before: a provider that is down for a day must
// not fill the log.
func (a *Attempt) report(before, f *Fault) {
	if before != nil && before.Class == f.Class && before.Reauthorize == f.Reauthorize {
		return
	}
	a.K.Logger().Warn("a refresh failed", "role", a.Name, "class", string(f.Class), "code", f.Code, "status", f.Status,
		"request_id", f.RequestID, "reauthorization_required", f.Reauthorize, "answer_lost", f.AnswerLost)
}

// errMovedOn: the state of the grant changed while its refresh token was refused.
var errMovedOn = logical.CodedError(503, "the state of this grant has changed meanwhile; try again")
