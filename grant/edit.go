package grant

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Write stores what an operator writes to a role, and returns what to warn of. It checks everything before it
// stores anything. A new refresh token begins a new grant. A write to a role that must exist and does not is role.ErrNoRole.
func (k *Keeper) Write(ctx context.Context, s logical.Storage, key Key, in mount.Input, mustExist bool) (warnings []string, err error) {
	unlock, err := k.Edits.Lock(ctx, key.Role())
	if err != nil {
		return nil, ErrBusy
	}
	defer unlock()
	old, err := role.Get(ctx, s, key.Role())
	if err != nil {
		return nil, err
	}
	w, adopted := &role.Write{Input: in, Old: old}, false
	if old == nil && mustExist {
		return nil, role.ErrNoRole // Vault would call an empty answer a success
	}
	if old == nil {
		if err := mount.CheckNewName(key.Role()); err != nil {
			return nil, err
		}
	} else {
		st, err := k.current(ctx, s, key, old)
		if err != nil {
			return nil, err
		}
		w.State = st.standing(old)
		if old.PerOwner() && in.Names("grant_owner") {
			owners, err := Owners(ctx, s, key.Role())
			if err != nil {
				return nil, err
			}
			w.State.Owners = len(owners)
		}
		adopted = old.Adopt(w.State.Next) // if the write that should have done this has failed, this one does it
	}
	r, err := w.Apply(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := role.Put(ctx, s, key.Role(), r); err != nil {
		return nil, err
	}
	if old != nil && r.PerOwner() && !old.PerOwner() {
		_ = s.Delete(ctx, Prefix+string(key)) // the state of a grant that has ended: it counts for nothing any more
	}
	if adopted {
		k.taken(key, r.Provider, w.State.Next)
	}
	if !w.OnlyLabels() {
		k.Edited(ctx, s, key)
	}
	if w.State.Dead && !r.PerOwner() {
		k.begunAnew(ctx, s, key)
	}
	return append(w.Warnings, r.Warnings()...), nil
}

// begunAnew tells of a role whose grant was dead if what was written has begun another.
func (k *Keeper) begunAnew(ctx context.Context, s logical.Storage, key Key) {
	if g, err := k.Look(ctx, s, key); err == nil && !g.Dead() {
		k.Tell(g.revived(g.lively(k.outcomeUnknown(g)), byWrite))
	}
}
