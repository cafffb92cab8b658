package grant

import (
	"context"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// blocked are the grants of which was told that something is in the way of their refreshes. What is in the way is no
// state of a grant but found with each look, so this is what tells a turn from a look. A process that begins has told
// nothing. The zero value is ready.
type blocked struct {
	mu   sync.Mutex
	keys map[Key]bool
}

// has tells whether a grant is noted as blocked.
func (b *blocked) has(key Key) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.keys[key]
}

// set notes whether a grant is blocked, and tells whether that is another thing than before.
func (b *blocked) set(key Key, is bool) (turned bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keys[key] == is {
		return false
	}
	if !is {
		delete(b.keys, key)
		return true
	}
	if b.keys == nil {
		b.keys = map[Key]bool{}
	}
	b.keys[key] = true
	return true
}

// resolved is where a grant's exchanges go or, with no target, the error for which they go nowhere.
type resolved struct {
	target *role.Target
	err    error
}

func resolve(ctx context.Context, s logical.Storage, g *Grant) resolved {
	t, err := role.TargetOf(ctx, s, g.Role, g.Provider)
	if err != nil {
		return resolved{nil, err}
	}
	return resolved{t, nil}
}

// noticed tells when what is in the way of a grant's refreshes is new, or over.
func (k *Keeper) noticed(g *Grant, to resolved) { k.noticedThat(g, to, g.obstacle(to)) }

// noticedThat is noticed where the obstacle is known. Of a role that keeps a grant for each of its owners there is none,
// and of a dead one something else is to be said.
func (k *Keeper) noticedThat(g *Grant, to resolved, why error) {
	if _, refused := mount.AsRefusal(to.err); to.target == nil && !refused {
		return // storage's trouble says nothing
	}
	if g.Role.PerOwner() && g.Key.Owner() == "" {
		return
	}
	is := why != nil && !g.Dead()
	if k.blocked.has(g.Key) == is || !k.writable() || !k.blocked.set(g.Key, is) {
		return
	}
	e := Event{Kind: Unblocked, Grant: g.Key, Provider: g.Role.Provider}
	if is {
		e.Kind, e.Facts = Blocked, map[string]string{"state": StateBlocked, "reason": why.Error()}
	}
	k.Tell(e)
}
