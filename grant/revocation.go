package grant

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// RevocationPrefix begins the storage keys of tokens that are still to be revoked: revocation/<digest>.
const RevocationPrefix = "revocation/"

// Revocation is an access token that ends with its lease, of a role with token_mode=per_lease. It is
// stored only when the provider could not be asked at once.
type Revocation struct {
	Role        string    `json:"role"`
	Realm       string    `json:"realm"` // Role.Realm when the token was got
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
}

const (
	// revocationTimeout bounds the one try that a lease's end waits for.
	revocationTimeout = 5 * time.Second
	// awayDelay is how long no lease's end waits for a provider that has just failed one: Vault ends
	// the leases of a mount that is disabled one after the other.
	awayDelay = time.Minute
	// staleRevocation is how long after its end a token counts as ended: by a clock that is ahead for a while it
	// may seem to have, and to revoke one that has ended does no harm.
	staleRevocation = 25 * time.Hour
)

// errAway is for a revocation endpoint that has just failed and is not asked again so soon.
var errAway = errors.New("the revocation endpoint has just failed")

// errSame is for a server that answers with a token that it has given before.
var errSame = mount.Refusal("the provider has handed out the access token again that it gave before, so it can't be ended without ending another lease's: " +
	"a token for each lease needs a server that makes a new one each time; write token_mode=shared to the role")

// assign gives a token that was just got an owner, if its role has one token for each lease: the reader who has
// asked for it or, where nobody has, the revocations to be made. One that the server has given before has an
// owner already.
func (k *Keeper) assign(s logical.Storage, before *Grant, st *State, d Demand) error {
	r := before.Role
	if r.TokenMode != role.TokenModePerLease {
		return nil
	}
	if st.AccessToken.Equal(before.State.AccessToken) {
		return errSame
	}
	end := Revocation{Role: before.Key.Role(), Realm: r.Realm(), AccessToken: st.AccessToken.Reveal(), ExpiresAt: st.ExpiresAt}
	if d.end == nil {
		k.disown(s, &end)
		return nil
	}
	if k.Work.Ending() || k.Vault.Tainted() {
		k.disown(s, &end) // no lease comes of it any more: the process ends, or the mount moves
		return errEnding
	}
	*d.end = end
	return nil
}

// disown stores a token that no lease will end, for catchUp to revoke; nil and one that never came are none.
func (k *Keeper) disown(s logical.Storage, r *Revocation) {
	if r == nil || r.AccessToken == "" {
		return
	}
	stored := func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
		defer cancel()
		return k.putRevocation(ctx, s, r) == nil
	}
	if stored() {
		return
	}
	began := k.Begin(func() {
		for delay := FirstHoldDelay; k.Work.Wait(delay) && !stored(); {
			delay = min(2*delay, MaxHoldDelay)
		}
	})
	if !began {
		k.Logger().Warn("a token that no lease owns could not be stored to be revoked, and lives to its end", "role", r.Role)
	}
}

func (k *Keeper) putRevocation(ctx context.Context, s logical.Storage, r *Revocation) error {
	err := mount.Save(ctx, s, RevocationPrefix+mount.Digest(r.AccessToken), r)
	k.Pending.Store(true)
	return err
}

// EndToken revokes the token of a lease that has ended, or stores that this is to be done.
func (k *Keeper) EndToken(ctx context.Context, s logical.Storage, r *Revocation) error {
	if k.revokeToken(ctx, s, r, clock.Now().Add(-awayDelay)) == nil {
		return nil
	}
	err := k.putRevocation(ctx, s, r)
	if k.Vault.Tainted() {
		// The mount goes and its storage with it, or it moves and its storage stays. A disable must not wait for
		// storage that fails.
		return nil
	}
	return err
}

// revokeToken asks the provider once, unless its server has failed since the given time: one that hangs must
// not hold up the end of a mount with each lease of each role. A token that has ended by itself long ago counts as
// revoked, and so does one whose role is gone or belongs to another server or client now, which must not see it.
func (k *Keeper) revokeToken(ctx context.Context, s logical.Storage, r *Revocation, since time.Time) error {
	if clock.Since(r.ExpiresAt) > staleRevocation {
		return nil
	}
	of, err := role.Get(ctx, s, r.Role)
	if err != nil || of == nil || of.Realm() != r.Realm {
		return err
	}
	st, err := k.current(ctx, s, Key(r.Role), of)
	if err != nil {
		return err
	}
	t, err := role.NewTarget(ctx, s, of)
	if err != nil {
		return err
	}
	origin, err := client.Origin(t.Endpoints.Revocation)
	if err != nil {
		return err
	}
	if failed, ok := k.away.Load(origin); ok && failed.(time.Time).After(since) && clock.Since(failed.(time.Time)) >= 0 {
		return errAway
	}
	t.Options.Timeout = min(t.Options.Timeout, revocationTimeout)
	err = t.Revoke(ctx, st.Worked, client.NewSecret(r.AccessToken), client.HintAccessToken)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Class != client.ClientRefused {
		k.away.Store(origin, clock.Now())
	}
	return err
}

// CatchUpSoon makes the revocations that could not be made at once, in a task of its own: whoever asks holds
// locks of Vault's until it returns, and providers may be slow. One such task runs at a time.
func (k *Keeper) CatchUpSoon(s logical.Storage) {
	if k.catching.CompareAndSwap(false, true) && !k.Begin(func() {
		defer k.catching.Store(false)
		if err := k.CatchUp(context.Background(), s); err != nil {
			k.Logger().Warn("revocations could not be caught up with", "error", err)
		}
	}) {
		k.catching.Store(false)
	}
}

// CatchUp makes the revocations that could not be made at once. A server that is still away costs one
// try, and so does a role that is refused; the rest waits for the next time, which begins after the first that
// has failed.
func (k *Keeper) CatchUp(ctx context.Context, s logical.Storage) error {
	if !k.Pending.Load() || !k.MayTend() {
		return nil
	}
	k.Pending.Store(false) // before the look
	keys, err := s.List(ctx, RevocationPrefix)
	if err != nil {
		k.Pending.Store(true)
		return err
	}
	if i := slices.Index(keys, k.stuck); i >= 0 {
		keys = slices.Concat(keys[i+1:], keys[:i+1]) // one that can't be made must not keep the others from it
	}
	began, failed := clock.Now(), map[string]bool{}
	for _, key := range keys {
		if k.Work.Ending() {
			return nil
		}
		r := new(Revocation)
		if ok, err := mount.Load(ctx, s, RevocationPrefix+key, r); err != nil || !ok || failed[r.Role] {
			continue
		}
		if k.revokeToken(ctx, s, r, began) != nil {
			if len(failed) == 0 {
				k.stuck = key
			}
			failed[r.Role] = true
		} else if err := s.Delete(ctx, RevocationPrefix+key); err != nil {
			return err
		}
	}
	if len(keys) > 0 {
		k.Pending.Store(true)
	}
	return nil
}
