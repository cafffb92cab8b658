package oauthrefresh

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

func pathStatus(b *backend) []*framework.Path {
	return []*framework.Path{pathStatusMount(b), {
		Pattern:      "status/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("role-status"),
		Fields: map[string]*framework.FieldSchema{
			"name":  {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"owner": ownerField,
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   mount.Writing(b.pathStatusRoleRead, "", "Read the state of one grant."),
			logical.DeleteOperation: mount.Writing(b.pathStatusDelete, "forget", "Forget the grant of an owner."),
		},
		HelpSynopsis: "The state of one grant.",
		HelpDescription: `What is known of the grant without asking the provider: state and next_step in words, the generation
and end of the current token, when and why the last refresh failed with the provider's own request
id, until when the next one waits, which client secret, certificate and key are in use, since when, and
when certificates and the refresh token end. No secret is shown.

A delete forgets the grant of an owner, on a role with grant_owner=entity; to end it at the provider
first, use revoke/<name>. The grant of a role without owners goes with the role.`,
	}}
}

func (b *backend) pathStatusRoleRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.keyFor(ctx, req, d)
	if errors.Is(err, role.ErrNoRole) {
		return nil, nil // not found, as Vault answers it
	}
	if err != nil {
		return mount.Answer(err)
	}
	data, warnings, err := b.grants.Status(ctx, req.Storage, key)
	if errors.Is(err, role.ErrNoRole) {
		return nil, nil
	}
	if err == nil {
		err = b.consents.Describe(ctx, req.Storage, key, data)
	}
	return answer(data, warnings, err)
}
