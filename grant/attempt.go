package grant

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Attempt is one refresh of one role, from the intent to the stored answer. The role's lock is held
// throughout.
type Attempt struct {
	K      *Keeper
	S      logical.Storage
	Key    Key
	Target *role.Target
	demand Demand

	choices role.Choices  // the credentials that may be used: the first of each part is
	refused bool          // some were refused in an answer, and others are tried
	doubted *client.Error // the first of these refusals that may not have been one of the client
	resent  bool          // an exchange without an answer has been repeated
	anew    bool          // and that one signed once more
	marked  bool          // storage has an inflight entry

	request *client.Request // the last one that was sent
	repeat  bool            // it is sent again as it was, as far as that can be
	watch   clock.Watch     // since the first exchange of this attempt
	first   time.Time       // its intent's time
	sent    clock.Watch     // since the last one
	older   bool            // the answer that was kept may be one of an exchange before this attempt
	ageless bool            // and of a time that the clock knows nothing of: what its token is worth nobody knows
}

// of is the grant in a state of this attempt.
func (a *Attempt) of(st *State) *Grant {
	return &Grant{Key: a.Key, Role: a.Target.Role, Provider: a.Target.Description.Provider, State: st}
}

// run makes one exchange. It makes another one in three cases, in which the one before has spent nothing as far as
// its answer tells, or the provider allows it: see mayResend, maySignAnew and maySwap.
func (a *Attempt) run(ctx context.Context, before *State) (*State, error) {
	if a.choices == nil {
		a.choices = a.Target.Role.Choices(before.Worked, clock.Now())
	}
	a.watch, a.first, a.older, a.ageless, a.repeat = clock.Start(), time.Time{}, false, false, false
	a.refused, a.doubted = false, nil // of a run that has succeeded nothing is in doubt
	before, err := before.pointed(a.Target.Provider)
	if err != nil {
		return before, err
	}
	for {
		request, err := a.prepare(before)
		if err != nil {
			return before, err
		}
		announced, err := a.Intend(ctx, before)
		if err != nil {
			return before, err
		}
		if a.first.IsZero() {
			a.first = announced.Intent.At
		}
		if a.K.Work.Ending() {
			return before, a.takeBack(ctx, before)
		}
		if err := a.lookAgain(ctx, before, announced); err != nil {
			return before, err
		}
		before = before.counting(announced.Refreshes) // whatever comes of it
		request.IdempotencyKey = announced.Intent.IdempotencyKey
		a.sent = clock.Start()
		answer, err := exchange(ctx, announced.Intent.within(a.Target, clock.Now()), request)
		if err == nil {
			a.K.Meter.Refreshed(a.Target.Role.Provider, OutcomeSuccess, a.sent.Elapsed())
			return a.keep(ctx, before, announced, answer), nil
		}
		e := asExchangeError(err)
		a.K.Meter.Refreshed(a.Target.Role.Provider, string(e.Class), a.sent.Elapsed())
		if unreached(e) {
			c := announced.Refreshes.minus(announced.Intent.At)
			before, announced = before.counting(c), announced.counting(c)
		}
		switch {
		case a.mayResend(e, announced.Intent):
			a.resent, a.repeat = true, announced.Intent.keyed(a.Target.Role, a.Target.Provider)
			if a.Target.Role.Spends() {
				before = announced // its intent is stored, and its outcome unknown
			}
		case a.maySignAnew(e):
			a.anew, a.repeat = true, false
		case a.maySwap(e, announced.Intent):
			a.refused = a.refused || e.Status != 0
			if a.unsettles(e) {
				i := announced.Intent.after(e, lost(before))
				before = new(*announced)
				before.Intent = i
			}
		default:
			return a.fail(ctx, before, announced, a.alike(e))
		}
	}
}

// prepare makes the request. One that is repeated under its key is the same one: a provider that compares
// bodies would refuse another under that key.
func (a *Attempt) prepare(st *State) (*client.Request, error) {
	if a.repeat {
		a.request.Repeat = true
		return a.request, nil
	}
	request, err := a.Target.Request(st.RefreshToken, a.Target.Role.Pick(a.choices))
	a.request = request
	return request, err
}

// stale is how long after its intent an exchange may begin without another look at storage.
const stale = 5 * time.Second

