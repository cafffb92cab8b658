package oauthrefresh

import (
	"context"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"

	"github.com/hashicorp/vault/sdk/logical"
)

// survey finds what is to be done for the roles there are: exchanges whose outcome is unknown, which
// must be repeated while the provider's grace lasts, and grants to keep alive. It reads at a bounded
// rate, so that a mount with very many roles does not slow Vault's start. With a provider's name it
// looks at that one's roles only, whose definition has changed.
func (b *backend) survey(s logical.Storage, provider string) {
	const pause, batch = 10 * time.Millisecond, 10 // a thousand roles a second
	ctx := context.Background()
	names, err := s.List(ctx, rolePrefix)
	for err != nil {
		b.Logger().Warn("the roles could not be listed for background work; trying again", "error", err)
		if !b.work.wait(tendDelay) || b.work.ending() {
			return
		}
		names, err = s.List(ctx, rolePrefix)
	}
	for i, name := range names {
		if i%batch == 0 && !b.work.wait(pause) || b.work.ending() {
			return
		}
		if provider == "" && b.scheduler.queue.has(name) {
			continue
		}
		r, p, tok, err := b.lookUp(ctx, s, name)
		switch {
		case err != nil && !b.scheduler.queue.has(name):
			b.scheduler.queue.set(name, clock.Now().Add(tendDelay))
		case err == nil && r != nil && (provider == "" || r.Provider == provider):
			b.replan(name, r, p, tok)
		}
	}
}
