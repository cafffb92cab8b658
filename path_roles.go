package oauthrefresh

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

func pathRoles(b *backend) []*framework.Path {
	return []*framework.Path{{
		Pattern:      "roles/?$",
		DisplayAttrs: mount.Display("roles"),
		Fields: filterFields(map[string]*framework.FieldSchema{
			"after": {Type: framework.TypeString, Description: "List the roles behind this one, which is the last of the page before.", Query: true},
			"limit": {Type: framework.TypeInt64, Description: "How many to list, 1 to 1000; default is all.", Query: true},
		}),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: mount.Writing(b.pathRolesList, "", "List the roles, each with its provider and state."),
		},
		HelpSynopsis: "List the roles.",
		HelpDescription: `The names of the roles of this mount, one for each grant, and of each (vault list -detailed) the provider,
the state of the grant (ok, unauthorized, new, failing, unknown, unpersisted, blocked or dead), its
labels and when it will die. What a state means and what to do stands at status/<name>. A list over
HTTP takes after, limit, state, provider and label as parameters; the CLI's list takes none, and
vault read status does.`,
	}, {
		Pattern:        "roles/" + mount.NamePattern,
		DisplayAttrs:   mount.Display("role"),
		Fields:         role.Fields().Schema(),
		ExistenceCheck: b.roleExists,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   &framework.PathOperation{Callback: b.pathRolesRead, Summary: "Read a role, without its secrets."},
			logical.CreateOperation: mount.Writing(b.pathRolesWrite, "", "Write a role."),
			logical.UpdateOperation: mount.Writing(b.pathRolesWrite, "", "Change a role."),
			logical.PatchOperation:  mount.Writing(b.pathRolesWrite, "", "Change fields of a role that exists."),
			logical.DeleteOperation: mount.Writing(b.pathRolesDelete, "", "Delete a role and its tokens."),
		},
		HelpSynopsis: "Keep one grant: its credentials and how its tokens are handed out.",
		HelpDescription: `A role is one grant at one provider: what the client proves with who it is (client_secret, a
certificate for mutual TLS, a key that signs assertions) and the refresh token, or the grant_type
that does without. Readers of creds/<name> get access tokens of it and never see the rest; a read of
the role shows which secrets are set.

A write keeps what it does not name, replaces maps as a whole, and an empty value clears a field.
Writing a new refresh_token starts a new grant. What is to follow a secret, certificate or key that
will end is written beside it, under next_: it is used when the provider refuses the client, not
before, and takes the place of the old one once it has worked. verify=true refreshes at once, for
good, and reports what came of it; rehearse/<name> and explain/<name> check without a refresh.

Secrets stay with the host they were written for: when the token endpoint moves to another one, they
must be written again. A delete forgets the grant here; to end it at the provider first, use
revoke/<name>, and with token_mode=per_lease revoke the role's leases first (vault lease revoke
-prefix): without the role nobody can end their tokens at the provider.`,
	}}
}

func (b *backend) roleExists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	r, err := role.Get(ctx, req.Storage, d.Get("name").(string))
	return r != nil, err
}

func (b *backend) pathRolesList(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	filter, err := filterOf(d)
	if err != nil {
		return mount.Answer(err)
	}
	limit, err := pageSize(d, math.MaxInt)
	if err != nil {
		return mount.Answer(err)
	}
	names, err := req.Storage.List(ctx, role.Prefix)
	if err != nil {
		return nil, err
	}
	progress, err := b.schedule.Known(ctx, req.Storage)
	if err != nil {
		return mount.Answer(err)
	}
	page, info := b.schedule.Index.Page(names, d.Get("after").(string), limit, *filter)
	resp := listOf(page, detailed(info), len(names))
	if !progress.Full {
		resp.AddWarning(fmt.Sprintf(countedFurther, progress.Roles, progress.Of))
	}
	return resp, nil
}

