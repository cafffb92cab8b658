// Package grant keeps grants. Keeper.Refresh is the one function that spends a refresh token; around it stands all that
// protects one: the intent before an exchange, what is held while storage refuses, the timing after a failure, the
// terms on which an access token is served, and its end.
package grant

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Host is what a keeper asks of the mount that it serves.
type Host interface {
	// Logger is where the mount logs to.
	Logger() hclog.Logger
	// System is Vault as it was a second ago at most.
	System() logical.SystemView
	// EventSender is Vault's, as far as it has one.
	logical.EventSender
}

// Keeper keeps the grants of one mount. Make one with New.
type Keeper struct {
	Host
	Vault logical.SystemView // what Vault answers now; System() may be a second old

	// Refreshes serialises all that may spend a role's refresh token, edits all that writes what
	// an operator stores of a role. They are apart because an edit must not wait for a slow provider.
	Refreshes mount.Locks
	Edits     mount.Locks

	Held        heldStates           // answers that storage has refused so far
	unrecorded  failures             // and failures
	Work        mount.Tasks          // what must end before the mount may go
	Memory      *memory              // what warm reads are answered from
	definitions *definitions         // what many grants share
	sessions    *sessions            // of TLS, to be resumed
	guard       guard                // against readers who force refreshes
	refusing    atomic.Bool          // storage has refused the last intent
	blocked     blocked              // grants of which that was told
	outbox      outbox               // events on their way to Vault
	life        atomic.Pointer[Life] // the last sign of it that was stored; nil before the first
	Reads       sync.Map             // key → generation of the token that was read last

	Meter Meter // counts what is done

	At atomic.Pointer[string] // the mount's path with the slash at its end, as the last request has named it; nil before the first

	Pending  atomic.Bool // revocations may be stored that were not made yet
	away     sync.Map    // origin of a revocation endpoint → when it failed last
	catching atomic.Bool // they are being caught up with
	stuck    string      // the key of the revocation that failed first then

	// What the keeper tells of grants, to whoever plans by it: the state that one has come to be in and how it stands,
	// which entry was written, that what an operator stores of one was written, and that one is gone. The last is told
	// under the lock of the role's edits.
	Changed func(g *Grant)
	Known   func(key Key, sum Summary)
	Written func(entry string) // a storage key, whatever came of the write
	Edited  func(ctx context.Context, s logical.Storage, key Key)
	Gone    func(key Key)
}

// New makes the keeper of the grants of one mount.
func New(h Host) *Keeper {
	k := &Keeper{Host: h, Work: mount.NewTasks(), Memory: newMemory(), definitions: newDefinitions(), sessions: newSessions(), Meter: unmetered{}}
	k.Pending.Store(true) // until the first look
	return k
}

// Begin runs a task of its own that a panic does not take the process down with.
func (k *Keeper) Begin(f func()) bool {
	return k.Work.Begin(func() { k.Contained(f) })
}

// Contained runs f, whose panic ends f and no more.
func (k *Keeper) Contained(f func()) {
	var err error
	defer mount.Contain(k.Logger(), &err)
	f()
}

// writable tells whether this node may spend a refresh token at all. Certainty comes from storing the
// intent; this spares a try.
func (k *Keeper) writable() bool { return mount.Writes(k.Vault) }

// MayTend tells whether this node may do background work: a mount that is being disabled may not.
// It may be a second late to see that, which costs nothing: what spends a refresh token has to store its intent first.
func (k *Keeper) MayTend() bool { return mount.Writes(k.System()) && !k.System().Tainted() }

// noteRead remembers that this token is in use: only such a one is refreshed ahead of its readers.
// For every read but a token's first this is one look into a map.
func (k *Keeper) noteRead(g *Grant) {
	if !k.InUse(g.Key, g.State) {
		k.Reads.Store(g.Key, g.State.Generation)
		k.Changed(g)
	}
}

// InUse tells whether the token of this state was read.
func (k *Keeper) InUse(key Key, st *State) bool {
	generation, ok := k.Reads.Load(key)
	return ok && generation == st.Generation
}

// IfGone tells of a grant that it is gone, unless its role was written again since it was found to be.
func (k *Keeper) IfGone(ctx context.Context, s logical.Storage, key Key) error {
	unlock, err := k.Edits.Lock(ctx, key.Role())
	if err != nil {
		return err
	}
	defer unlock()
	r, err := role.Get(ctx, s, key.Role())
	if err == nil && r == nil {
		k.gone(key)
	}
	return err
}

// gone forgets what memory knows of a grant whose role is no more. The lock of the role's edits is held, or another
// one of the same name would be forgotten.
func (k *Keeper) gone(key Key) {
	k.Gone(key)
	k.Reads.Delete(key)
	k.blocked.set(key, false)
	k.guard.forget(key)
}

// Drain begins no more work, waits for what is under way up to the timeout, and returns how much of it is left.
func (k *Keeper) Drain(timeout time.Duration) int { return k.Work.Drain(timeout) }

// Abandon is drain for a mount whose storage has gone: nothing waits for that to take what it has refused. It returns
// how many refreshes have an answer, or will get one, that is lost.
func (k *Keeper) Abandon(timeout time.Duration) int {
	k.Work.StopRetries()
	left := k.Work.Drain(timeout)
	return k.Held.count() + left
}
