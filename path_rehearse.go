package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathRehearse(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "rehearse/" + mount.NamePattern,
		DisplayAttrs: mount.Display("role"),
		Fields: map[string]*framework.FieldSchema{
			"name": {Type: framework.TypeString, Description: "Name of the role, from the path."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: mount.Writing(b.pathRehearseRead, "rehearse", "Check all that a refresh needs, without a refresh."),
		},
		HelpSynopsis: "Check all that a refresh needs, without a refresh.",
		HelpDescription: `Goes the way of a refresh up to the request, and presents neither the refresh token nor any other
secret: the role with its provider, credentials and keys, the name in DNS, the connection, the
server's certificate, whether the server takes the client certificate (and the next one), and
whether the provider still says the same about itself, if it has an issuer. What the token endpoint
is sent is a GET without parameters, which means nothing to it: any answer will do but a redirect, and
but one that may be a refusal of the client certificate. Where that is the client's authentication, a
server that does not ask for it is a fault.
The result has a sentence for each, in passed whether nothing was found in the way of a refresh with
what is in use, in state that of the grant, and how far the server's clock is ahead of this one.
Nothing is stored. What only a refresh can tell, verify=true on a write to roles/<name> does.`,
	}
}

func (b *backend) pathRehearseRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return answer(b.grants.Rehearse(ctx, req.Storage, keyOf(d)))
}
