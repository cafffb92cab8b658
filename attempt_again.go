package oauthrefresh

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// mayResend tells whether an exchange that brought no answer at all may be repeated at once, one
// time: where the provider takes the same refresh token twice, and where there is none.
func (a *attempt) mayResend(e *client.Error, i *intent) bool {
	p := a.target.provider
	if a.resent || e.Class != client.OutcomeUnknown || e.RefreshToken.IsSet() || a.b.work.ending() {
		return false
	}
	if time.Since(i.since()) < time.Duration(p.ReuseGrace) {
		return !e.Own // a gateway's answer is none, and the grace may be over before the next reader comes
	}
	return e.Status == 0 && (!a.target.role.spends() || p.IdempotencyHeader != "" || p.RefreshTokenRotation == client.RotationNever)
}

// mayRenew tells whether the token that an attempt has brought is to be replaced at once: the provider
// has repeated an answer that it first gave before the attempt began, so long ago that its token has
// ended. The refresh token of that answer is good, and stored.
func (a *attempt) mayRenew(tok *token, began time.Time) bool {
	return tok.ObtainedAt.Before(began) && time.Until(tok.ExpiresAt) < minLease &&
		a.b.held.get(a.name) == nil && !a.b.work.ending()
}

// maySwap tells whether to try the other one of two client secrets. Only invalid_client says that
// the secret was wrong and, by its nature, that nothing else was looked at: after any other error
// a second exchange would be a second use of the refresh token.
func (a *attempt) maySwap(e *client.Error) bool {
	return !a.swapped && !a.b.work.ending() && a.target.role.PreviousClientSecret.IsSet() &&
		e.Class == client.ClientRefused && e.Code == "invalid_client"
}

// prefersPrevious tells whether the previous client secret is the one that worked last. Any write
// to the role makes the new one first again.
func (r *role) prefersPrevious(tok *token) bool {
	return r.PreviousClientSecret.IsSet() && tok.PreviousSecretOf == r.Revision
}
