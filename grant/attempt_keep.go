package grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// keep stores a successful answer and returns the new state, whether or not storage takes it. before
// is the state without the exchange's intent, announced the one with it.
func (a *Attempt) keep(ctx context.Context, before, announced *State, answer *client.Token) *State {
	r, p, began := a.Target.Role, a.Target.Provider, a.began(announced.Intent)
	lifetime := cmp.Or(answer.Lifetime, time.Duration(p.AssumedTokenTTL), assumedLifetime)
	if answer.Ended || a.ageless {
		lifetime = 0
	}
	next := new(*announced)
	next.Intent, next.Fault = nil, nil
	next.Generation++
	next.receive(a.Target, answer, began, lifetime)
	if answer.Scope != "" || announced.Settings != r.SettingsID() {
		next.Scope = cmp.Or(answer.Scope, r.Scope) // omitted means: as asked for (RFC 6749 section 5.1)
	}
	next.PreviousSecretOf = ""
	if a.choices[role.PartSecret][0] == role.SlotPrevious {
		next.PreviousSecretOf = r.Revision
	}
	next.Next = a.adopted(announced)
	if lifetime-margin(lifetime) < role.MinLease {
		// Kept, with what came along, but no lease can be made of it: without a fault, every read
		// would spend another refresh token.
		next.Fault = newFault(tooShort(answer), before.Fault, a.Target.VersionID(), clock.Now())
		next.Fault.Of = a.Target.Description.DefinitionID()
		if answer.AccessToken == before.AccessToken.Reveal() {
			// Some servers give the same token until it ends: then there is another, and not before.
			next.Fault.Reason = "the provider gives the access token out again that it gave before, with what is left of its life, which is too short to be leased: the next one comes when it has ended"
			// A second later, since lifetimes are stated in whole ones.
			next.Fault.Until, next.Fault.Asked, next.Fault.Failures = Later(next.ExpiresAt, clock.Now()).Add(shortestPause), true, 1
			next.Fault.Ending = true
		}
	}
	if r.Spends() {
		if p.RefreshTokenRotation == client.RotationAlways && next.DoubtSince.IsZero() {
			next.DoubtSince = began
		}
		next.RefreshedAt = began
		next.take(p, answer.RefreshToken, answer.FoundAt, answer.Candidates, began)
		next.ends(p, announced, answer, began)
	} else {
		next.Intent = before.Intent // of the grant that the role does not use at the moment
	}
	a.store(ctx, next)
	a.promote(ctx, next)
	a.told(next)
	switch {
	case announced.Dead(r):
		a.K.turned(a.of(announced), a.of(next), byRefresh)
	case announced.Fault != nil || !announced.Intent.UnknownSince.IsZero():
		a.K.Logger().Info("refreshed again after a failure", "role", a.Key, "generation", next.Generation)
	}
	return next
}

// receive takes an answer's access token with all that belongs to it, got with the target as it is.
func (st *State) receive(t *role.Target, answer *client.Token, began time.Time, lifetime time.Duration) {
	st.AccessToken, st.TokenType, st.Extra = client.NewSecret(answer.AccessToken), answer.TokenType, answer.Extra
	st.CertificateThumbprint, st.RequestID = answer.CertificateThumbprint, answer.RequestID
	st.Settings, st.Asked = t.Role.SettingsID(), t.Description.SettingsID()
	st.ObtainedAt, st.ExpiresAt = began, began.Add(lifetime)
}

// began is the moment from which the lifetimes of an answer count: before the request was sent, since the
// server's clock started some time after. An answer that may be one that was lost, given again under its
// key or within a grace, has the lifetimes of then, whatever expires_in it repeats. The stopwatch is asked
// where the wall clock was put back meanwhile.
func (a *Attempt) began(i *Intent) time.Time {
	now := clock.Now()
	first := i.At
	switch p := a.Target.Provider; {
	case !a.Target.Role.Spends():
	case i.keyed(a.Target.Role, p):
		first = i.named()
	case p.ReuseGrace > 0:
		first = i.repeats()
	}
	// A first exchange that this clock takes for one of the future was before this attempt all the same.
	if a.resent && a.Target.Role.Spends() && (first.Equal(i.At) || !FromFuture(first, now)) {
		first = Earlier(first, a.first)
	}
	switch {
	case first.Equal(i.At):
		return a.sentAt(i, now)
	case first.Equal(a.first):
		return now.Add(-a.watch.Elapsed()) // it was this attempt's own first one
	}
	a.older = true
	if a.ageless = FromFuture(first, now); a.ageless {
		return a.sentAt(i, now)
	}
	return Earlier(first, a.sentAt(i, now))
}

