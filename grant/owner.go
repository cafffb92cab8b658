package grant

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// KeyOf is the grant that somebody asks for: the role's own or, where the role keeps one for each owner, that of the
// entity that asks, or of the owner whom the path names. A warm read finds out without a call to Vault. The error is
// role.ErrNoRole, a refusal that says what to do, or storage's.
func (k *Keeper) KeyOf(ctx context.Context, s logical.Storage, who Who) (Key, error) {
	writes := mount.Writes(k.System())
	if perOwner, known := k.Memory.kind(who.Role); known && writes {
		return who.key(perOwner)
	}
	key := Key(who.Role)
	l := k.Memory.begin(key)
	defer k.Memory.end(key, l)
	r, err := role.Get(ctx, s, who.Role)
	if err != nil {
		return "", err
	}
	if r == nil {
		return "", role.ErrNoRole
	}
	if writes {
		k.Memory.keepKind(key, l, r.PerOwner())
	}
	return who.key(r.PerOwner())
}

// OwnKeyOf is KeyOf for what nobody may do in the name of another entity: to read its token, or to bring it a grant.
func (k *Keeper) OwnKeyOf(ctx context.Context, s logical.Storage, who Who) (Key, error) {
	key, err := k.KeyOf(ctx, s, who)
	if err == nil {
		err = who.errNotMine()
	}
	if err != nil {
		return "", err
	}
	return key, nil
}

// Owners are those who have, or had, a grant of a role, in the order of their names.
func Owners(ctx context.Context, s logical.Storage, name string) ([]string, error) {
	owners, err := s.List(ctx, Prefix+name+"/")
	if err != nil {
		return nil, mount.StorageError(err)
	}
	return slices.DeleteFunc(owners, func(owner string) bool { return strings.HasSuffix(owner, "/") }), nil
}

// Standing of an owner with Vault, where it is an entity.
const (
	OwnerGone     = "orphaned" // Vault knows no such entity any more: it was deleted, or merged into another
	OwnerDisabled = "disabled" // its tokens are refused by Vault
)

// OwnerStanding tells what hinders the owner of a grant from reading it: OwnerGone, OwnerDisabled, or "" for nothing. Its
// grant rests meanwhile and stays: a merge can be a mistake, and a deletion too.
func (k *Keeper) OwnerStanding(key Key) (string, error) {
	id := key.Entity()
	if id == "" {
		return "", nil
	}
	entity, err := k.Vault.EntityInfo(id)
	switch {
	case err != nil:
		return "", err
	case entity == nil || entity.ID == "":
		return OwnerGone, nil
	case entity.Disabled:
		return OwnerDisabled, nil
	}
	return "", nil
}

// ForgetOwner removes what is stored of one owner's grant. It ends nothing at the provider, see Revoke.
func (k *Keeper) ForgetOwner(ctx context.Context, s logical.Storage, key Key) error {
	_, err := WithRole(ctx, k, key, func() {}, func(ctx context.Context) (none struct{}, err error) {
		return none, k.removeOwner(ctx, s, key)
	})
	return err
}

// removeOwner forgets an owner's grant. The lock of its refreshes is held.
func (k *Keeper) removeOwner(ctx context.Context, s logical.Storage, key Key) error {
	k.letGo(key)
	if err := s.Delete(ctx, Prefix+string(key)); err != nil {
		return mount.StorageError(err)
	}
	k.gone(key)
	return nil
}

// removeOwners forgets the grants of a role that is gone, one after the other, until the context or the mount ends. What
// is left then counts for nothing, and is removed by the sweep.
func (k *Keeper) removeOwners(ctx context.Context, s logical.Storage, name string) error {
	owners, err := Owners(ctx, s, name)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if k.Work.Ending() {
			return nil
		}
		if err := k.RemoveState(ctx, s, KeyOf(name, owner)); err != nil {
			return err
		}
	}
	return nil
}
