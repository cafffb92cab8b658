package oauthrefresh

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// ownProvider is an operator's definition as it is stored.
type ownProvider struct {
	client.Provider
	Discovery *discovery `json:"discovery,omitempty"` // nil when nothing was filled in
}

// getOwnProvider returns an operator's definition, nil when there is none. Defaults stay out of storage,
// so that they are those of the plugin that runs.
func getOwnProvider(ctx context.Context, s logical.Storage, name string) (*ownProvider, error) {
	p := new(ownProvider)
	ok, err := load(ctx, s, providerPrefix+name, p)
	if err != nil || !ok {
		return nil, err
	}
	return p, nil
}

// edit returns the definition with the write's fields in it, and what the writer hears. A write that
// names an issuer fills in the rest, at this moment and no other.
func (p *ownProvider) edit(ctx context.Context, in input, c *config) (*ownProvider, *logical.Response, error) {
	edited, err := editProvider(&p.Provider, in)
	if err != nil {
		return nil, nil, refuse(err)
	}
	next := &ownProvider{Provider: *edited}
	switch {
	case in.names("issuer") && next.Issuer != "":
		resp, err := next.fill(ctx, p, c, in)
		return next, resp, err
	case !in.names("issuer") && p.Discovery != nil:
		next.Discovery = &discovery{At: p.Discovery.At, Fields: slices.DeleteFunc(slices.Clone(p.Discovery.Fields), in.names)}
	}
	return next, nil, refuse(checkProvider(&next.Provider, c))
}
