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
func (k *Keeper) Revoke(ctx context.Context, s logical.Storage, name string) error {
	_, err := WithRole(ctx, k, name, func() {}, func(ctx context.Context) (none struct{}, err error) {
		r, err := role.Get(ctx, s, name)
		if err != nil {
			return none, err
		}
		if r == nil {
			return none, role.ErrNoRole
		}
		tok, err := k.CurrentToken(ctx, s, name, r)
		if err != nil {
			return none, err
		}
		t, err := role.NewTarget(ctx, s, r)
		if err == nil {
			current := tok
			if pointed, err := tok.pointed(t.Provider); err == nil {
				current = pointed
			}
			err = revokeGrant(ctx, t, current)
		}
		if err != nil {
			return none, err
		}
		return none, k.forget(ctx, s, name, r, tok)
	})
	return err
}

// revokeGrant ends the grant, or the access token where there is no grant.
func revokeGrant(ctx context.Context, t *role.Target, tok *Token) error {
	if t.Endpoints.Revocation == "" {
		return mount.Refusal("this provider has no revocation_endpoint: end the grant in the provider's own console, and delete the role")
	}
	what, hint := tok.RefreshToken, client.HintRefreshToken
	if !t.Role.Spends() {
		what, hint = tok.AccessToken, client.HintAccessToken
		if tok.Settings != t.Role.Settings() {
			what = client.Secret{} // it is another server's or client's, and not for this one to see
		}
	}
	if !what.IsSet() {
		return mount.Refusal("this role holds no token to revoke")
	}
	err := t.Revokes(ctx, tok.Worked, what, hint)
	if t.Role.Spends() {
		err = cmp.Or(err, revokeOthers(ctx, t, tok))
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
func revokeOthers(ctx context.Context, t *role.Target, tok *Token) (failed error) {
	others := []client.Secret{tok.Former}
	if _, err := tok.pointed(t.Provider); err != nil { // else the pointer says which one is the grant's
		for _, c := range tok.Candidates {
			others = append(others, c.Token)
		}
	}
	for _, other := range others {
		if !other.IsSet() {
			continue
		}
		err := t.Revokes(ctx, tok.Worked, other, client.HintRefreshToken)
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
func (k *Keeper) forget(ctx context.Context, s logical.Storage, name string, r *role.Role, tok *Token) error {
	if !r.Spends() {
		// A refresh token that the grant type does not use at the moment was not revoked, and stays.
		ended := new(*tok)
		ended.AccessToken, ended.Extra, ended.ExpiresAt = client.Secret{}, nil, time.Time{}
		k.LetGo(name)
		return PutToken(ctx, s, name, ended)
	}
	ended := &Token{TokenState: TokenState{GrantID: r.GrantID, Generation: tok.Generation}}
	ended.Fault = &Fault{Class: client.GrantRefused, Reason: "the grant was revoked", At: clock.Now(), Reauthorize: true, Revoked: true}
	if err := PutToken(ctx, s, name, ended); err != nil {
		return err
	}
	k.LetGo(name)
	unlock, err := k.Edits.Lock(ctx, name)
	if err != nil {
		return ErrBusy
	}
	defer unlock()
	current, err := role.Get(ctx, s, name)
	if err != nil || current == nil || current.GrantID != r.GrantID {
		return err // somebody has deleted the role or begun a new grant meanwhile
	}
	current.RefreshToken = client.Secret{}
	return role.Put(ctx, s, name, current)
}

// Delete removes a role, and then what is known of its grant. The role goes first: if the token entry went
// first and the delete broke off there, the role would start again with a refresh token that is long spent.
// It does not wait for a provider that hangs: what an exchange under way still stores is removed after it.
func (k *Keeper) Delete(ctx context.Context, s logical.Storage, name string) error {
	if err := k.removeRole(ctx, s, name); err != nil {
		return mount.StorageError(err)
	}
	wait, cancel := context.WithTimeout(ctx, deletePatience)
	defer cancel()
	if err := k.RemoveState(wait, s, name); !errors.Is(err, ErrBusy) {
		return mount.StorageError(err)
	}
	k.Begin(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*MaxHold)
		defer cancel()
		if err := k.RemoveState(ctx, s, name); err != nil {
			k.Logger().Warn("the state of a deleted role is left in storage, where it counts for nothing", "role", name, "error", err)
		}
	})
	return nil
}

func (k *Keeper) removeRole(ctx context.Context, s logical.Storage, name string) error {
	unlock, err := k.Edits.Lock(ctx, name)
	if err != nil {
		return ErrBusy
	}
	defer unlock()
	if err := s.Delete(ctx, role.Prefix+name); err != nil {
		return err
	}
	k.Gone(name)
	k.guard.forget(name)
	return nil
}

// deletePatience is how long a delete waits for an exchange under way.
const deletePatience = 2 * time.Second

// RemoveState forgets what the machine knows of a role that is gone. A role of the same name that was
// written meanwhile has a grant of its own, and its state is left alone.
func (k *Keeper) RemoveState(ctx context.Context, s logical.Storage, name string) error {
	unlock, err := k.Refreshes.Lock(ctx, name)
	if err != nil {
		return ErrBusy
	}
	defer unlock()
	r, err := role.Get(ctx, s, name)
	if err != nil || r != nil {
		return err
	}
	k.LetGo(name)
	return s.Delete(ctx, Prefix+name)
}
