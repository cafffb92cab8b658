package oauthrefresh

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// mayResend tells whether an exchange that brought no answer at all may be repeated at once, one
// time: where the provider takes the same refresh token twice, and where there is none.
func (a *attempt) mayResend(e *client.Error, i *intent) bool {
	p := a.target.provider
	if a.resent || e.Class != client.OutcomeUnknown || e.RefreshToken.IsSet() || a.b.work.ending() {
		return false
	}
	if clock.Since(i.since()) < time.Duration(p.ReuseGrace) {
		return !e.Own // a gateway's answer is none, and the grace may be over before the next reader comes
	}
	return e.Status == 0 && (!a.target.role.spends() || p.IdempotencyHeader != "" || p.RefreshTokenRotation == client.RotationNever)
}

// mayRenew tells whether the token that an attempt has brought is to be replaced at once: the provider
// has repeated an answer that it first gave before the attempt began, so long ago that its token has
// ended. The refresh token of that answer is good, and stored.
func (a *attempt) mayRenew(tok *token, began time.Time) bool {
	return tok.ObtainedAt.Before(began) && clock.Until(tok.ExpiresAt) < minLease &&
		a.b.held.get(a.name) == nil && !a.b.work.ending()
}

// maySwap tells whether to try other credentials, and picks them: each that there are, once. Only a refusal
// of the client says that these were wrong and, by its nature, that nothing else was looked at: after any
// other error a second exchange would be a second use of the refresh token. Servers that spend it before
// they look at the client exist all the same; see fault.ClientFirst.
func (a *attempt) maySwap(e *client.Error) bool {
	return !a.b.work.ending() && a.choices.after(a.target, e)
}
