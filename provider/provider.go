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

// Custom is an operator's definition as it is stored: defaults are left out, so that they are those of the plugin that
// runs. See client.Provider.SetDefaults.
type Custom struct {
	client.Provider
	Discovery *Discovery `json:"discovery,omitempty"` // nil when nothing was filled in
}

// GetCustom returns an operator's definition by name, nil when there is none.
func GetCustom(ctx context.Context, s logical.Storage, name string) (*Custom, error) {
	p := new(Custom)
	ok, err := mount.Load(ctx, s, Prefix+name, p)
	if err != nil || !ok {
		return nil, err
	}
	return p, nil
}

// EditCustom returns a definition as it is stored, nil for a new one, the same with a write's fields in it, which is to be
// stored, and what the writer hears, nil for nothing. The error is as of Edit, or storage's. The caller holds the lock of
// edits of the definition.
func EditCustom(ctx context.Context, s logical.Storage, name string, in mount.Input) (old, next *Custom, resp *logical.Response, err error) {
	c, err := GetConfig(ctx, s)
	if err != nil {
		return nil, nil, nil, err
	}
	if old, err = GetCustom(ctx, s, name); err != nil {
		return nil, nil, nil, err
	}
	from := old
	if old == nil {
		if err := mount.CheckNewName(name); err != nil {
			return nil, nil, nil, err
		}
		// A scope that an operator sets on a role of an unknown server is meant to be sent.
		from = &Custom{Provider: client.Provider{SendScope: true}}
	}
	next, resp, err = from.Edit(ctx, in, c)
	return old, next, resp, err
}

// Edit returns a copy of the definition with the write's fields in it, and what the writer hears, nil for nothing. A write
// that names an issuer fills in the rest from its metadata (RFC 8414), at this moment and no other. The error is a
// refusal, or one with status 503 when the issuer is in trouble; nothing is stored either way.
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

// Prefix begins the storage keys of definitions: provider/<name>.
const Prefix = "provider/"

// Get returns a copy of a definition by name, a built-in one or the operator's own, with its defaults filled in; nil when
// there is none.
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
