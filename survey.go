package oauthrefresh

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// survey finds what is to be done for the roles there are: exchanges whose outcome is unknown, which
// must be repeated while the provider's grace lasts, and grants to keep alive. It reads at a bounded
// rate, so that a mount with very many roles does not slow Vault's start.
func (b *backend) survey() {
	const pause, batch = 10 * time.Millisecond, 10 // a thousand roles a second
	ctx, s := context.Background(), b.scheduler.storage
	b.signOfLife(ctx, s, time.Now()) // first: a gap makes what follows more careful
	names, err := s.List(ctx, rolePrefix)
	if err != nil {
		b.Logger().Warn("background work begins without a survey of the roles", "error", err)
	}
	for i, name := range names {
		if i%batch == 0 && !b.work.wait(pause) || b.work.ending() {
			return
		}
		if b.scheduler.queue.has(name) {
			continue
		}
		if r, p, tok, err := b.lookUp(ctx, s, name); err == nil && r != nil {
			b.scheduler.queue.set(name, b.plan(name, r, p, tok, time.Now()).at)
		}
	}
}

// lookUp reads what there is of a role; a nil role when there is none.
func (b *backend) lookUp(ctx context.Context, s logical.Storage, name string) (*role, *client.Provider, *token, error) {
	r, err := getRole(ctx, s, name)
	if err != nil || r == nil {
		return nil, nil, nil, err
	}
	p, err := getProvider(ctx, s, r.Provider)
	if err != nil {
		return nil, nil, nil, err
	}
	tok, err := b.currentToken(ctx, s, name, r)
	return r, p, tok, err
}
