package oauthrefresh

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// attempt is one refresh of one role, from the intent to the stored answer. The role's lock is held
// throughout.
type attempt struct {
	b      *backend
	s      logical.Storage
	name   string
	target *target

	choices choices // the credentials that may be used: the first of each part is
	refused bool    // some were refused, and others are tried
	resent  bool    // an exchange without an answer has been repeated
}

// run makes one exchange. It makes another one in two cases, in which the one before has surely spent
// nothing, or the provider allows it: see mayResend and maySwap.
func (a *attempt) run(ctx context.Context, tok *token) (*token, error) {
	if a.choices == nil {
		a.choices = a.target.role.choices(tok, clock.Now())
	}
	for {
		request, err := a.target.request(tok.RefreshToken, a.target.role.pick(a.choices))
		if err != nil {
			return tok, err
		}
		intended, err := a.intend(ctx, tok)
		if err != nil {
			return tok, err
		}
		if a.b.work.ending() {
			return tok, a.takeBack(ctx, tok)
		}
		request.IdempotencyKey = intended.Intent.IdempotencyKey
		answer, err := client.Exchange(ctx, a.target.options, request)
		if err == nil {
			return a.keep(ctx, tok, intended, answer), nil
		}
		e := asExchangeError(err)
		switch {
		case a.mayResend(e, intended.Intent):
			a.resent = true
			if a.target.role.spends() {
				tok = intended // its intent is stored, and its outcome unknown
			}
		case a.maySwap(e):
			a.refused = true
		default:
			return a.fail(ctx, tok, intended, e)
		}
	}
}

// intend stores that an exchange is about to be made. Until this has succeeded nothing may be
// sent: a node that can't store the intent can't store the answer either. Without a refresh token
// there is nothing to lose, and no intent.
func (a *attempt) intend(ctx context.Context, tok *token) (*token, error) {
	i := &intent{At: clock.Now(), Exchange: a.target.exchange()}
	var err, keyErr error
	i.AttemptID, err = uuid.GenerateUUID()
	i.IdempotencyKey, keyErr = uuid.GenerateUUID()
	if err := cmp.Or(err, keyErr); err != nil {
		return nil, err
	}
	if earlier := tok.Intent; earlier != nil {
		i.UnknownSince = earlier.since()
		if earlier.Exchange == i.Exchange && // the same one keeps its name
			earlier.IdempotencyKey != "" {
			i.IdempotencyKey, i.NamedAt, i.Answered = earlier.IdempotencyKey, earlier.named(), earlier.Answered
		}
	}
	next := new(*tok)
	next.Intent = i
	if !a.target.role.spends() {
		return next, nil
	}
	err = a.put(ctx, next)
	a.b.noteStorage(err)
	if errors.Is(err, logical.ErrReadOnly) {
		return nil, logical.ErrReadOnly
	}
	if err != nil {
		return nil, errIntent
	}
	return next, nil
}

// takeBack removes an intent whose exchange is not made, because the mount has begun to end since:
// an exchange that begins now might not be waited for.
func (a *attempt) takeBack(ctx context.Context, tok *token) error {
	if a.target.role.spends() {
		_ = a.put(ctx, tok) // if storage is gone already, the next one repeats what never was: harmless
	}
	return errEnding
}

// noteStorage logs when storage stops taking intents, and when it takes them again: once each, not
// with every reader.
func (b *backend) noteStorage(err error) {
	if refuses := err != nil; b.refusing.Swap(refuses) != refuses {
		if refuses {
			b.Logger().Warn("no refresh is started: storage does not take intents", "error", err)
		} else {
			b.Logger().Info("storage takes intents again")
		}
	}
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

// answered is the intent of an exchange to which the provider gave an answer of no use. The name is kept
// for one more, since the answer may have been cut off; a second one it would give for ever. What a
// gateway answers in its place does not count: the provider's answer is still to be had under that name.
func (i *intent) answered() *intent {
	next := new(*i)
	if i.Answered {
		next.IdempotencyKey = ""
	}
	next.Answered = true
	return next
}

func asExchangeError(err error) *client.Error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e
	}
	// Not what Exchange promises; nothing is known of such an error, the refresh token's state neither.
	return &client.Error{Class: client.OutcomeUnknown, Reason: "the exchange failed in an unexpected way"}
}
