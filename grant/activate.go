package grant

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// errChanged: what was agreed to is not what the role is now.
var errChanged = mount.Refusal("the role's client, provider or endpoints have changed since this was begun, so what was agreed to is not taken: begin again")

// Activated is a grant that has become its role's.
type Activated struct {
	State    *State
	Replaced *State // the state of the grant before, as far as there was one
}

// Activate makes a grant that a person has agreed to its role's, or that of one of the role's owners, with the first state that Redeem has brought, in the
// place of the one before, whose faults, doubts and intents count for nothing any more. The realm is that of the grant
// when consent was begun, see Grant.Realm. It may be repeated, and finishes then what was begun.
//
// The role is written first, then the state. To die between the two leaves a role with the new refresh token and a state
// of another grant, which counts for nothing: the next read refreshes. The other way round, the state would replace the
// newest refresh token of a grant that is still the role's.
//
// Nothing of an owner stands in the role, so a new grant of one is one write.
//
// The error is role.ErrNoRole, a refusal when the role is another's now, or storage's: then nothing is lost, and the call
// is to be made again.
func (k *Keeper) Activate(ctx context.Context, s logical.Storage, key Key, realm string, first *State) (*Activated, error) {
	return WithRole(ctx, k, key, func() {}, func(ctx context.Context) (*Activated, error) {
		before, err := k.Look(ctx, s, key)
		if err != nil {
			return nil, err
		}
		out := &Activated{Replaced: before.State}
		out.State, err = k.takeOver(ctx, s, before, realm, first)
		if err != nil {
			return nil, err
		}
		k.letGo(key)
		k.unrecorded.drop(key)
		k.guard.forget(key)
		k.Edited(ctx, s, key)
		k.turned(before, before.with(out.State), byConsent)
		return out, nil
	})
}

// takeOver writes the new grant: to the role, unless that was done before, and then its first state. An owner's state is
// written under the lock of the role's edits too, so that none is left of a role that was deleted.
func (k *Keeper) takeOver(ctx context.Context, s logical.Storage, g *Grant, realm string, first *State) (*State, error) {
	key := g.Key
	unlock, err := k.Edits.Lock(ctx, key.Role())
	if err != nil {
		return nil, ErrBusy
	}
	defer unlock()
	r, err := role.Get(ctx, s, key.Role())
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, role.ErrNoRole
	case r.PerOwner() != (key.Owner() != ""):
		return nil, errNotOwned
	case (&Grant{Key: key, Role: r}).Realm() != realm || !r.Spends():
		return nil, errChanged
	case r.PerOwner():
		owned := new(*first)
		owned.RoleID, owned.Client, owned.Origins = r.GrantID, r.ClientRealm(), r.Origins
		return k.install(ctx, s, key, owned)
	case r.GrantID != first.GrantID:
		r.GrantID, r.RefreshToken, r.GrantedAt, r.GrantExpiresAt = first.GrantID, first.RefreshToken, clock.Now(), time.Time{}
		if r.Revision, err = uuid.GenerateUUID(); err != nil {
			return nil, err
		}
		if err := role.Put(ctx, s, key.Role(), r); err != nil {
			return nil, err
		}
	}
	return k.install(ctx, s, key, first)
}

// install stores the first state of the role's new grant, unless there is one of it already: a reader may have come
// between, and has one that is newer. What only the consent knows is added to that.
func (k *Keeper) install(ctx context.Context, s logical.Storage, key Key, first *State) (*State, error) {
	stored, err := GetState(ctx, s, key)
	if err != nil {
		return nil, err
	}
	next := first
	if stored != nil && stored.GrantID == first.GrantID {
		next = new(*stored)
		next.Account, next.AccountVerified, next.LastAccount, next.AuthorizedAt, next.Callback = first.Account, first.AccountVerified, first.LastAccount, first.AuthorizedAt, first.Callback
	}
	return next, PutState(ctx, s, key, next)
}

// ToAuthorize says how a role comes by a grant: the command to type, where consent can bring it.
func (k *Keeper) ToAuthorize(g *Grant) string {
	switch p := g.Provider; {
	case g.Role.PerOwner() && g.Key.Owner() == "":
		return "each person brings their own with: " + k.Command("-force", "authorize", g.Key)
	case p != nil && p.AuthorizationEndpoint != "":
		return "authorize it with: " + k.Command("-force", "authorize", g.Key)
	case p != nil && p.DeviceAuthorizationEndpoint != "":
		return "authorize it with: " + k.Command("-force", "device", g.Key) + ", for which the role needs device_flow=true"
	case role.Authorizable(p):
		return "get an authorization code in the provider's own pages, and finish with: " + k.Command("", "confirm", g.Key) + " redirect_uri=... authorization_code=-"
	}
	return fmt.Sprintf("authorize at the provider and write the refresh_token to roles/%s", g.Key.Role())
}

// Command is what to type to write to a path of a grant.
func (k *Keeper) Command(flag, path string, key Key) string {
	at := "<mount>/"
	if known := k.At.Load(); known != nil {
		at = *known
	}
	return strings.Join(strings.Fields(fmt.Sprintf("vault write %s %s%s/%s", flag, at, path, key.Path())), " ")
}

// NoGrantYet says of a role that was just written that it has no grant, and what to do; "" for any other. owned tells that it
// never has one, since its owners do.
func (k *Keeper) NoGrantYet(ctx context.Context, s logical.Storage, key Key) (note string, owned bool) {
	g, err := k.Look(ctx, s, key)
	if err != nil || !g.Unauthorized() {
		return "", false
	}
	if g.Role.PerOwner() {
		return "this role keeps one grant for each person and has none itself; " + k.ToAuthorize(g), true
	}
	return "this role has no grant yet; " + k.ToAuthorize(g), false
}

// Unauthorized tells of a grant that there is none yet: its role was written for a person to agree first.
func (g *Grant) Unauthorized() bool {
	return g.Role.Spends() && !g.State.RefreshToken.IsSet() && len(g.State.Candidates) == 0 && !g.Dead()
}
