package oauthrefresh

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

func pathRevoke(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "revoke/" + namePattern,
		DisplayAttrs: display("grant"),
		Fields: map[string]*framework.FieldSchema{
			"name": {Type: framework.TypeString, Description: "Name of the role, from the path."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: writing(b.pathRevokeUpdate, "revoke", "End a role's grant at the provider."),
		},
		HelpSynopsis: "End a role's grant at the provider, then forget its tokens.",
		HelpDescription: `Revokes the refresh token at the provider (RFC 7009), and with it, at most providers, the access
tokens that readers hold. Then the tokens are forgotten here. The role stays: write a new
refresh_token to it to begin again. With grant_type=client_credentials the access token is revoked
and the next read gets another. When the provider refuses, nothing is forgotten.`,
	}
}

func (b *backend) pathRevokeUpdate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	return withRole(ctx, b, name, func() {}, func(ctx context.Context) (*logical.Response, error) {
		r, err := getRole(ctx, req.Storage, name)
		if err != nil {
			return nil, err
		}
		if r == nil {
			return answerError(errNoRole)
		}
		tok, err := b.currentToken(ctx, req.Storage, name, r)
		if err != nil {
			return nil, err
		}
		t, err := newTarget(ctx, req.Storage, r)
		if err == nil {
			current := tok
			if pointed, err := tok.pointed(t.provider); err == nil {
				current = pointed
			}
			err = t.revoke(ctx, current)
		}
		if err != nil {
			return answerError(err)
		}
		return nil, b.forget(ctx, req.Storage, name, r, tok)
	})
}

// revoke ends the grant, or the access token where there is no grant.
func (t *target) revoke(ctx context.Context, tok *token) error {
	if t.endpoints.Revocation == "" {
		return refusal("this provider has no revocation_endpoint: end the grant in the provider's own console, and delete the role")
	}
	what, hint := tok.RefreshToken, client.HintRefreshToken
	if !t.role.spends() {
		what, hint = tok.AccessToken, client.HintAccessToken
		if tok.Settings != t.role.settings() {
			what = client.Secret{} // it is another server's or client's, and not for this one to see
		}
	}
	if !what.IsSet() {
		return refusal("this role holds no token to revoke")
	}
	err := t.revokes(ctx, tok, what, hint)
	if t.role.spends() {
		err = cmp.Or(err, t.revokesOthers(ctx, tok))
	}
	if _, ok := asRefusal(err); ok {
		return err
	}
	if err != nil {
		e := asExchangeError(err)
		// The client's sentences are of the endpoint that is asked nearly always.
		reason := strings.NewReplacer("token_endpoint_auth", "token_endpoint_auth",
			"token endpoint", "revocation endpoint", "token_endpoint", "revocation_endpoint").Replace(e.Error())
		text := "the provider did not confirm the revocation, so nothing was forgotten: " + reason
		if e.Class == client.ClientRefused || e.Class == client.GrantRefused {
			return refusal(text)
		}
		return logical.CodedError(502, text)
	}
	return nil
}

// revokesOthers ends what else may be the grant's refresh token. That a provider does not know one of them says
// nothing of the others; that it could not be asked does.
func (t *target) revokesOthers(ctx context.Context, tok *token) (failed error) {
	others := []client.Secret{tok.Former}
	if _, err := tok.pointed(t.provider); err != nil { // else the pointer says which one is the grant's
		for _, c := range tok.Candidates {
			others = append(others, c.Token)
		}
	}
	for _, other := range others {
		if !other.IsSet() {
			continue
		}
		err := t.revokes(ctx, tok, other, client.HintRefreshToken)
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
func (b *backend) forget(ctx context.Context, s logical.Storage, name string, r *role, tok *token) error {
	if !r.spends() {
		// A refresh token that the grant type does not use at the moment was not revoked, and stays.
		ended := new(*tok)
		ended.AccessToken, ended.Extra, ended.ExpiresAt = client.Secret{}, nil, time.Time{}
		b.letGo(name)
		return putToken(ctx, s, name, ended)
	}
	ended := &token{tokenState: tokenState{GrantID: r.GrantID, Generation: tok.Generation}}
	ended.Fault = &fault{Class: client.GrantRefused, Reason: "the grant was revoked", At: clock.Now(), Reauthorize: true, Revoked: true}
	if err := putToken(ctx, s, name, ended); err != nil {
		return err
	}
	b.letGo(name)
	unlock, err := b.edits.lock(ctx, name)
	if err != nil {
		return errBusy
	}
	defer unlock()
	current, err := getRole(ctx, s, name)
	if err != nil || current == nil || current.GrantID != r.GrantID {
		return err // somebody has deleted the role or begun a new grant meanwhile
	}
	current.RefreshToken = client.Secret{}
	return putRole(ctx, s, name, current)
}
