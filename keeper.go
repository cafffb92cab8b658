package oauthrefresh

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// host is what a keeper asks of the mount that it serves.
type host interface {
	// Logger is where the mount logs to.
	Logger() hclog.Logger
	// System is Vault as it was a second ago at most.
	System() logical.SystemView
}

// keeper keeps the grants of one mount. Make one with newKeeper.
type keeper struct {
	host
	vault logical.SystemView // what Vault answers now; System() may be a second old

	// refreshes serialises all that may spend a role's refresh token, edits all that writes what
	// an operator stores of a role. They are apart because an edit must not wait for a slow provider.
	refreshes keylock
	edits     keylock

	held       heldTokens           // answers that storage has refused so far
	unrecorded failures             // and failures
	work       tasks                // what must end before the mount may go
	memory     *memory              // what warm reads are answered from
	sessions   *sessions            // of TLS, to be resumed
	guard      guard                // against readers who force refreshes
	refusing   atomic.Bool          // storage has refused the last intent
	life       atomic.Pointer[life] // the last sign of it that was stored; nil before the first
	reads      sync.Map             // role → generation of the token that was read last

	pending  atomic.Bool // revocations may be stored that were not made yet
	away     sync.Map    // origin of a revocation endpoint → when it failed last
	catching atomic.Bool // they are being caught up with
	stuck    string      // the key of the revocation that failed first then

	// What the keeper tells of grants, to whoever plans by it: the state that one has come to be in, that what
	// an operator stores of one was written, and that one is gone. The last is told under the lock of the
	// role's edits.
	changed func(name string, r *role, p *client.Provider, tok *token)
	edited  func(ctx context.Context, s logical.Storage, name string)
	gone    func(name string)
}

func newKeeper(h host) *keeper {
	k := &keeper{host: h, work: newTasks(), memory: newMemory(), sessions: newSessions()}
	k.pending.Store(true) // until the first look
	return k
}

// begin runs a task of its own that a panic does not take the process down with.
func (k *keeper) begin(f func()) bool {
	return k.work.begin(func() { k.contained(f) })
}

// contained runs f, whose panic ends f and no more.
func (k *keeper) contained(f func()) {
	var err error
	defer contain(k.Logger(), &err)
	f()
}

// writable tells whether this node may spend a refresh token at all. Certainty comes from storing the
// intent; this spares a try.
func (k *keeper) writable() bool { return writes(k.vault) }

// mayTend tells whether this node may do background work: a mount that is being disabled may not.
func (k *keeper) mayTend() bool { return k.writable() && !k.System().Tainted() }

// noteRead remembers that this token is in use: only such a one is refreshed ahead of its readers.
// For every read but a token's first this is one look into a map.
func (k *keeper) noteRead(name string, r *role, p *client.Provider, tok *token) {
	if !k.inUse(name, tok) {
		k.reads.Store(name, tok.Generation)
		k.changed(name, r, p, tok)
	}
}

func (k *keeper) inUse(name string, tok *token) bool {
	generation, ok := k.reads.Load(name)
	return ok && generation == tok.Generation
}

// unread forgets that a role's token was in use: the role is no more.
func (k *keeper) unread(name string) { k.reads.Delete(name) }

// drain begins no more work, waits for what is under way up to the timeout, and returns how much of it is left.
func (k *keeper) drain(timeout time.Duration) int { return k.work.drain(timeout) }

// abandon is drain for a mount whose storage has gone: nothing waits for that to take what it has refused. It returns
// how many refreshes have an answer, or will get one, that is lost.
func (k *keeper) abandon(timeout time.Duration) int {
	k.work.stopRetries()
	left := k.work.drain(timeout)
	return k.held.count() + left
}
