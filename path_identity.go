package oauthrefresh

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathIdentity(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "identity/(?P<name>.+)",
		DisplayAttrs: mount.Display("identity"),
		Fields: map[string]*framework.FieldSchema{
			"name": {Type: framework.TypeString, Description: "Name of the role, from the path."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: mount.Writing(b.pathIdentityRead, "", "Get the client certificate and private key of a role."),
		},
		HelpSynopsis: "Get the client certificate of a role, with its private key.",
		HelpDescription: `For workloads that have to present the client certificate themselves, because an API wants to see it
along with the token. Refused unless the role has identity_readable=true, and of no concern to a
policy that grants creds/<name> only. The answer has certificate_chain (PEM, the client's own first,
without the root) and private_key (PEM, PKCS #8) with private_key_type (rsa, ec or ed25519), the same
as pfx (PKCS #12 in base64) under pfx_password, which is made anew for each read, fingerprint (SHA-256
of the certificate in hex) and not_after. The lease says when to read again: after an hour at most, so
that a new certificate is taken up soon. It can't be renewed, and revoking it takes nothing back: a
certificate ends at not_after, or when its issuer revokes it.`,
	}
}

func (b *backend) pathIdentityRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	g, err := b.grants.Look(ctx, req.Storage, keyOf(d))
	if err != nil {
		return mount.Answer(err)
	}
	if !g.Role.IdentityReadable {
		return mount.Answer(mount.Refusal(fmt.Sprintf(
			"the client certificate of this role is not handed out: that takes identity_readable=true on roles/%s", g.Key)))
	}
	id, err := g.Identity(clock.Now())
	if err != nil {
		return mount.Answer(mount.Refuse(err))
	}
	if id == nil {
		return mount.Answer(mount.Refusal("this role has no client certificate: write one to it"))
	}
	resp, err := b.leaseIdentity(id, clock.Now())
	if err != nil {
		return mount.Answer(mount.Refuse(err))
	}
	return resp, nil
}
