package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathExplain(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "explain/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("credentials"),
		Fields: map[string]*framework.FieldSchema{
			"name":    {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"owner":   ownerField,
			"min_ttl": {Type: framework.TypeDurationSecond, Description: "As the read of creds/<name> would ask for it."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   mount.Writing(b.pathExplainRead, "explain", "Explain what a read of the credentials would do."),
			logical.UpdateOperation: mount.Writing(b.pathExplainRead, "explain-with-parameters", "Explain what a read of the credentials with parameters would do."),
		},
		HelpSynopsis: "What a read of creds/<name> would do now, and why.",
		HelpDescription: `Asks nobody and changes nothing. The answer says in would whether a read now would serve the token
at hand, refresh, wait or fail, in why for what reason, and in request and its like what a refresh
would send to the token endpoint now: method, URL, headers and body in their order, header and
claims of what would be signed, each secret as [redacted]. Whoever may read this sees the client_id
and the endpoints, so it is for those who may read roles, not for workloads.`,
	}
}

func (b *backend) pathExplainRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.keyFor(ctx, req, d)
	if err != nil {
		return mount.Answer(err)
	}
	data, warnings, err := b.grants.Explain(ctx, req.Storage, key, grant.Demand{MinTTL: minTTL(d)})
	if err == nil {
		err = b.consents.Explain(ctx, req.Storage, key, data)
	}
	return answer(data, warnings, err)
}