// sentAt is when the last request was sent, by the clock as it is now.
func (a *Attempt) sentAt(i *Intent, now time.Time) time.Time {
	at := now.Add(-a.sent.Elapsed())
	if FromFuture(i.At, now) {
		return at
	}
	// A clock that was put forward meanwhile looks like a machine that was suspended: the stopwatch knows of
	// neither, and a token may be as old as the clock says. If it is over by that, the next one is had at once.
	a.older = a.older || at.Sub(i.At) > stale
	return Earlier(i.At, at)
}

// tooShort is a success that is of no use.
func tooShort(answer *client.Token) *client.Error {
	e := &client.Error{
		Class: client.NotProcessed,
		Reason: fmt.Sprintf("the provider's access tokens live too short to be leased, for less than %s less what clocks differ by: "+
			"correct the provider's expires_in_pointer, if that is what it is", client.Duration(role.MinLease)),
	}
	if answer.Ended {
		e.Reason = "the access token had ended when it came: compare the clocks of this host and of the provider (rehearse/<role> shows by how much they differ); " +
			"or, if the provider states no end that way, point its expires_in_pointer elsewhere and set assumed_token_ttl"
	}
	return e
}

// store writes the state, and holds it when storage refuses: what it replaces is spent.
func (a *Attempt) store(ctx context.Context, next *State) {
	if err := a.put(ctx, next); err != nil {
		a.K.hold(a.S, a.of(next), err)
	}
	if next.Intent == nil && a.marked {
		a.K.unmarkInflight(a.S, a.Key) // what is held is not found by it either: it is lost with the process
	}
}

func (a *Attempt) put(ctx context.Context, st *State) error {
	ctx, cancel := context.WithTimeout(ctx, mount.StorageTimeout)
	defer cancel()
	err := PutState(ctx, a.S, a.Key, st)
	if err == nil {
		a.K.unrecorded.drop(a.Key)
	}
	return err
}

// Promote makes the credentials that were adopted those in use, and forgets the ones before. Nothing depends
// on it: until it succeeds, and it is tried with every refresh, the token's state says which ones work.
func (k *Keeper) Promote(ctx context.Context, s logical.Storage, key Key, a *role.Adopted) (done bool, err error) {
	unlock, err := k.Edits.Lock(ctx, key.Role())
	if err != nil {
		return false, errors.New("another request is at work on the role")
	}
	defer unlock()
	r, err := role.Get(ctx, s, key.Role())
	if err != nil || r == nil || !r.Adopt(a) {
		return false, err // deleted, or written meanwhile
	}
	return true, role.Put(ctx, s, key.Role(), r)
}

// adopted are the credentials to come that this attempt has succeeded with, nil for none.
func (a *Attempt) adopted(announced *State) *role.Adopted {
	next := &role.Adopted{ID: a.Target.Role.Next.ID, Since: clock.Now()}
	for _, p := range role.Parts {
		if a.choices[p][0] == role.SlotNext {
			next.Parts = append(next.Parts, p)
		}
	}
	switch {
	case len(next.Parts) == 0:
		return nil
	case announced.Next != nil && announced.Next.ID == next.ID && slices.Equal(announced.Next.Parts, next.Parts):
		return announced.Next // since then
	}
	return next
}

// promote writes to the role what the answer has proven.
func (a *Attempt) promote(ctx context.Context, next *State) {
	if next.Next == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mount.StorageTimeout)
	defer cancel()
	switch done, err := a.K.Promote(ctx, a.S, a.Key, next.Next); {
	case err != nil:
		a.K.Logger().Warn("the next credentials of a role work and could not be made those in use; tried again with the next refresh", "role", a.Key, "error", err)
	case done:
		a.K.taken(a.Key, a.Target.Role.Provider, next.Next)
	}
}

// taken tells that credentials that were to come are those in use now.
func (k *Keeper) taken(key Key, provider string, a *role.Adopted) {
	parts := make([]string, len(a.Parts))
	for i, p := range a.Parts {
		parts[i] = string(p)
	}
	k.Tell(Event{Kind: CredentialTaken, Grant: key, Provider: provider, Facts: map[string]string{"which": strings.Join(parts, ",")}})
}
