package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathCreds(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "creds/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("credentials"),
		Fields: map[string]*framework.FieldSchema{
			"name":    {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"owner":   ownerField,
			"min_ttl": {Type: framework.TypeDurationSecond, Description: "The least that must be left of the token, at most nine tenths of its life; it is refreshed if need be."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: mount.Writing(b.pathCredsRead, "generate", "Get an access token."),
			// Vault Agent and the Secrets Operator send PUT when a template gives parameters.
			logical.UpdateOperation: mount.Writing(b.pathCredsRead, "generate-from-parameters", "Get an access token that lives at least as long as asked for."),
		},
		HelpSynopsis: "Get an access token of a role.",
		HelpDescription: `Answers with the access token at hand, or refreshes it first when little of its life is left. The
lease ends shortly before the token does, can't be renewed, and may be revoked without harm to
other readers of the same token. Besides access_token, token_type, scope and expires_at the answer
has generation, which counts the refreshes, token_id, a digest to find this token in logs, and the
extra fields that the provider hands on, such as instance_url. Where the token is of use only with
the role's client certificate, because it is bound to it (cnf.x5t#S256, RFC 8705) or because the
provider's API wants to see it (api_requires_certificate), client_certificate_required is true and
client_certificate_fingerprint names the certificate: the SHA-256 of its DER in hex, as roles/<name>
and identity/<name> show it.`,
	}
}

func (b *backend) pathCredsRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.ownKey(ctx, req, d)
	if err != nil {
		b.metrics.Read(grant.FromNothing)
		return mount.Answer(err)
	}
	out, err := b.grants.Serve(ctx, req.Storage, key, grant.Demand{MinTTL: minTTL(d)})
	if err != nil {
		return mount.Answer(err)
	}
	return b.lease(key, out), nil
}
