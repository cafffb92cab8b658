package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"
)

// inflightPrefix begins the marks of exchanges that haste matters for after a crash.
const inflightPrefix = "inflight/"

func (b *backend) markInflight(ctx context.Context, s logical.Storage, name string) error {
	return save(ctx, s, inflightPrefix+name, struct{}{})
}

func (b *backend) unmarkInflight(s logical.Storage, name string) {
	b.work.fork(func() {
		ctx, cancel := context.WithTimeout(context.Background(), storageTimeout)
		defer cancel()
		_ = s.Delete(ctx, inflightPrefix+name)
	})
}
