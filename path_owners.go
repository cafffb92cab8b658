package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathOwners(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "status/" + mount.OwnersPattern,
		DisplayAttrs: mount.Display("owners"),
		Fields: map[string]*framework.FieldSchema{
			"name":  {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"after": {Type: framework.TypeString, Description: "List the owners behind this one, which is the last of the page before.", Query: true},
			"limit": {Type: framework.TypeInt64, Description: "How many to list, 1 to 1000; default is 1000.", Query: true},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: mount.Writing(b.pathStatusOwners, "", "List the owners of a role's grants."),
		},
		HelpSynopsis: "Who has a grant of a role with grant_owner=entity.",
		HelpDescription: `The owners, and of each (vault list -detailed) the state of the grant and the account at the provider.
orphaned is one whose entity Vault does not know any more: it was deleted, or merged into another. Its
grant rests, and stays until revoke/<name>/<owner> and a delete of status/<name>/<owner>. A list over
HTTP takes after and limit as parameters.`,
	}
}

// maxPage is how many entries a page has at most, and maxOwners how many owners a list looks into.
const maxPage, maxOwners = 1000, 1000

// pathStatusOwners lists the owners of a role's grants, a page of them with what is known of each.
func (b *backend) pathStatusOwners(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	limit, err := pageSize(d, maxOwners)
	if err != nil {
		return mount.Answer(err)
	}
	name := d.Get("name").(string)
	owners, err := grant.Owners(ctx, req.Storage, name)
	if err != nil {
		return mount.Answer(err)
	}
	owners = index.PageOf(owners, d.Get("after").(string), limit)
	info := map[string]any{}
	for _, owner := range owners {
		info[owner] = b.ownerInfo(ctx, req.Storage, grant.KeyOf(name, owner))
	}
	return logical.ListResponseWithInfo(owners, info), nil
}

// pageSize is how many entries a list is to have, standard where nobody says.
func pageSize(d *framework.FieldData, standard int) (int, error) {
	raw, asked := d.GetOk("limit")
	if !asked {
		return standard, nil
	}
	if n := raw.(int64); n >= 1 && n <= maxPage {
		return int(n), nil
	}
	return 0, mount.Refusal("limit must be a whole number from 1 to 1000")
}

// ownerInfo is what a list says of an owner's grant.
func (b *backend) ownerInfo(ctx context.Context, s logical.Storage, key grant.Key) map[string]any {
	g, err := b.grants.Look(ctx, s, key)
	if err != nil {
		return map[string]any{"state": grant.StateUnreadable}
	}
	info := map[string]any{"state": b.grants.Word(ctx, s, g)}
	if standing, err := b.grants.OwnerStanding(key); err == nil && standing == grant.OwnerDisabled {
		info["owner_standing"] = standing
	}
	if g.State.Account != "" {
		info["account"] = g.State.Account
	}
	return info
}

// pathStatusDelete forgets the grant of an owner here; revoke/<name> ends it at the provider.
func (b *backend) pathStatusDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.keyFor(ctx, req, d)
	if err != nil {
		return mount.Answer(err)
	}
	if key.Owner() == "" {
		return mount.Answer(mount.Refusal("this role has one grant, which goes with the role: delete roles/" + key.Role() + ", or end it with revoke/" + key.Role()))
	}
	if err := b.grants.ForgetOwner(ctx, req.Storage, key); err != nil {
		return mount.Answer(err)
	}
	b.consents.Forget(ctx, req.Storage, key)
	return nil, nil
}
