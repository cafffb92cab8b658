package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

func pathRediscover(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "providers/" + mount.NamePattern + "/rediscover",
		DisplayAttrs: mount.Display("provider"),
		Fields: mount.Fields{
			mount.Name("provider"),
			mount.Text("accept", nil, "Take the change that was shown with this digest."),
		}.Schema(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: mount.Writing(b.pathRediscoverUpdate, "rediscover", "Compare a provider with its issuer's metadata."),
		},
		HelpSynopsis: "Show how the issuer's metadata have changed, then take the change.",
		HelpDescription: `What a write of issuer has filled in is never followed later. This asks the server again and answers
with what is different, field by field, and a digest of what the server says now. It changes
nothing. The same with accept=<digest> asks once more and takes it if it is still what was shown.
Fields that you wrote yourself stay as they are. When an endpoint has moved to another host or port,
the roles' secrets don't follow: these roles are blocked until their secrets are written again.`,
	}
}

var (
	errNotAsShown = mount.Refusal("the metadata are not those that were shown with this digest: write rediscover without accept to see what they say now, then accept that")
	errNoAccept   = mount.Refusal("accept is empty: write the digest that rediscover has shown, or leave accept out to see it")
)

func (b *backend) pathRediscoverUpdate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, in := d.Get("name").(string), mount.ReadInput(d)
	accept, _ := in.Value("accept").(string)
	if in.Names("accept") && accept == "" {
		return mount.Answer(errNoAccept)
	}
	unlock, err := b.edits.Lock(ctx, provider.Prefix+name)
	if err != nil {
		return nil, errProviderBusy
	}
	defer unlock()
	old, p, err := provider.Rediscover(ctx, req.Storage, name)
	if err != nil {
		return mount.Answer(err)
	}
	resp, now := provider.Difference(old, p)
	if accept == "" {
		return resp, nil
	}
	if accept != now {
		return mount.Answer(errNotAsShown)
	}
	resp.Data["accepted"] = true
	return resp, b.saveProvider(ctx, req.Storage, name, p)
}
