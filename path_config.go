package oauthrefresh

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

func pathConfig(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "config/?$",
		DisplayAttrs: mount.Display("configuration"),
		Fields:       new(provider.Config).Fields().Schema(),
		ExistenceCheck: func(ctx context.Context, req *logical.Request, _ *framework.FieldData) (bool, error) {
			return mount.Load(ctx, req.Storage, provider.ConfigKey, new(provider.Config))
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   &framework.PathOperation{Callback: b.pathConfigRead, Summary: "Read the mount's configuration."},
			logical.CreateOperation: mount.Writing(b.pathConfigWrite, "", "Configure the mount."),
			logical.UpdateOperation: mount.Writing(b.pathConfigWrite, "", "Configure the mount."),
			logical.DeleteOperation: mount.Writing(b.pathConfigDelete, "", "Return to the default configuration."),
		},
		HelpSynopsis: "Configure what holds for every role of this mount.",
		HelpDescription: `The time that an exchange with a provider may take, the authorities to trust, and the hosts that
requests may go to. A write keeps what it does not name; a delete returns to the defaults. Every
field is checked again on each request, so a change holds from the next exchange on.`,
	}
}

func (b *backend) pathConfigRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	c, err := provider.GetConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	data := map[string]any{}
	c.Fields().Show(data)
	return &logical.Response{Warnings: provider.AuthorityWarnings(c.CACertificate), Data: data}, nil
}

func (b *backend) pathConfigWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	unlock, err := b.edits.Lock(ctx, provider.ConfigKey)
	if err != nil {
		return nil, grant.ErrBusy
	}
	defer unlock()
	c, err := provider.EditConfig(ctx, req.Storage, mount.ReadInput(d))
	if err != nil {
		return mount.Answer(err)
	}
	b.schedule.Survey(req.Storage, schedule.AnyProvider) // a failure of another configuration holds nobody back
	if warnings := provider.AuthorityWarnings(c.CACertificate); len(warnings) > 0 {
		return &logical.Response{Warnings: warnings}, nil
	}
	return nil, nil
}

func (b *backend) pathConfigDelete(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	unlock, err := b.edits.Lock(ctx, provider.ConfigKey) // a write under way would store what it has read
	if err != nil {
		return nil, grant.ErrBusy
	}
	defer unlock()
	err = mount.StorageError(req.Storage.Delete(ctx, provider.ConfigKey))
	b.schedule.Survey(req.Storage, schedule.AnyProvider)
	return nil, err
}
