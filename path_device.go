package oauthrefresh

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathDevice(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "device/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("device-consent"),
		Fields: map[string]*framework.FieldSchema{
			"name":  {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"owner": ownerField,
			"scope": {Type: framework.TypeString, Description: "The scope to ask for this time; default is the role's, with the provider's offline_scope."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: mount.Writing(b.pathDeviceUpdate, "begin", "Begin a person's consent by the device flow."),
		},
		HelpSynopsis: "Bring a person's consent to a role, with a code that is typed at the provider (RFC 8628).",
		HelpDescription: `For roles with device_flow=true. Answers with verification_uri, which somebody opens on any machine,
and the user_code to type there. This mount asks the provider what came of it; a read of
authorize/<name> says how far it is, and confirm/<name> without a field makes the grant the role's and
names the account.

Off by default: nothing in this flow tells whether whoever agrees is whoever began, so that a link
which is sent to somebody is enough to get at what is theirs. Where a browser is at hand, on this or
another machine, authorize/<name> is the way.`,
	}
}

func (b *backend) pathDeviceUpdate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.ownKey(ctx, req, d)
	if err != nil {
		return mount.Answer(err)
	}
	begun, err := b.consents.BeginDevice(ctx, req.Storage, key, callerOf(req), d.Get("scope").(string))
	if err != nil {
		return mount.Answer(err)
	}
	data := begun.Device.Fields()
	data["scope"], data["expires_at"] = begun.Scope, begun.ExpiresAt.UTC().Format(time.RFC3339)
	data["finish"] = b.grants.Command("-force", "confirm", key)
	if begun.CurrentAccount != "" {
		data["current_account"] = begun.CurrentAccount
	}
	return &logical.Response{Data: data, Warnings: begun.Warnings}, nil
}
