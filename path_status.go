package oauthrefresh

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

func pathStatus(b *backend) []*framework.Path {
	return []*framework.Path{{
		Pattern:      "status/?$",
		DisplayAttrs: mount.Display("status"),
		Operations: map[logical.Operation]framework.OperationHandler{
			// What is under way and what is held is known to the node that refreshes.
			logical.ReadOperation: mount.Writing(b.pathStatusRead, "", "Read which grants need attention."),
		},
		HelpSynopsis: "Which grants of this mount need attention.",
		HelpDescription: `Counts the roles and names those to whose grant nobody has agreed yet (unauthorized), whose grant is dead
(reauthorization_required), whose last refresh failed, for which no refresh can be tried before somebody writes something (blocked), where the
outcome of a refresh is unknown, whose last answer is not stored yet, and whose entries in storage are
damaged (unreadable). The details of each stand at status/<name>.`,
	}, {
		Pattern:      "status/" + mount.NamePattern,
		DisplayAttrs: mount.Display("role-status"),
		Fields: map[string]*framework.FieldSchema{
			"name": {Type: framework.TypeString, Description: "Name of the role, from the path."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: mount.Writing(b.pathStatusRoleRead, "", "Read the state of one grant."),
		},
		HelpSynopsis: "The state of one grant.",
		HelpDescription: `What is known of the grant without asking the provider: state and next_step in words, the generation
and end of the current token, when and why the last refresh failed with the provider's own request
id, until when the next one waits, which client secret, certificate and key are in use, since when, and
when certificates and the refresh token end. No secret is shown.`,
	}}
}

func (b *backend) pathStatusRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	names, err := req.Storage.List(ctx, role.Prefix)
	if err != nil {
		return nil, err
	}
	by := map[string][]string{}
	for _, name := range names {
		g, err := b.grants.Look(ctx, req.Storage, grant.Key(name))
		switch _, damaged := errors.AsType[mount.DamagedError](err); {
		case errors.Is(err, role.ErrNoRole): // deleted meanwhile
		case damaged:
			by[grant.StateUnreadable] = append(by[grant.StateUnreadable], name)
		case err != nil:
			return nil, err
		default:
			word := b.grants.Word(ctx, req.Storage, g)
			by[word] = append(by[word], name)
		}
	}
	data := map[string]any{"roles": len(names), "ok": len(by[grant.StateOK]), "never_refreshed": len(by[grant.StateNew])}
	for word, field := range needsAttention {
		data[field] = mount.ListOf(by[word])
	}
	return &logical.Response{Data: data}, nil
}

// needsAttention are the states of grants that the status of the mount names, with the fields that do.
var needsAttention = map[string]string{
	grant.StateUnauthorized: "unauthorized",
	grant.StateDead:         "reauthorization_required",
	grant.StateBlocked:      "blocked",
	grant.StateFailing:      "failing",
	grant.StateUnknown:      "outcome_unknown",
	grant.StateUnpersisted:  "unpersisted",
	grant.StateUnreadable:   "unreadable",
}

func (b *backend) pathStatusRoleRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	data, warnings, err := b.grants.Status(ctx, req.Storage, keyOf(d))
	if errors.Is(err, role.ErrNoRole) {
		return nil, nil // not found, as Vault answers it
	}
	if err == nil {
		err = b.consents.Describe(ctx, req.Storage, keyOf(d), data)
	}
	return answer(data, warnings, err)
}
