package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// remember keeps a good token for the next reader, without what readers don't get.
func (k *Keeper) remember(name string, l *look, t Terms, tok *Token) {
	if !Writes(k.System()) || k.Held.Get(name) != nil {
		return
	}
	lean := new(*tok)
	lean.RefreshToken, lean.Former, lean.Candidates, lean.Intent, lean.Fault = client.Secret{}, client.Secret{}, nil, nil, nil
	k.Memory.keep(name, l, remembered{t, lean})
}

// view is the storage of a request. Every write of the mount goes through one.
type view struct {
	logical.Storage
	memory *memory
}

// Over is the view of a request's storage; nil stays nil.
func (k *Keeper) Over(s logical.Storage) logical.Storage {
	if _, ok := s.(*view); ok || s == nil {
		return s
	}
	return &view{s, k.Memory}
}

// Put implements logical.Storage.
func (v *view) Put(ctx context.Context, entry *logical.StorageEntry) error {
	defer v.memory.Forget(entry.Key)
	return v.Storage.Put(ctx, entry)
}

// Delete implements logical.Storage.
func (v *view) Delete(ctx context.Context, key string) error {
	defer v.memory.Forget(key)
	return v.Storage.Delete(ctx, key)
}
