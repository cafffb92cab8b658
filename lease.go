package oauthrefresh

import (
	"context"
	"maps"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// accessTokenType names the kind of lease in storage; renaming it would orphan every lease.
const accessTokenType = "access_token"

// accessTokenSecret is what a lease of an access token means to Vault. It is not renewable: the
// token's end is fixed.
func (b *backend) accessTokenSecret() *framework.Secret {
	return &framework.Secret{
		Type:   accessTokenType,
		Fields: map[string]*framework.FieldSchema{"access_token": {Type: framework.TypeString, Description: "The access token."}},
		Revoke: b.revokeLease,
	}
}

// lease is the answer of creds/<name>: the token with a lease, or without one where the role says so. A lease of a
// token that nobody else has knows whose it is.
func (b *backend) lease(key grant.Key, out *grant.Served) *logical.Response {
	t, st := out.Terms, out.State
	data := map[string]any{}
	for name, value := range st.Callback {
		data[name] = value
	}
	maps.Copy(data, st.Extra)
	maps.Copy(data, map[string]any{
		"access_token": st.AccessToken.Reveal(),
		"token_type":   st.TokenType,
		"scope":        st.Scope,
		"expires_at":   st.ExpiresAt.UTC().Format(time.RFC3339),
		"generation":   st.Generation,
		"token_id":     st.ID(),
	})
	warnings := append(t.ShowCertificate(st, data), out.Warnings...)
	if !t.Lease {
		// What Vault Agent and the Secrets Operator read of a secret without a lease: they come back
		// after ttl and a second.
		data["ttl"] = int64(out.TTL.Seconds()) - 1
		data["rotation_period"] = int64(st.Lifetime().Seconds())
		data["last_vault_rotation"] = st.ObtainedAt.UTC().Format(time.RFC3339Nano)
		return &logical.Response{Data: data, Warnings: warnings}
	}
	b.metrics.Leased()
	resp := b.Secret(accessTokenType).Response(data, nil)
	resp.Secret.TTL = out.TTL
	resp.Secret.Renewable = false
	resp.Warnings = warnings
	if out.Owner != nil {
		resp.Secret.InternalData["role"] = key.Role()
		resp.Secret.InternalData["realm"] = out.Owner.Realm()
		resp.Secret.InternalData["expires_at"] = st.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return resp
}

// revokeLease succeeds whatever the provider does, and for a shared token needs nothing: no role, no provider, no
// storage. Such a token is other readers' too, so ending one lease must not end it. An engine that
// fails here can't be disabled: Vault revokes every lease of a mount first. A token of the lease's
// own is revoked at the provider, now or, when that is away, as soon as it is back.
func (b *backend) revokeLease(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	r := &grant.Revocation{}
	r.Role, _ = req.Secret.InternalData["role"].(string)
	r.Realm, _ = req.Secret.InternalData["realm"].(string)
	r.AccessToken, _ = req.Data["access_token"].(string)
	expires, _ := req.Secret.InternalData["expires_at"].(string)
	r.ExpiresAt, _ = time.Parse(time.RFC3339, expires)
	if r.Role == "" || r.AccessToken == "" {
		return nil, nil
	}
	return nil, b.grants.EndToken(ctx, req.Storage, r)
}

// warnNoLease is said of refreshes that nobody reads.
const warnNoLease = "with token_mode=per_lease the token of this refresh belongs to no lease, so it is revoked at the provider within a minute or two"
