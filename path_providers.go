package oauthrefresh

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

func pathProviders(b *backend) []*framework.Path {
	return []*framework.Path{{
		Pattern:      "providers/?$",
		DisplayAttrs: mount.Display("providers"),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: &framework.PathOperation{Callback: b.pathProvidersList, Summary: "List the providers, built-in ones included."},
		},
		HelpSynopsis: "List the providers.",
		HelpDescription: `The names of the built-in providers and of those that were written to providers/<name>. A role
names one of them.`,
	}, pathRediscover(b), {
		Pattern:        "providers/" + mount.NamePattern,
		DisplayAttrs:   mount.Display("provider"),
		Fields:         provider.Fields(new(client.Provider)).Schema(),
		ExistenceCheck: b.providerExists,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   &framework.PathOperation{Callback: b.pathProvidersRead, Summary: "Read a provider's definition."},
			logical.CreateOperation: mount.Writing(b.pathProvidersWrite, "", "Define a provider."),
			logical.UpdateOperation: mount.Writing(b.pathProvidersWrite, "", "Change a provider of your own."),
			logical.DeleteOperation: mount.Writing(b.pathProvidersDelete, "", "Delete a provider of your own."),
		},
		HelpSynopsis: "Define how one token endpoint wants to be spoken to.",
		HelpDescription: `A provider is data and holds no secret: where a token endpoint is, how it authenticates clients, in
which format it takes a request and where things are in its answer. Write one for any OAuth 2.0
server that is not built in. A write keeps what it does not name. The built-in providers can be
read, as an example too, but neither overwritten nor deleted. A delete of one that roles name takes
place, with a warning that names them: they are not refreshed until it is written again.

What readers are handed (access_token_pointer, further extra_fields) and with how much proof a client
comes (token_endpoint_auth_method, requires_certificate) does not change for a role behind its back:
roles that were written before such a change are blocked until each is written once more, for which
no secret is needed, or the change is undone.

A write that names issuer asks the server's metadata (RFC 8414, OpenID Connect Discovery) for the
endpoints, their mtls_endpoint_aliases and token_endpoint_auth_method, and answers with what it has
filled in. A field that you write, in this write or before, stays yours; one that you write empty along
with issuer is the server's again. The metadata must name the same issuer, and endpoints must lie on its
host or in its domain, or on a host that allowed_hosts names. What was filled in stays as it is until
issuer is written again or providers/<name>/rediscover accepts a change; issuer="" makes it yours.`,
	}}
}

func (b *backend) providerExists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	p, err := provider.Get(ctx, req.Storage, d.Get("name").(string))
	return p != nil, err
}

func (b *backend) pathProvidersList(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	names, err := req.Storage.List(ctx, provider.Prefix)
	if err != nil {
		return nil, err
	}
	names = append(names, provider.Builtins()...)
	slices.Sort(names)
	return logical.ListResponse(slices.Compact(names)), nil
}

func (b *backend) pathProvidersRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	p, builtin := provider.Builtin(name)
	var found *provider.Discovery
	if !builtin {
		own, err := provider.GetCustom(ctx, req.Storage, name)
		if err != nil || own == nil {
			return nil, err
		}
		own.SetDefaults()
		p, found = &own.Provider, own.Discovery
	}
	data := provider.Data(p)
	data["builtin"] = builtin
	found.Show(data)
	return &logical.Response{Data: data}, nil
}

func (b *backend) pathProvidersWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	if _, ok := provider.Builtin(name); ok {
		return logical.ErrorResponse("this provider is built-in and can't be changed: write your own under another name"), nil
	}
	unlock, err := b.edits.Lock(ctx, provider.Prefix+name)
	if err != nil {
		return nil, errProviderBusy
	}
	defer unlock()
	old, p, resp, err := provider.EditCustom(ctx, req.Storage, name, mount.ReadInput(d))
	if err != nil {
		return mount.Answer(err)
	}
	if old != nil {
		resp = role.WarnOfPins(resp, old, p)
	}
	resp = provider.WarnOfGrace(resp, &p.Provider)
	return resp, b.saveProvider(ctx, req.Storage, name, p)
}

// saveProvider stores a definition. How long its idle grants live may have changed.
func (b *backend) saveProvider(ctx context.Context, s logical.Storage, name string, p *provider.Custom) error {
	if err := role.PinProvider(ctx, s, name); err != nil {
		return err
	}
	if err := mount.Save(ctx, s, provider.Prefix+name, p); err != nil {
		return err
	}
	b.schedule.Survey(s, name)
	return nil
}

func (b *backend) pathProvidersDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	if _, ok := provider.Builtin(name); ok {
		return logical.ErrorResponse("this provider is built-in and can't be deleted: it is part of the plugin"), nil
	}
	unlock, err := b.edits.Lock(ctx, provider.Prefix+name) // a discovery under way would store it again
	if err != nil {
		return nil, errProviderBusy
	}
	defer unlock()
	if err := role.PinProvider(ctx, req.Storage, name); err != nil {
		return nil, err
	}
	if err := req.Storage.Delete(ctx, provider.Prefix+name); err != nil {
		return nil, mount.StorageError(err)
	}
	b.schedule.Survey(req.Storage, name) // whose roles can't be refreshed, which is told
	return b.warnOfUse(ctx, req.Storage, name), nil
}

// lookForUse is how long a delete looks for roles of the provider, at a thousand and more a second. maxNamed is how
// many of them it names.
const lookForUse, maxNamed = 5 * time.Second, 5

// warnOfUse says which roles are left without their provider, nil for none. It is a warning and no refusal: a
// definition holds nothing that could not be written again, nothing is sent in the meantime, and whoever takes a mount
// apart, as Terraform does, need not know in which order. But what nobody refreshes may die of disuse.
func (b *backend) warnOfUse(ctx context.Context, s logical.Storage, gone string) *logical.Response {
	ctx, cancel := context.WithTimeout(ctx, lookForUse)
	defer cancel()
	names, _ := s.List(ctx, role.Prefix) // what can't be read can't be told of; the delete has taken place
	var users []string
	for _, name := range names {
		r, err := role.Get(ctx, s, name)
		if ctx.Err() != nil {
			break
		}
		if err == nil && r != nil && r.Provider == gone {
			users = append(users, name)
		}
	}
	if len(users) == 0 {
		return nil
	}
	count := fmt.Sprint(len(users))
	if ctx.Err() != nil {
		count = "at least " + count
	}
	named := strings.Join(users[:min(len(users), maxNamed)], ", ")
	if len(users) > maxNamed {
		named += ", ..."
	}
	resp := new(logical.Response)
	resp.AddWarning(fmt.Sprintf("roles of this provider: %s (%s). None of them is refreshed until the provider is written again or they name another: "+
		"their tokens end, and a grant that is not used may end with its refresh token", count, named))
	return resp
}

// errProviderBusy: the caller's time ran out while another write asked an issuer that is slow.
var errProviderBusy = logical.CodedError(http.StatusServiceUnavailable, "another request is at work on this provider; try again")
