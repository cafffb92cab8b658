package grant

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

const (
	// Storing what is held is tried from quick, for a hiccup, to slow, for an outage.
	FirstHoldDelay, MaxHoldDelay = 250 * time.Millisecond, 5 * time.Second
)

// heldStates are answers that storage has refused so far, by role: the provider has spent the
// stored refresh token, and the next one exists in memory only. They are kept until they are
// stored, reads are served from them, and no other refresh starts meanwhile. The zero value is
// ready.
type heldStates struct {
	mu     sync.Mutex
	tokens map[Key]*State
}

// Get returns what is held of a role, nil for nothing.
func (h *heldStates) Get(key Key) *State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tokens[key]
}

// Put holds an answer of a role, in the place of an older one.
func (h *heldStates) Put(key Key, st *State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tokens == nil {
		h.tokens = map[Key]*State{}
	}
	h.tokens[key] = st
}

// Drop ends the holding of a role's answer.
func (h *heldStates) Drop(key Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tokens, key)
}

func (h *heldStates) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.tokens)
}

// hold keeps an answer in memory and goes on trying to store it. Its caller is a task, so this one
// may begin while the mount is ending too: it must.
func (k *Keeper) hold(s logical.Storage, g *Grant, cause error) {
	key, st := g.Key, g.State
	k.Held.Put(key, st)
	k.Tell(Event{Kind: Unpersisted, Grant: key, Provider: g.Role.Provider, Cause: cause,
		Facts: map[string]string{"state": StateUnpersisted, "generation": st.generation()}})
	k.Work.Fork(func() {
		try := func() (over bool) {
			k.Contained(func() {
				if over = k.tryStore(s, key, st); over {
					k.Edited(context.Background(), s, key) // it is stored now, or given up
				}
			})
			return over
		}
		delay := FirstHoldDelay
		for !try() && k.Work.Wait(delay) {
			delay = min(2*delay, MaxHoldDelay)
		}
	})
}

// tryStore stores what is held, unless something else has taken its place meanwhile. It returns
// true when there is nothing left to do.
func (k *Keeper) tryStore(s logical.Storage, key Key, st *State) bool {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	unlock, err := k.Refreshes.Lock(ctx, string(key))
	if err != nil {
		return false
	}
	defer unlock()
	if k.Held.Get(key) != st {
		return true // the role was deleted, or has a newer answer
	}
	r, err := role.Get(ctx, s, key.Role())
	if err != nil {
		return false
	}
	stored, err := GetState(ctx, s, key)
	if err != nil {
		return false
	}
	switch {
	case r == nil || !key.isOf(r, st), key.Owner() != "" && stored == nil:
		// Also by another node, which knows nothing of what is held here. Stored, it would be the
		// refresh token of a role that is gone, and nobody would ever remove it.
		k.Logger().Info("an answer kept in memory is not stored: its role was deleted or has a new grant", "role", key)
		k.letGo(key)
		return true
	case stored != nil && stored.Same(st): // a Put that reported an error was applied
	case stored == nil || stored.precedes(st):
		if PutState(ctx, s, key, st) != nil {
			return false
		}
	default:
		k.Logger().Error("an answer kept in memory was given up: the stored state has moved on without it",
			"role", key, "generation", st.Generation, "stored_generation", stored.Generation)
		k.letGo(key)
		return true
	}
	k.letGo(key)
	k.Tell(Event{Kind: Persisted, Grant: key, Provider: r.Provider, Facts: map[string]string{"generation": st.generation()}})
	return true
}

// letGo ends the holding of an answer. Who has seen it must look again: it may not be what is stored.
func (k *Keeper) letGo(key Key) {
	k.Held.Drop(key)
	k.unrecorded.drop(key)
	k.Memory.forget(Prefix + string(key))
}

// Same tells whether a stored state is the held one already.
func (st *State) Same(next *State) bool {
	return st.GrantID == next.GrantID && st.Generation == next.Generation &&
		st.AccessToken.Equal(next.AccessToken) && st.RefreshToken.Equal(next.RefreshToken)
}

// precedes tells whether the held state may replace a stored one: same grant, one generation later. Anything
// else is a fence: another node, or an operator, has been here since.
func (st *State) precedes(next *State) bool {
	return st.GrantID == next.GrantID && st.Generation == next.Generation-1
}
