package grant

import (
	"context"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// InflightPrefix is where a role is noted while an exchange of it is under way that must be repeated soon if its
// answer is lost. It holds nothing but the role's name: what counts is the intent in its token entry. After a
// crash the notes tell which few of very many roles to look at first.
const InflightPrefix = "inflight/"

// MarkInflight notes that an exchange of a role is about to be made. It goes before the request; whether before
// the intent or after it does not matter. The role's lock is held.
func (k *Keeper) MarkInflight(ctx context.Context, s logical.Storage, key Key) error {
	ctx, cancel := context.WithTimeout(ctx, mount.StorageTimeout)
	defer cancel()
	return mount.Save(ctx, s, InflightPrefix+string(key), struct{}{})
}

// Inflight are the grants that are noted. The error is storage's.
func Inflight(ctx context.Context, s logical.Storage) (keys []Key, err error) {
	names, err := s.List(ctx, InflightPrefix)
	for _, name := range names {
		of, owned := strings.CutSuffix(name, "/")
		if !owned {
			keys = append(keys, Key(name))
			continue
		}
		owners, err := s.List(ctx, InflightPrefix+name)
		if err != nil {
			return nil, err
		}
		for _, owner := range owners {
			keys = append(keys, KeyOf(of, owner))
		}
	}
	return keys, err
}

// unmarkInflight removes the note, once the role's lock is free, if its exchange is settled by then. Nobody waits
// for that: a note that stays behind costs a look.
func (k *Keeper) unmarkInflight(s logical.Storage, key Key) {
	k.Begin(func() { k.SettleInflight(s, key) })
}

// SettleInflight removes a role's note unless its state has an intent. It does so under the role's lock, or
// it would take the note of an exchange that has begun meanwhile.
func (k *Keeper) SettleInflight(s logical.Storage, key Key) {
	ctx, cancel := context.WithTimeout(context.Background(), MaxHold)
	defer cancel()
	unlock, err := k.Refreshes.Lock(ctx, string(key))
	if err != nil {
		return
	}
	defer unlock()
	stored, err := GetState(ctx, s, key)
	if err == nil && stored != nil && stored.Intent != nil {
		var r *role.Role
		if r, err = role.Get(ctx, s, key.Role()); r != nil && stateOf(key, r, stored).Intent != nil {
			return
		}
	}
	if err == nil {
		err = s.Delete(ctx, InflightPrefix+string(key))
	}
	if err != nil {
		k.Logger().Debug("the note of an exchange that is over stays for now", "role", key, "error", err)
	}
}
