package oauthrefresh

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// mayResend tells whether an exchange that brought no answer at all may be repeated at once, one
// time: where the provider takes the same refresh token twice, and where there is none.
func (a *attempt) mayResend(e *client.Error, i *intent) bool {
	p := a.target.provider
	if a.resent || e.Class != client.OutcomeUnknown || e.Status != 0 || e.RefreshToken.IsSet() || a.b.work.ending() {
		return false
	}
	return !a.target.role.spends() ||
		p.IdempotencyHeader != "" ||
		p.RefreshTokenRotation == client.RotationNever ||
		time.Since(i.since()) < time.Duration(p.ReuseGrace)
}

// maySwap tells whether to try the other one of two client secrets. Only invalid_client says that
// the secret was wrong and, by its nature, that nothing else was looked at: after any other error
// a second exchange would be a second use of the refresh token.
func (a *attempt) maySwap(e *client.Error) bool {
	return !a.swapped && a.target.role.PreviousClientSecret.IsSet() &&
		e.Class == client.ClientRefused && e.Code == "invalid_client"
}

// prefersPrevious tells whether the previous client secret is the one that worked last. Any write
// to the role makes the new one first again.
func (r *role) prefersPrevious(tok *token) bool {
	return r.PreviousClientSecret.IsSet() && tok.PreviousSecretOf == r.Revision
}
