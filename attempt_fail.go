package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// fail remembers a failed exchange and returns what its caller hears. before is the state without
// the exchange's intent, tok the one with it.
func (a *attempt) fail(ctx context.Context, before, tok *token, e *client.Error) (*token, error) {
	next, err := a.remember(ctx, before, tok, e)
	a.b.replan(a.name, a.target.role, a.target.provider, next)
	return next, err
}

func (a *attempt) remember(ctx context.Context, before, tok *token, e *client.Error) (*token, error) {
	if e.Class == client.GrantRefused && !a.target.role.spends() {
		// There is no grant apart from the client's own.
		e.Class, e.Reason = client.ClientRefused, "the token endpoint refused the client: check client_id, client_secret and scope"
		if a.target.role.GrantType == client.GrantJWTBearer { // invalid_grant is how it says so (RFC 7523 section 3.1)
			e.Reason = "the token endpoint refused the assertion: check client_id, subject, assertion_audience, assertion_key_id and that the key is the registered one"
		}
	}
	next := new(*tok)
	next.Fault = newFault(e, tok.Fault, a.target.version(), clock.Now())
	next.Fault.Presented = a.target.role.spends()
	switch {
	case e.RefreshToken.IsSet() && a.target.role.spends():
		// No access token, but the grant's next refresh token: it must be stored like any other.
		// The one in storage is spent, the one that is kept is not: nothing is unknown any longer.
		next.Generation++
		next.Intent = nil
		next.Fault.Class = client.NotProcessed
		next.replaceRefreshToken(e.RefreshToken, 0, tok.Intent.At)
		if a.target.provider.RefreshInvalidatesAccessToken {
			next.AccessToken = client.Secret{} // the refresh took place, and ended it
		}
		a.store(ctx, next)
		a.report(before.Fault, next.Fault)
		return next, next.Fault.error(clock.Now(), a.name)
	case e.Class == client.GrantRefused:
		if moved, err := a.movedOn(ctx, tok); err != nil || moved {
			return before, errMovedOn
		}
		next.Fault.Reauthorize, next.Fault.Verdict = true, a.target.verdict()
		next.Fault.ClientFirst = a.refused
		next.Fault.AnswerLost = !tok.Intent.UnknownSince.IsZero() || !tok.DoubtSince.IsZero()
		if a.b.scheduler.life.Load() == nil {
			a.b.signOfLife(ctx, a.s, clock.Now()) // a reader came before background work has begun
		}
		next.Fault.Gap = a.b.gapOf(a.target.role, before)
		next.Intent = nil
	case e.Class == client.OutcomeUnknown && a.target.role.spends():
		if e.Own {
			next.Intent = tok.Intent.answered()
		}
	default:
		// This exchange has surely changed nothing. What was unknown before it still is.
		next.Intent = before.Intent
		next.Fault.Unsettled = before.Intent != nil
	}
	if err := a.put(ctx, next); err != nil {
		// Nothing is lost: the refresh token is the stored one, and its intent is stored too.
		a.b.Logger().Warn("a failed refresh could not be recorded", "role", a.name, "error", err)
	}
	a.report(before.Fault, next.Fault)
	return next, next.Fault.error(clock.Now(), a.name)
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
	a.b.Logger().Warn("a refresh failed", "role", a.name, "class", string(f.Class), "code", f.Code, "status", f.Status,
		"request_id", f.RequestID, "reauthorization_required", f.Reauthorize, "answer_lost", f.AnswerLost)
}

// errMovedOn: the state of the grant changed while its refresh token was refused.
var errMovedOn = logical.CodedError(503, "the state of this grant has changed meanwhile; try again")
