// Package authorize brings a person's consent to a role: it begins one, takes what the provider sends back through the
// browser, and hands the grant to its keeper when whoever has begun it confirms. It knows nothing of Vault's framework.
//
// A callback can't know who sits at the browser, and neither polling nor being the same caller proves that whoever
// agreed is whoever began: that is just what an attacker does who sends the link to somebody else. So the code is
// exchanged when it comes, since codes live for a minute or two, but the grant is active only when the caller who has
// begun brings something that only the browser was shown: a confirmation code, the address at which the browser has
// ended, or the authorization code itself.
package authorize

import (
	"context"
	"net/http"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// Consents keeps the consents of one mount that are under way. Make it with New.
type Consents struct {
	grants  *grant.Keeper
	locks   mount.Locks // by the storage key of a consent, and by that of a role's where they are counted
	held    held        // those that storage has refused so far
	polling sync.Map    // storage keys of those that a task asks the provider for
}

// New keeps consents whose grants a keeper takes.
func New(grants *grant.Keeper) *Consents { return &Consents{grants: grants} }

// Caller is who has begun a consent, and the only one who can finish it.
type Caller struct {
	// ID is the entity, or a digest of the token of a caller that belongs to none.
	ID string
	// Name is for people: how Vault shows the caller.
	Name string
}

// detached runs f under the lock of a name, apart from the caller: a browser that hangs up must not tear an exchange in
// two, nor keep its answer from being stored. The error is one of a caller that gave up waiting, or of a mount that ends.
func detached[T any](ctx context.Context, c *Consents, name string, f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	unlock, err := c.locks.Lock(ctx, name)
	if err != nil {
		return none, errBusy
	}
	done := make(chan result, 1) // nobody may be there to receive
	started := c.grants.Work.Begin(func() {
		var r result
		defer func() { done <- r }()
		defer unlock()
		defer mount.Contain(c.grants.Logger(), &r.err)
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer cancel()
		r.value, r.err = f(detached)
	})
	if !started {
		unlock()
		return none, errEnding
	}
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, errBusy
	}
}

// longest bounds what is done with one consent at a time: three exchanges, a request for keys, and storage.
const longest = 4*provider.MaxTimeout + 4*mount.StorageTimeout

var (
	errBusy   = logical.CodedError(http.StatusServiceUnavailable, "another request is at work on this consent; try again")
	errEnding = logical.CodedError(http.StatusServiceUnavailable, "the mount is shutting down; try again")
)
