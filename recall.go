package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// recall is the answer of creds/<name> from memory, without a call to Vault; nil when that can't be done.
func (b *backend) recall(name string, want demand) *logical.Response {
	if !writes(b.System()) {
		b.memory.clear()
		return nil
	}
	m, ok := b.memory.recall(name)
	if !ok || b.held.get(name) != nil || !b.inUse(name, m.token) {
		return nil
	}
	now := clock.Now()
	if due, err := m.terms.due(m.token, want, now); due || err != nil || m.terms.gap(m.token, now) > 0 {
		return nil
	}
	resp, err := b.credentials(m.terms, m.token, now)
	if err != nil {
		return nil
	}
	return resp
}

// remember keeps a good token for the next reader, without what readers don't get.
func (b *backend) remember(name string, l *look, t terms, tok *token) {
	if !writes(b.System()) || b.held.get(name) != nil {
		return
	}
	lean := new(*tok)
	lean.RefreshToken, lean.Former, lean.Candidates, lean.Intent, lean.Fault = client.Secret{}, client.Secret{}, nil, nil, nil
	b.memory.keep(name, l, remembered{t, lean})
}

// view is the storage of a request. Every write of the mount goes through one.
type view struct {
	logical.Storage
	memory *memory
}

// over is the view of a request's storage; nil stays nil.
func (b *backend) over(s logical.Storage) logical.Storage {
	if _, ok := s.(*view); ok || s == nil {
		return s
	}
	return &view{s, b.memory}
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
