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

// attempt is one refresh of one role, from the intent to the stored answer. The role's lock is held
// throughout.
type attempt struct {
	b      *backend
	s      logical.Storage
	name   string
	target *target

	previous bool // the previous client secret is used
	swapped  bool // the other secret has been tried
	resent   bool // an exchange without an answer has been repeated
}

// run makes one exchange. There is a second one in two cases in which the first has surely spent
// nothing, or the provider allows it: see mayResend and maySwap.
func (a *attempt) run(ctx context.Context, tok *token) (*token, error) {
	a.previous = a.target.role.prefersPrevious(tok)
	for {
		request, err := a.target.request(tok.RefreshToken)
		if err != nil {
			return tok, err
		}
		if a.previous {
			request.ClientSecret = a.target.role.PreviousClientSecret
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
		switch {
		case a.mayResend(e, intended.Intent):
			a.resent = true
			if a.target.role.spends() {
				tok = intended // its intent is stored, and its outcome unknown
			}
		case a.maySwap(e):
			a.swapped, a.previous = true, !a.previous
		default:
			return a.fail(ctx, tok, intended, e)
		}
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
			i.IdempotencyKey, i.NamedAt = earlier.IdempotencyKey, earlier.named()
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

// named is when the first exchange was sent under this one's name.
func (i *intent) named() time.Time {
	if i.NamedAt.IsZero() {
		return i.At
	}
	return i.NamedAt
}

func asExchangeError(err error) *client.Error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e
	}
	// Not what Exchange promises; nothing is known of such an error, the refresh token's state neither.
	return &client.Error{Class: client.OutcomeUnknown, Reason: "the exchange failed in an unexpected way"}
}
