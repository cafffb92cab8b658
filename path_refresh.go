package oauthrefresh

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

func pathRefresh(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "refresh/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("role"),
		Fields: map[string]*framework.FieldSchema{
			"name":          {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"owner":         ownerField,
			"retry":         {Type: framework.TypeBool, Description: "Present the stored refresh token once more though the provider has refused it: for who has lifted what made it refuse, such as an IP or login-hours restriction. A refused one that is spent stays refused."},
			"if_generation": {Type: framework.TypeInt64, Description: "Refresh only if this generation is still the current one; else the answer says which is."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: mount.Writing(b.pathRefreshUpdate, "refresh", "Refresh a role's token now."),
		},
		HelpSynopsis: "Refresh a role's token now.",
		HelpDescription: `For a token that was refused before its time, or after a change at the provider. A reader passes the
generation of the token it holds as if_generation: however many readers do so at once, one refresh
is made. The answer says whether one was made and which token is current now, not the token itself:
read that from creds/<name>. After a failure a refresh waits as long as any other. A grant that the
provider has refused is not presented again, unless with retry=true: some providers say invalid_grant
too when an address, an hour or a policy is in the way, and take the same refresh token once that is lifted.`,
	}
}

func (b *backend) pathRefreshUpdate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.keyFor(ctx, req, d)
	if err != nil {
		return mount.Answer(err)
	}
	before, err := b.grants.Look(ctx, req.Storage, key)
	if err != nil {
		return mount.Answer(err)
	}
	// Without a generation, the one at this call's start is meant: two operators who press at the
	// same time want one refresh.
	want := grant.Demand{Force: true, Replace: before.State.Generation, Again: d.Get("retry").(bool)}
	if asked, ok := d.GetOk("if_generation"); ok {
		want.Replace = asked.(int64)
	}
	after, err := b.grants.Refresh(ctx, req.Storage, before.Key, want)
	if err != nil {
		return mount.Answer(err)
	}
	return refreshed(before, after), nil
}

// refreshed says whether a refresh was made, and which token is current now.
func refreshed(before *grant.Grant, after *grant.State) *logical.Response {
	made := after.Generation > before.State.Generation
	resp := &logical.Response{Data: map[string]any{"refreshed": made, "generation": after.Generation}}
	if after.AccessToken.IsSet() {
		resp.Data["token_id"] = after.ID()
		resp.Data["expires_at"] = after.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if made && before.Role.TokenMode == role.TokenModePerLease {
		resp.AddWarning(warnNoLease)
	}
	return resp
}