// lookAgain looks once more where time has passed since the intent was stored: a process that was stopped there,
// with its machine or by itself, may be one of yesterday. Another may have spent the refresh token since, or
// what was right to do then, within a grace, may be too late now.
func (a *Attempt) lookAgain(ctx context.Context, before, announced *State) error {
	if since := clock.Since(announced.Intent.At); !a.Target.Role.Spends() || since >= 0 && since < stale {
		return nil
	}
	if moved, err := a.movedOn(ctx, announced); err != nil || moved {
		return errMovedOn
	}
	settle := a.of(before).Timing(clock.Now()).Settle
	if a.demand.unasked() && settle.After(clock.Now()) {
		_ = a.put(ctx, before)
		return errUnsettled
	}
	return nil
}

// Intend stores that an exchange is about to be made. Until this has succeeded nothing may be
// sent: a node that can't store the intent can't store the answer either. Without a refresh token
// there is nothing to lose, and no intent.
func (a *Attempt) Intend(ctx context.Context, st *State) (*State, error) {
	i := &Intent{At: clock.Now(), Exchange: a.Target.Description.ExchangeID()}
	var err, keyErr error
	i.AttemptID, err = uuid.GenerateUUID()
	i.IdempotencyKey, keyErr = uuid.GenerateUUID()
	if err := cmp.Or(err, keyErr); err != nil {
		return nil, err
	}
	if earlier := st.Intent; earlier != nil {
		i.UnknownSince = earlier.Since()
		i.follow(earlier, time.Duration(a.Target.Provider.ReuseGrace))
		if earlier.IdempotencyKey != "" && a.Target.Description.IsExchange(earlier.Exchange) { // the same one keeps its name
			i.IdempotencyKey, i.NamedAt, i.Answered = earlier.IdempotencyKey, earlier.named(), earlier.Answered
		}
	}
	next := st.counting(st.Refreshes.plus(i.At))
	next.Intent = i
	if !a.Target.Role.Spends() {
		return next, nil
	}
	err = a.announce(ctx, next)
	a.K.noteStorage(err)
	if errors.Is(err, logical.ErrReadOnly) {
		return nil, logical.ErrReadOnly
	}
	if err != nil {
		return nil, ErrIntent
	}
	return next, nil
}

// announce stores an intent. Where haste matters after a crash it is found by a mark beside it, which is
// written at the same time.
func (a *Attempt) announce(ctx context.Context, next *State) error {
	if p := a.Target.Provider; p.ReuseGrace == 0 && p.IdempotencyHeader == "" || a.marked {
		return a.put(ctx, next)
	}
	mark := make(chan error, 1)
	go func() {
		var err error
		defer func() { mark <- err }()
		defer mount.Contain(a.K.Logger(), &err)
		ctx, cancel := context.WithTimeout(ctx, mount.StorageTimeout)
		defer cancel()
		err = a.K.MarkInflight(ctx, a.S, a.Key)
	}()
	err := a.put(ctx, next)
	a.marked = <-mark == nil // without it the intent is found all the same, only later
	return err
}

// takeBack removes an intent whose exchange is not made, because the mount has begun to end since:
// an exchange that begins now might not be waited for.
func (a *Attempt) takeBack(ctx context.Context, st *State) error {
	if a.Target.Role.Spends() {
		_ = a.put(ctx, st) // if storage is gone already, the next one repeats what never was: harmless
	}
	return errEnding
}

// noteStorage logs when storage stops taking intents, and when it takes them again: once each, not
// with every reader.
func (k *Keeper) noteStorage(err error) {
	if refuses := err != nil; k.refusing.Swap(refuses) != refuses {
		if refuses {
			k.Logger().Warn("no refresh is started: storage does not take intents", "error", err)
		} else {
			k.Logger().Info("storage takes intents again")
		}
	}
}

// exchange is the one place from which a token endpoint is asked, for a refresh by run and for the first tokens of a
// grant by Redeem.
func exchange(ctx context.Context, o client.Options, request *client.Request) (*client.Token, error) {
	return client.Exchange(ctx, o, request)
}

func asExchangeError(err error) *client.Error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e
	}
	// Not what Exchange promises; nothing is known of such an error, the refresh token's state neither.
	return &client.Error{Class: client.OutcomeUnknown, Reason: "the exchange failed in an unexpected way"}
}
