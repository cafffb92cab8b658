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

// heldTokens are answers that storage has refused so far, by role: the provider has spent the
// stored refresh token, and the next one exists in memory only. They are kept until they are
// stored, reads are served from them, and no other refresh starts meanwhile. The zero value is
// ready.
type heldTokens struct {
	mu     sync.Mutex
	tokens map[string]*Token
}

// Get returns what is held of a role, nil for nothing.
func (h *heldTokens) Get(name string) *Token {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tokens[name]
}

// Put holds an answer of a role, in the place of an older one.
func (h *heldTokens) Put(name string, t *Token) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tokens == nil {
		h.tokens = map[string]*Token{}
	}
	h.tokens[name] = t
}

// Drop ends the holding of a role's answer.
func (h *heldTokens) Drop(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tokens, name)
}

func (h *heldTokens) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.tokens)
}

// hold keeps an answer in memory and goes on trying to store it. Its caller is a task, so this one
// may begin while the mount is ending too: it must.
func (k *Keeper) hold(s logical.Storage, name string, t *Token, cause error) {
	k.Held.Put(name, t)
	k.Logger().Error("a refresh could not be stored; its answer is kept in memory and stored as soon as possible",
		"role", name, "generation", t.Generation, "error", cause)
	k.Work.Fork(func() {
		try := func() (over bool) {
			k.Contained(func() { over = k.tryStore(s, name, t) })
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
func (k *Keeper) tryStore(s logical.Storage, name string, t *Token) bool {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	unlock, err := k.Refreshes.Lock(ctx, name)
	if err != nil {
		return false
	}
	defer unlock()
	if k.Held.Get(name) != t {
		return true // the role was deleted, or has a newer answer
	}
	r, err := role.Get(ctx, s, name)
	if err != nil {
		return false
	}
	stored, err := GetToken(ctx, s, name)
	if err != nil {
		return false
	}
	switch {
	case r == nil || r.GrantID != t.GrantID:
		// Also by another node, which knows nothing of what is held here. Stored, it would be the
		// refresh token of a role that is gone, and nobody would ever remove it.
		k.Logger().Info("an answer kept in memory is not stored: its role was deleted or has a new grant", "role", name)
		k.LetGo(name)
		return true
	case stored != nil && stored.Same(t): // a Put that reported an error was applied
	case stored == nil || stored.precedes(t):
		if PutToken(ctx, s, name, t) != nil {
			return false
		}
	default:
		k.Logger().Error("an answer kept in memory was given up: the stored state has moved on without it",
			"role", name, "generation", t.Generation, "stored_generation", stored.Generation)
		k.LetGo(name)
		return true
	}
	k.LetGo(name)
	k.Logger().Info("the answer kept in memory is stored", "role", name, "generation", t.Generation)
	return true
}

// LetGo ends the holding of an answer. Who has seen it must look again: it may not be what is stored.
func (k *Keeper) LetGo(name string) {
	k.Held.Drop(name)
	k.unrecorded.drop(name)
	k.Memory.Forget(Prefix + name)
}

// Same tells whether a stored state is the held one already.
func (t *Token) Same(next *Token) bool {
	return t.GrantID == next.GrantID && t.Generation == next.Generation &&
		t.AccessToken.Equal(next.AccessToken) && t.RefreshToken.Equal(next.RefreshToken)
}

// precedes tells whether the held state may replace a stored one: same grant, one generation later. Anything
// else is a fence: another node, or an operator, has been here since.
func (t *Token) precedes(next *Token) bool {
	return t.GrantID == next.GrantID && t.Generation == next.Generation-1
}
