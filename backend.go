// Package oauthrefresh is a HashiCorp Vault secrets engine that keeps OAuth 2.0 grants and leases
// the access tokens they yield.
//
// An operator writes one role per grant: the client's credentials and, for the refresh_token
// grant (RFC 6749 section 6), the refresh token. A workload reads creds/<role> and gets an access
// token with a lease; it never sees the refresh token, the client secret or the private key.
//
// The engine exists for one promise: a grant is never lost. Everything that could lose one goes
// through the one function in refresh.go, whose order of steps is the design. What is OAuth and
// not Vault lives in the package client.
package oauthrefresh

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// Version is what `vault plugin list` shows. Vault wants a semantic version with a leading v.
const Version = "v0.2.0"

// backend is one mount of the engine.
type backend struct {
	*framework.Backend
	vault logical.SystemView // what Vault answers now; System() may be a second old

	// refreshes serialises all that may spend a role's refresh token, edits all that writes what
	// an operator stores. They are apart because an edit must not wait for a slow provider.
	refreshes keylock
	edits     keylock

	held       heldTokens  // answers that storage has refused so far
	unrecorded failures    // and failures
	work       tasks       // what must end before the mount may go
	scheduler  *scheduler  // what happens without a caller
	memory     *memory     // what warm reads are answered from
	sessions   *sessions   // of TLS, to be resumed
	guard      guard       // against readers who force refreshes
	refusing   atomic.Bool // storage has refused the last intent
	pending    atomic.Bool // revocations may be stored that were not made yet
	away       sync.Map    // origin of a revocation endpoint → when it failed last
	catching   atomic.Bool // they are being caught up with
	stuck      string      // the key of the revocation that failed first then
}

// Factory builds the engine for one mount. Vault also calls it to learn the version, with an empty
// configuration and no storage: so nothing is read and no goroutine starts here.
func Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b := newBackend()
	if err := b.Setup(ctx, conf); err != nil {
		return nil, err
	}
	return b, nil
}

func newBackend() *backend {
	b := &backend{work: newTasks(), scheduler: newScheduler(), memory: newMemory(), sessions: newSessions()}
	b.Backend = &framework.Backend{
		Help:           strings.TrimSpace(backendHelp),
		BackendType:    logical.TypeLogical,
		RunningVersion: Version,
		PathsSpecial: &logical.Paths{
			// No wildcards: a prefix is meant when it ends in a slash.
			SealWrapStorage: []string{configKey, rolePrefix, tokenPrefix, revocationPrefix},
		},
		Paths: framework.PathAppend(
			[]*framework.Path{pathConfig(b)},
			pathProviders(b),
			pathRoles(b),
			[]*framework.Path{pathCreds(b), pathIdentity(b), pathRefresh(b), pathRevoke(b), pathRehearse(b), pathExplain(b)},
			pathStatus(b),
		),
		Secrets: []*framework.Secret{b.accessTokenSecret(), b.identitySecret()},

		InitializeFunc: b.initialize,
		PeriodicFunc:   b.periodic,
		Clean:          b.clean,
		// Only nodes that don't write are told of others' writes, and these remember nothing. Who counts
		// as one is Vault's business, so it is not relied on.
		Invalidate: func(_ context.Context, key string) { b.memory.forget(key) },
	}
	b.pending.Store(true) // until the first look
	return b
}

// clean ends the mount: step-down, seal, disable and reload come here, and storage can still be
// written until it returns. What is in flight must be stored now or is lost.
func (b *backend) clean(context.Context) {
	if left := b.work.drain(cleanTimeout); left > 0 {
		b.Logger().Error("the mount ended before all refreshes were stored; their outcome is unknown", "refreshes", left)
	}
}

const backendHelp = `
Keeps OAuth 2.0 grants and leases the access tokens they yield.

Write a role with a client's credentials and its refresh token (or grant_type=client_credentials),
then read creds/<role>: the engine hands out the access token at hand or refreshes it when it is
due. Refresh tokens and client secrets are never handed out, a private key only by identity/<role>
of a role that says so.
`
