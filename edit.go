package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"
)

// write stores what an operator writes to a role, and returns what to warn of. It checks everything before it
// stores anything. A new refresh token begins a new grant.
func (k *keeper) write(ctx context.Context, s logical.Storage, name string, in input) (warnings []string, err error) {
	unlock, err := k.edits.lock(ctx, name)
	if err != nil {
		return nil, errBusy
	}
	defer unlock()
	old, err := getRole(ctx, s, name)
	if err != nil {
		return nil, err
	}
	tok, err := k.currentToken(ctx, s, name, old)
	if err != nil {
		return nil, err
	}
	w := &roleWrite{input: in, old: old, state: tok.standing(old)}
	if old == nil {
		if err := checkNewName(name); err != nil {
			return nil, err
		}
	} else {
		old.adopt(w.state.Next) // if the write that should have done this has failed, this one does it
	}
	r, err := w.apply(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := putRole(ctx, s, name, r); err != nil {
		return nil, err
	}
	k.edited(ctx, s, name)
	return append(w.warnings, r.warnings()...), nil
}
