package grant

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Revoke ends a role's grant at its provider, then forgets its tokens.
func (k *Keeper) Revoke(ctx context.Context, s logical.Storage, key Key) error {
	_, err := WithRole(ctx, k, key, func() {}, func(ctx context.Context) (none struct{}, err error) {
		g, err := k.Look(ctx, s, key)
		if err != nil {
			return none, err
		}
		t, err := role.TargetOf(ctx, s, g.Role, g.Provider)
		if err != nil {
			return none, err
		}
		if err := g.checkRealm(t, t.Endpoints.Revocation); err != nil {
			return none, err
		}
		presented := g.State
		if pointed, err := g.State.pointed(t.Provider); err == nil {
			presented = pointed
		}
		if key.Owner() != "" && t.Endpoints.Revocation == "" {
			return none, mount.Refusal("this provider has no revocation_endpoint: end the grant in the provider's own console, and have it forgotten here with a delete of status/" + key.Path())
		}
		if err := revokeGrant(ctx, t, presented); err != nil {
			return none, err
		}
		err = k.forget(ctx, s, g)
		k.Edited(ctx, s, key)
		return none, err
	})
	return err
}

// revokeGrant ends the grant, or the access token where there is no grant.
func revokeGrant(ctx context.Context, t *role.Target, st *State) error {
	if t.Endpoints.Revocation == "" {
		return mount.Refusal("this provider has no revocation_endpoint: end the grant in the provider's own console, and delete the role")
	}
	what, hint := st.RefreshToken, client.HintRefreshToken
	if !t.Role.Spends() {
		what, hint = st.AccessToken, client.HintAccessToken
		if st.Settings != t.Role.SettingsID() {
			what = client.Secret{} // it is another server's or client's, and not for this one to see
		}
	}
	if !what.IsSet() {
		return mount.Refusal("this role holds no token to revoke")
	}
	err := t.Revoke(ctx, st.Worked, what, hint)
	if t.Role.Spends() {
		err = cmp.Or(err, revokeOthers(ctx, t, st))
	}
	if _, ok := mount.AsRefusal(err); ok {
		return err
	}
	if err != nil {
		e := asExchangeError(err)
		text := "the provider did not confirm the revocation, so nothing was forgotten: " + e.Error()
		if e.Class == client.ClientRefused || e.Class == client.GrantRefused {
			return mount.Refusal(text)
		}
		return logical.CodedError(502, text)
	}
	return nil
}

// revokeOthers ends what else may be the grant's refresh token. That a provider does not know one of them says
// nothing of the others; that it could not be asked does.
func revokeOthers(ctx context.Context, t *role.Target, st *State) (failed error) {
	others := []client.Secret{st.Former}
	if _, err := st.pointed(t.Provider); err != nil { // else the pointer says which one is the grant's
		for _, c := range st.Candidates {
			others = append(others, c.Token)
		}
	}
	for _, other := range others {
		if !other.IsSet() {
			continue
		}
		err := t.Revoke(ctx, st.Worked, other, client.HintRefreshToken)
		if e, ok := errors.AsType[*client.Error](err); ok && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests {
			continue
		}
		failed = cmp.Or(failed, err)
	}
	return failed
}

// forget removes the tokens of a grant that is no more. The role's own copy of the first refresh
// token goes last: until the state says that the grant has ended, it must not become the current
// one again.
func (k *Keeper) forget(ctx context.Context, s logical.Storage, g *Grant) error {
	key, r, st := g.Key, g.Role, g.State
	if !r.Spends() {
		// A refresh token that the grant type does not use at the moment was not revoked, and stays.
		ended := new(*st)
		ended.AccessToken, ended.Extra, ended.ExpiresAt = client.Secret{}, nil, time.Time{}
		k.letGo(key)
		return PutState(ctx, s, key, ended)
	}
	ended := &State{Record: Record{GrantID: st.GrantID, RoleID: st.RoleID, Client: st.Client, Origins: st.Origins, Generation: st.Generation}}
	ended.Fault = &Fault{Class: client.GrantRefused, Reason: "the grant was revoked", At: clock.Now(), Reauthorize: true, Revoked: true}
	if err := PutState(ctx, s, key, ended); err != nil {
		return err
	}
	k.letGo(key)
	k.turned(g, g.with(ended), "")
	if key.Owner() != "" {
		return nil // the role has no copy
	}
	unlock, err := k.Edits.Lock(ctx, key.Role())
	if err != nil {
		return ErrBusy
	}
	defer unlock()
	current, err := role.Get(ctx, s, key.Role())
	if err != nil || current == nil || current.GrantID != r.GrantID {
		return err // somebody has deleted the role or begun a new grant meanwhile
	}
	current.RefreshToken = client.Secret{}
	return role.Put(ctx, s, key.Role(), current)
}

// Delete removes a role, and then what is known of its grant. The role goes first: if the token entry went
// first and the delete broke off there, the role would start again with a refresh token that is long spent.
// It does not wait for a provider that hangs: what an exchange under way still stores is removed after it.
func (k *Keeper) Delete(ctx context.Context, s logical.Storage, key Key) error {
	if err := k.removeRole(ctx, s, key); err != nil {
		return mount.StorageError(err)
	}
	remove := func(ctx context.Context) error {
		return cmp.Or(k.RemoveState(ctx, s, key), k.removeOwners(ctx, s, key.Role()))
	}
	wait, cancel := context.WithTimeout(ctx, deletePatience)
	defer cancel()
	if err := remove(wait); err == nil || wait.Err() == nil && !errors.Is(err, ErrBusy) {
		return mount.StorageError(err)
	}
	k.Begin(func() {
		ctx, cancel := context.WithTimeout(context.Background(), longestDelete)
		defer cancel()
		if err := remove(ctx); err != nil {
			k.Logger().Warn("the state of a deleted role is left in storage, where it counts for nothing", "role", key, "error", err)
		}
	})
	return nil
}

func (k *Keeper) removeRole(ctx context.Context, s logical.Storage, key Key) error {
	unlock, err := k.Edits.Lock(ctx, key.Role())
	if err != nil {
		return ErrBusy
	}
	defer unlock()
	if err := s.Delete(ctx, role.Prefix+key.Role()); err != nil {
		return err
	}
	k.gone(key)
	return nil
}

const (
	// deletePatience is how long a delete waits for an exchange under way, and for many owners.
	deletePatience = 2 * time.Second
	// longestDelete bounds what is done of it in the background, where a hundred thousand owners take minutes.
	longestDelete = time.Hour
)

// RemoveState forgets what the machine knows of a grant whose role is gone. A role of the same name that was
// written meanwhile has grants of its own, and their states are left alone.
func (k *Keeper) RemoveState(ctx context.Context, s logical.Storage, key Key) error {
	unlock, err := k.Refreshes.Lock(ctx, string(key))
	if err != nil {
		return ErrBusy
	}
	defer unlock()
	r, err := role.Get(ctx, s, key.Role())
	if err != nil {
		return err
	}
	if r != nil {
		if key.Owner() == "" {
			return nil
		}
		if st, err := GetState(ctx, s, key); err != nil || st == nil || key.isOf(r, st) {
			return err
		}
	}
	if key.Owner() != "" {
		return k.removeOwner(ctx, s, key)
	}
	k.letGo(key)
	return s.Delete(ctx, Prefix+string(key))
}
