package oauthrefresh

import (
	"cmp"
	"context"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// keep stores a successful answer and returns the new state, whether or not storage takes it. before
// is the state without the exchange's intent, tok the one with it.
func (a *attempt) keep(ctx context.Context, before, tok *token, answer *client.Token) *token {
	r, began := a.target.role, tok.Intent.At
	if a.target.provider.IdempotencyHeader != "" {
		began = tok.Intent.named() // this may be the answer that was lost then, with the lifetimes of then
	}
	lifetime := cmp.Or(answer.Lifetime, time.Duration(a.target.provider.AssumedTokenTTL), assumedLifetime)
	next := new(*tok)
	next.Intent, next.Fault = nil, nil
	next.Generation++
	next.AccessToken, next.TokenType, next.Extra = client.NewSecret(answer.AccessToken), answer.TokenType, answer.Extra
	next.CertificateThumbprint = answer.CertificateThumbprint
	if answer.Scope != "" || tok.Settings != r.settings() {
		next.Scope = cmp.Or(answer.Scope, r.Scope) // omitted means: as asked for (RFC 6749 section 5.1)
	}
	next.Settings, next.RequestID = r.settings(), answer.RequestID
	next.PreviousSecretOf = ""
	if a.choices[partSecret][0] == slotPrevious {
		next.PreviousSecretOf = r.Revision
	}
	next.Next = a.adopted(tok)
	// Lifetimes count from before the request was sent: the server's clock started some time after.
	next.ObtainedAt, next.ExpiresAt = began, began.Add(lifetime)
	if lifetime-margin(lifetime) < minLease {
		// Kept, with what came along, but no lease can be made of it: without a fault, every read
		// would spend another refresh token.
		next.Fault = newFault(tooShort, before.Fault, a.target.version(), clock.Now())
	}
	if r.spends() {
		if a.target.provider.RefreshTokenRotation == client.RotationAlways && next.DoubtSince.IsZero() {
			next.DoubtSince = began
		}
		next.replaceRefreshToken(answer.RefreshToken, answer.RefreshTokenLifetime, began)
	} else {
		next.Intent = before.Intent // of the grant that the role does not use at the moment
	}
	a.store(ctx, next)
	a.promote(ctx, next)
	a.b.replan(a.name, r, a.target.provider, next)
	if tok.Fault != nil || !tok.Intent.UnknownSince.IsZero() {
		a.b.Logger().Info("refreshed again after a failure", "role", a.name, "generation", next.Generation)
	}
	return next
}

// tooShort is a success that is of no use.
var tooShort = &client.Error{
	Class:  client.NotProcessed,
	Reason: "the provider's access tokens live too short to be leased: correct the provider's expires_in_pointer, if that is what it is",
}

// replaceRefreshToken takes over the grant's next refresh token, if there is one, and what is known
// of its life.
func (t *token) replaceRefreshToken(next client.Secret, lifetime time.Duration, from time.Time) {
	if next.IsSet() && !next.Equal(t.RefreshToken) {
		t.RefreshToken, t.RefreshTokenExpiresAt, t.DoubtSince = next, time.Time{}, time.Time{}
	}
	if lifetime > 0 {
		t.RefreshTokenExpiresAt = from.Add(lifetime)
	}
}

// store writes the state, and holds it when storage refuses: what it replaces is spent.
func (a *attempt) store(ctx context.Context, next *token) {
	if err := a.put(ctx, next); err != nil {
		a.b.hold(a.s, a.name, next, err)
	}
}

func (a *attempt) put(ctx context.Context, t *token) error {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	return putToken(ctx, a.s, a.name, t)
}