// listOf is a page of so many roles. Vault makes a 404 of one without names, which is for a mount without roles.
func listOf(page []string, info map[string]any, of int) *logical.Response {
	if len(page) == 0 && of > 0 {
		return &logical.Response{Warnings: []string{"no role is as state, provider and label ask for, or none behind after: begin again without after, or leave some of them out"}}
	}
	return logical.ListResponseWithInfo(page, info)
}

// detailed is what a list says of roles.
func detailed(known map[string]grant.Summary) map[string]any {
	info := make(map[string]any, len(known))
	for name, sum := range known {
		info[name] = entryOf(sum)
	}
	return info
}

func (b *backend) pathRolesRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	r, err := role.Get(ctx, req.Storage, d.Get("name").(string))
	if err != nil || r == nil {
		return nil, err
	}
	resp := r.Response()
	for _, w := range b.grants.Warnings(ctx, req.Storage, keyOf(d)) {
		resp.AddWarning(w)
	}
	return resp, nil
}

func (b *backend) pathRolesWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key := keyOf(d)
	warnings, err := b.grants.Write(ctx, req.Storage, key, mount.ReadInput(d), req.Operation == logical.PatchOperation)
	if err != nil {
		return mount.Answer(err)
	}
	var resp *logical.Response
	if len(warnings) > 0 {
		resp = &logical.Response{Warnings: warnings}
	}
	verify := d.Get("verify").(bool)
	if note, owned := b.grants.NoGrantYet(ctx, req.Storage, key); note != "" { // and nothing to verify
		if owned && req.Operation != logical.CreateOperation && !verify {
			return resp, nil // it has none ever
		}
		return &logical.Response{Warnings: append(warnings, note)}, nil
	}
	if !verify {
		return resp, nil
	}
	return b.verify(ctx, req.Storage, key, resp)
}

// pathRolesDelete forgets a grant here; revoke/<name> ends it at the provider.
func (b *backend) pathRolesDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := b.grants.Delete(ctx, req.Storage, keyOf(d)); err != nil {
		return nil, err
	}
	b.consents.Forget(ctx, req.Storage, keyOf(d))
	return nil, nil
}

// verify refreshes a role that was just written, and reports what came of it. It is no trial: the refresh
// token may be spent by it and its successor is stored, so the role must have been stored before. A failure
// is told in an answer and not as an error, since the write has taken place.
func (b *backend) verify(ctx context.Context, s logical.Storage, key grant.Key, resp *logical.Response) (*logical.Response, error) {
	if resp == nil {
		resp = new(logical.Response)
	}
	// Always: a refresh that was under way was made with the role as it was.
	st, err := b.grants.Refresh(ctx, s, key, grant.Demand{Force: true, Always: true})
	if errors.Is(err, logical.ErrReadOnly) {
		return nil, err // Vault forwards the write, which changes nothing a second time
	}
	resp.Data = map[string]any{"verified": err == nil}
	if err != nil {
		resp.Data["failure"] = err.Error()
		resp.AddWarning(fmt.Sprintf("the role is stored, but its refresh has failed: %v; see status/%s", err, key))
		return resp, nil
	}
	resp.Data["generation"] = st.Generation
	resp.Data["token_id"] = st.ID()
	resp.Data["token_type"] = st.TokenType
	resp.Data["scope"] = st.Scope
	resp.Data["expires_at"] = st.ExpiresAt.UTC().Format(time.RFC3339)
	b.warnOfRefresh(ctx, s, key, resp)
	return resp, nil
}

// warnOfRefresh adds what to warn of after a refresh that nobody reads.
func (b *backend) warnOfRefresh(ctx context.Context, s logical.Storage, key grant.Key, resp *logical.Response) {
	if r, err := role.Get(ctx, s, key.Role()); err == nil && r != nil && r.TokenMode == role.TokenModePerLease {
		resp.AddWarning(warnNoLease)
	}
	if b.grants.Unpersisted(key) {
		resp.AddWarning(grant.ErrHeld.Error())
	}
}
