// Package provider holds which token endpoints there are, built-in, written by an operator or filled in from an issuer's
// metadata (RFC 8414), and the mount's configuration, which bounds exchanges with all of them.
package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Custom is an operator's definition as it is stored.
type Custom struct {
	client.Provider
	Discovery *Discovery `json:"discovery,omitempty"` // nil when nothing was filled in
}

// GetCustom returns an operator's definition, nil when there is none. Defaults stay out of storage,
// so that they are those of the plugin that runs.
func GetCustom(ctx context.Context, s logical.Storage, name string) (*Custom, error) {
	p := new(Custom)
	ok, err := mount.Load(ctx, s, Prefix+name, p)
	if err != nil || !ok {
		return nil, err
	}
	return p, nil
}

// Edit returns the definition with the write's fields in it, and what the writer hears. A write that
// names an issuer fills in the rest, at this moment and no other.
func (p *Custom) Edit(ctx context.Context, in mount.Input, c *Config) (*Custom, *logical.Response, error) {
	next := &Custom{Provider: *p.Clone()}
	Fields(&next.Provider).Read(in)
	switch {
	case in.Names("issuer") && next.Issuer != "":
		resp, err := next.fill(ctx, p, c, in)
		return next, resp, err
	case !in.Names("issuer") && p.Discovery != nil:
		next.Discovery = &Discovery{At: p.Discovery.At, Fields: slices.DeleteFunc(slices.Clone(p.Discovery.Fields), in.Names)}
	}
	return next, nil, mount.Refuse(checkProvider(&next.Provider, c))
}

const Prefix = "provider/"

// Get returns a definition by name, a built-in one or the operator's own; nil when there is
// none.
func Get(ctx context.Context, s logical.Storage, name string) (*client.Provider, error) {
	if p, ok := Builtin(name); ok {
		return p, nil
	}
	if !mount.IsName(name) {
		return nil, nil // a role may name anything, and storage refuses to look for some of it
	}
	p, err := GetCustom(ctx, s, name)
	if err != nil || p == nil {
		return nil, err
	}
	p.SetDefaults()
	return &p.Provider, nil
}
