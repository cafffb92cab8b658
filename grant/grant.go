package grant

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Grant is one grant as a look into storage has found it: what an operator stores of it, whom it is with, and
// what has become of it. The three are of one look, and none of them is changed.
type Grant struct {
	Key
	Role     *role.Role
	Provider *client.Provider // as it is defined now; nil when it was deleted
	State    *State
	look     *look     // what was written since; nil for a grant that was not looked up
	to       *resolved // where its exchanges go; nil when nobody has found out with the look
}

// Terms are what the grant's tokens are judged by.
func (g *Grant) Terms() Terms { return newTerms(g.Role, g.Provider) }

// Timing is when the grant's refresh token may, should and must be presented, by a clock that shows now. The
// provider must be there.
func (g *Grant) Timing(now time.Time) Timing { return timingOf(g.Role, g.Provider, g.State, now) }

// Realm names what a consent to this grant is to: server, client and, for an owner's, the role as it was made. One that was
// deleted and written again has other owners.
func (g *Grant) Realm() string {
	if g.Key.Owner() == "" {
		return g.Role.Realm()
	}
	return mount.Digest(g.Role.Realm(), g.Role.GrantID)
}

// checkRealm refuses to send an owner's token to an endpoint that it is not from, or as another client than it was given
// to. An operator writes a role with its own secrets, and not with those of the owners.
func (g *Grant) checkRealm(t *role.Target, endpoint string) error {
	if g.Key.Owner() == "" || g.State.RoleID == "" || endpoint == "" {
		return nil
	}
	origin, err := client.Origin(endpoint)
	if err != nil {
		return mount.Refuse(err)
	}
	if g.State.Client != t.Role.ClientRealm() || !slices.Contains(g.State.Origins, origin) {
		return errForeign
	}
	return nil
}

// Dead tells whether only a new refresh token can help.
func (g *Grant) Dead() bool { return g.State.Dead(g.Role) }

// Identity is the client certificate that the token at hand was got with, nil for none; or its successor when that has
// begun and nobody takes the old one any more.
func (g *Grant) Identity(now time.Time) (*client.Identity, error) {
	id, err := g.Role.CredentialsInUse(g.State.Worked).Identity()
	if err != nil || id == nil || id.Check(now) == nil {
		return id, err
	}
	if next, err := g.Role.Next.Identity(); err == nil && next != nil && g.Role.MayTryNext(role.PartCertificate, now) {
		return next, nil
	}
	return id, nil
}

// grantID is that of the grant which is current.
func (g *Grant) grantID() string {
	if g.Key.Owner() != "" {
		return g.State.GrantID
	}
	return g.Role.GrantID
}

// with is the grant in another state.
func (g *Grant) with(st *State) *Grant {
	next := *g
	next.State = st
	return &next
}

// Look reads what there is of a grant. The error is role.ErrNoRole when there is no role, or it is storage's.
func (k *Keeper) Look(ctx context.Context, s logical.Storage, key Key) (*Grant, error) {
	l := k.Memory.begin(key)
	defer k.Memory.end(key, l)
	return k.find(ctx, s, key, l)
}

// lookAgain is Look unless the caller has looked and nothing of the grant was written since.
func (k *Keeper) lookAgain(ctx context.Context, s logical.Storage, key Key, seen *Grant) (*Grant, error) {
	if seen != nil && k.Memory.holds(key, seen.look) {
		return seen, nil
	}
	return k.Look(ctx, s, key)
}

// find is Look within a look that has begun. What is held counts before what is stored, so it is asked for first: what
// is stored meanwhile is no longer held.
func (k *Keeper) find(ctx context.Context, s logical.Storage, key Key, l *look) (*Grant, error) {
	held := k.Held.Get(key)
	r, stored, err := k.both(ctx, s, key)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, role.ErrNoRole
	}
	if key.Owner() != "" && !r.PerOwner() {
		return nil, errNoOwners
	}
	if mount.Writes(k.System()) {
		k.Memory.keepKind(key, l, r.PerOwner())
	}
	p, err := provider.Get(ctx, s, r.Provider)
	if err != nil {
		return nil, err
	}
	g := &Grant{Key: key, Role: r, Provider: p, look: l}
	if held != nil && key.isOf(r, held) {
		g.State = held
		return g, nil
	}
	state, err := stored()
	if err != nil {
		return nil, err
	}
	g.State = k.unrecorded.over(key, stateOf(key, r, state))
	return g, g.correct(ctx, s)
}

// both reads the two entries of a grant at the same time, since each read is a call to another process: what ties them
// together is the grant id, not the order. The state may be waited for, or not.
func (k *Keeper) both(ctx context.Context, s logical.Storage, key Key) (r *role.Role, stored func() (*State, error), err error) {
	type result struct {
		state *State
		err   error
	}
	found := make(chan result, 1) // nobody may be there to receive
	go func() {
		var got result
		defer func() { found <- got }()
		defer mount.Contain(k.Logger(), &got.err)
		got.state, got.err = GetState(ctx, s, key)
	}()
	r, err = role.Get(ctx, s, key.Role())
	return r, func() (*State, error) { got := <-found; return got.state, got.err }, err
}

// correct lets a failure know whether the role, its provider or the configuration were written since. What is stored
// does not, and only a failure is worth the look at all three.
func (g *Grant) correct(ctx context.Context, s logical.Storage) error {
	if g.State.Fault == nil || g.Provider == nil {
		return nil
	}
	t, err := role.TargetOf(ctx, s, g.Role, g.Provider)
	if _, refused := mount.AsRefusal(err); refused {
		return nil // that is what is in the way now
	}
	if err != nil || !g.State.Fault.overtaken(t, g.State) {
		return err
	}
	next, f := new(*g.State), new(*g.State.Fault)
	f.corrected, next.Fault = true, f
	g.State = next
	return nil
}

// current is the state of a role's grant: what is held in memory because storage refused it, else what is stored,
// else the grant as the operator wrote it. State of another grant does not count.
func (k *Keeper) current(ctx context.Context, s logical.Storage, key Key, r *role.Role) (*State, error) {
	if held := k.Held.Get(key); held != nil && key.isOf(r, held) {
		return held, nil
	}
	stored, err := GetState(ctx, s, key)
	if err != nil {
		return nil, err
	}
	return k.unrecorded.over(key, stateOf(key, r, stored)), nil
}
