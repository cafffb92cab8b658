package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// remember keeps a good token for the next reader, without what readers don't get.
func (k *keeper) remember(name string, l *look, t terms, tok *token) {
	if !writes(k.System()) || k.held.get(name) != nil {
		return
	}
	lean := new(*tok)
	lean.RefreshToken, lean.Former, lean.Candidates, lean.Intent, lean.Fault = client.Secret{}, client.Secret{}, nil, nil, nil
	k.memory.keep(name, l, remembered{t, lean})
}

// view is the storage of a request. Every write of the mount goes through one.
type view struct {
	logical.Storage
	memory *memory
}

// over is the view of a request's storage; nil stays nil.
func (k *keeper) over(s logical.Storage) logical.Storage {
	if _, ok := s.(*view); ok || s == nil {
		return s
	}
	return &view{s, k.memory}
}

// Put implements logical.Storage.
func (v *view) Put(ctx context.Context, entry *logical.StorageEntry) error {
	defer v.memory.forget(entry.Key)
	return v.Storage.Put(ctx, entry)
}

// Delete implements logical.Storage.
func (v *view) Delete(ctx context.Context, key string) error {
	defer v.memory.forget(key)
	return v.Storage.Delete(ctx, key)
}
