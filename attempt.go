package oauthrefresh

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// attempt is one exchange of one role, from the intent to the stored answer. The role's lock is
// held throughout.
type attempt struct {
	b      *backend
	s      logical.Storage
	name   string
	target *target
}

// run makes the attempt, and where that is harmless one more when no answer came.
func (a *attempt) run(ctx context.Context, tok *token) (*token, error) {
	for resent := false; ; resent = true {
		request, err := a.target.request(tok.RefreshToken)
		if err != nil {
			return tok, err
		}
		intended, err := a.intend(ctx, tok)
		if err != nil {
			return tok, err
		}
		request.IdempotencyKey = intended.Intent.IdempotencyKey
		answer, err := client.Exchange(ctx, a.target.options, request)
		if err == nil {
			return a.keep(ctx, intended, answer), nil
		}
		e := asExchangeError(err)
		if !resent && a.mayResend(e, intended.Intent) {
			if a.target.role.spends() {
				tok = intended // its intent is stored, and its outcome unknown
			}
			continue
		}
		return a.fail(ctx, tok, intended, e)
	}
}

// intend stores that an exchange is about to be made. Until this has succeeded nothing may be
// sent: a node that can't store the intent can't store the answer either. Without a refresh token
// there is nothing to lose, and no intent.
func (a *attempt) intend(ctx context.Context, tok *token) (*token, error) {
	i := &intent{At: time.Now(), Version: a.target.version()}
	var err, keyErr error
	i.AttemptID, err = uuid.GenerateUUID()
	i.IdempotencyKey, keyErr = uuid.GenerateUUID()
	if err := cmp.Or(err, keyErr); err != nil {
		return nil, err
	}
	if earlier := tok.Intent; earlier != nil {
		i.UnknownSince = earlier.since()
		// The same exchange keeps its name. With other settings it would be another body under the
		// same name, which providers refuse or answer with what they answered before.
		if earlier.Version == i.Version && earlier.IdempotencyKey != "" {
			i.IdempotencyKey = earlier.IdempotencyKey
		}
	}
	next := new(*tok)
	next.Intent = i
	if !a.target.role.spends() {
		return next, nil
	}
	if err := a.put(ctx, next); err != nil {
		if errors.Is(err, logical.ErrReadOnly) {
			return nil, logical.ErrReadOnly
		}
		a.b.Logger().Warn("no refresh was started: storage does not take the intent", "role", a.name, "error", err)
		return nil, errIntent
	}
	return next, nil
}

// since is when the first exchange was sent whose outcome is unknown, if this one's is.
func (i *intent) since() time.Time {
	if i.UnknownSince.IsZero() {
		return i.At
	}
	return i.UnknownSince
}

// keep stores a successful answer and returns the new state, whether or not storage takes it.
func (a *attempt) keep(ctx context.Context, tok *token, answer *client.Token) *token {
	r, began := a.target.role, tok.Intent.At
	lifetime := cmp.Or(answer.Lifetime, time.Duration(a.target.provider.AssumedTokenTTL), assumedLifetime)
	next := new(*tok)
	next.Intent, next.Fault = nil, nil
	next.Generation++
	next.AccessToken, next.TokenType, next.Extra = client.NewSecret(answer.AccessToken), answer.TokenType, answer.Extra
	if answer.Scope != "" || tok.Settings != r.settings() {
		next.Scope = cmp.Or(answer.Scope, r.Scope) // omitted means: as asked for (RFC 6749 section 5.1)
	}
	next.Settings, next.RequestID = r.settings(), answer.RequestID
	// Lifetimes count from before the request was sent: the server's clock started some time after.
	next.ObtainedAt, next.ExpiresAt = began, began.Add(lifetime)
	next.replaceRefreshToken(answer.RefreshToken, answer.RefreshTokenLifetime, began)
	a.store(ctx, next)
	a.b.replan(a.name, r, a.target.provider, next)
	if tok.Fault != nil || !tok.Intent.UnknownSince.IsZero() {
		a.b.Logger().Info("refreshed again after a failure", "role", a.name, "generation", next.Generation)
	}
	return next
}

// replaceRefreshToken takes over the grant's next refresh token, if there is one, and what is known
// of its life.
func (t *token) replaceRefreshToken(next client.Secret, lifetime time.Duration, from time.Time) {
	if next.IsSet() && !next.Equal(t.RefreshToken) {
		t.RefreshToken, t.RefreshTokenExpiresAt = next, time.Time{}
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

func asExchangeError(err error) *client.Error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e
	}
	// Not what Exchange promises; nothing is known of such an error, the refresh token's state neither.
	return &client.Error{Class: client.OutcomeUnknown, Reason: "the exchange failed in an unexpected way"}
}
