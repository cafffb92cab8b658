package provider

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Rediscover returns a definition as it is and as the issuer's metadata would have it now, which it asks for. Errors are as
// with Edit; a definition that comes from no metadata is a refusal.
func Rediscover(ctx context.Context, s logical.Storage, name string) (old, p *Custom, err error) {
	if _, ok := Builtin(name); ok {
		return nil, nil, errBuiltinData
	}
	c, err := GetConfig(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	old, err = GetCustom(ctx, s, name)
	switch {
	case err != nil:
		return nil, nil, err
	case old == nil:
		return nil, nil, errNoProvider
	case old.Issuer == "":
		return nil, nil, errNoIssuer
	}
	fields := old.follows(mount.Input{}) // of a write that names none of them
	if len(fields) == 0 {
		return nil, nil, errAllIsOwn
	}
	p = &Custom{Provider: *old.Clone()}
	if _, err := p.discover(ctx, c, fields); err != nil {
		return nil, nil, discoveryError(err)
	}
	return old, p, nil
}

// Difference answers with the fields that differ between a definition and what Rediscover would make of it, old and new,
// and with a digest of what they would be, which accepts them. It fills in the defaults of old.
func Difference(old, p *Custom) (*logical.Response, string) {
	old.SetDefaults() // of a copy that nobody stores: what is left out counts as what it means
	before, after := Data(&old.Provider), Data(&p.Provider)
	changes, all := map[string]any{}, map[string]any{}
	for _, field := range p.Discovery.Fields {
		all[field] = after[field]
		if mount.IsEmpty(before[field]) && mount.IsEmpty(after[field]) || reflect.DeepEqual(before[field], after[field]) {
			continue
		}
		changes[field] = map[string]any{"old": before[field], "new": after[field]}
	}
	now := mount.Digest(p.Issuer, all)
	resp := &logical.Response{Data: map[string]any{"changes": changes, "digest": now, "accepted": false}}
	warnOfMoves(resp, &old.Provider, &p.Provider)
	return resp, now
}

// warnOfMoves says what becomes of roles when an endpoint lies elsewhere now.
func warnOfMoves(resp *logical.Response, old, p *client.Provider) {
	if from := old.TokenEndpointAuthMethod; from != "" && from != p.TokenEndpointAuthMethod {
		resp.AddWarning("token_endpoint_auth_method: clients authenticate another way now. Roles that lack what it takes send nothing until " +
			"it is written, and roles whose client would prove less than before send nothing until they are written once more; " +
			"what they have may be sent in another way than before")
	}
	before, err := old.Endpoints(nil)
	after, err2 := p.Endpoints(nil)
	if err != nil || err2 != nil {
		return // only a role knows where it is
	}
	var moved []string
	for _, e := range []struct{ field, before, after string }{
		{"token_endpoint", before.Token, after.Token},
		{"revocation_endpoint", before.Revocation, after.Revocation},
		{"device_authorization_endpoint", before.DeviceAuthorization, after.DeviceAuthorization},
		{"pushed_authorization_request_endpoint", before.PushedAuthorization, after.PushedAuthorization},
		{"mtls_endpoint_aliases", aliasOf(before, after), aliasOf(after, before)},
	} {
		from, err := client.Origin(e.before)
		to, err2 := client.Origin(e.after)
		if err == nil && err2 == nil && from != to {
			moved = append(moved, e.field)
		}
	}
	if len(moved) > 0 {
		resp.AddWarning(fmt.Sprintf("%s: now on another host or port. Secrets stay with the one that they were written for, "+
			"so the roles of this provider send nothing there until their secrets are written again", strings.Join(moved, ", ")))
	}
	from, err := client.Origin(before.Authorization)
	to, err2 := client.Origin(after.Authorization)
	if err == nil && err2 == nil && from != to {
		resp.AddWarning("authorization_endpoint: now on another host or port, so nobody is sent there for a role until that is written once more, for which no secret is needed")
	}
}

// aliasOf is where roles with a certificate go, "" when they go where all others do, before and after.
func aliasOf(e, other client.Endpoints) string {
	if e.MutualTLS.Token == "" && other.MutualTLS.Token == "" {
		return ""
	}
	return e.WithAliases().Token
}

// Why there is nothing to rediscover.
var (
	errNoProvider  = mount.Refusal("there is no provider of this name; list the providers to see which there are")
	errNoIssuer    = mount.Refusal("this provider has no issuer to ask: write issuer to providers/<name>")
	errAllIsOwn    = mount.Refusal("every field that the metadata could fill in is your own, so there is nothing to ask for")
	errBuiltinData = mount.Refusal("this provider is built-in: its definition is part of the plugin and comes from no metadata")
)
