package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathRevoke(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "revoke/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("grant"),
		Fields: map[string]*framework.FieldSchema{
			"name":  {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"owner": ownerField,
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: mount.Writing(b.pathRevokeUpdate, "revoke", "End a role's grant at the provider."),
		},
		HelpSynopsis: "End a role's grant at the provider, then forget its tokens.",
		HelpDescription: `Revokes the refresh token at the provider (RFC 7009), and with it, at most providers, the access
tokens that readers hold. Then the tokens are forgotten here. The role stays: write a new
refresh_token to it to begin again. With grant_type=client_credentials the access token is revoked
and the next read gets another. When the provider refuses, nothing is forgotten.`,
	}
}

func (b *backend) pathRevokeUpdate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.keyFor(ctx, req, d)
	if err != nil {
		return mount.Answer(err)
	}
	if err := b.grants.Revoke(ctx, req.Storage, key); err != nil {
		return mount.Answer(err)
	}
	b.consents.Forget(ctx, req.Storage, key)
	return nil, nil
}
