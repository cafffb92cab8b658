package grant

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// LookAgain looks a role up unless the caller has done that and nothing was written since.
func (k *Keeper) LookAgain(ctx context.Context, s logical.Storage, name string, seen *look) (*look, error) {
	if seen != nil && k.Memory.holds(name, seen) {
		return seen, nil
	}
	l := k.Memory.begin(name)
	defer k.Memory.end(name, l)
	var err error
	l.Role, l.provider, l.Token, err = k.LookUp(ctx, s, name)
	return l, err
}

// LookUp reads what there is of a role; a nil role when there is none. The two entries of a role are read
// at the same time, since each read is a call to another process: what ties them together is the grant
// id, not the order.
func (k *Keeper) LookUp(ctx context.Context, s logical.Storage, name string) (*role.Role, *client.Provider, *Token, error) {
	type result struct {
		tok *Token
		err error
	}
	held := k.Held.Get(name)       // first: what is stored in the meantime is no longer held
	stored := make(chan result, 1) // nobody may be there to receive
	go func() {
		var r result
		defer func() { stored <- r }()
		defer mount.Contain(k.Logger(), &r.err)
		r.tok, r.err = GetToken(ctx, s, name)
	}()
	r, err := role.Get(ctx, s, name)
	if err != nil || r == nil {
		return nil, nil, nil, err
	}
	p, err := provider.Get(ctx, s, r.Provider)
	if err != nil {
		return nil, nil, nil, err
	}
	if held != nil && held.GrantID == r.GrantID {
		return r, p, held, nil
	}
	found := <-stored
	if found.err != nil {
		return r, p, tokenOf(r, nil), found.err
	}
	tok, err := corrected(ctx, s, r, p, k.unrecorded.over(name, tokenOf(r, found.tok)))
	return r, p, tok, err
}

// corrected is the state with a failure that knows whether the role, its provider or the configuration were
// written since. What is stored does not, and only a failure is worth the look at all three.
func corrected(ctx context.Context, s logical.Storage, r *role.Role, p *client.Provider, tok *Token) (*Token, error) {
	if tok.Fault == nil || p == nil {
		return tok, nil
	}
	t, err := role.TargetOf(ctx, s, r, p)
	if _, refused := mount.AsRefusal(err); refused {
		return tok, nil // that is what is in the way now
	}
	if err != nil || !tok.Fault.overtaken(t, tok) {
		return tok, err
	}
	next, f := new(*tok), new(*tok.Fault)
	f.corrected, next.Fault = true, f
	return next, nil
}
