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
outcome of a refresh is unknown, whose last answer is not stored yet, whose owner Vault does not know any
more (orphaned), and whose entries in storage are damaged (unreadable). Owners' grants are named
<role>/<owner>. The details of each stand at status/<name>.`,
	}, {
		Pattern:      "status/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("role-status"),
		Fields: map[string]*framework.FieldSchema{
			"name":  {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"owner": ownerField,
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   mount.Writing(b.pathStatusRoleRead, "", "Read the state of one grant."),
			logical.DeleteOperation: mount.Writing(b.pathStatusDelete, "forget", "Forget the grant of an owner."),
		},
		HelpSynopsis: "The state of one grant.",
		HelpDescription: `What is known of the grant without asking the provider: state and next_step in words, the generation
and end of the current token, when and why the last refresh failed with the provider's own request
id, until when the next one waits, which client secret, certificate and key are in use, since when, and
when certificates and the refresh token end. No secret is shown.

A delete forgets the grant of an owner, on a role with grant_owner=entity; to end it at the provider
first, use revoke/<name>. The grant of a role without owners goes with the role.`,
	}}
}

func (b *backend) pathStatusRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	names, err := req.Storage.List(ctx, role.Prefix)
	if err != nil {
		return nil, err
	}
	c := &census{b: b, s: req.Storage, by: map[string][]string{}}
	for _, name := range names {
		if err := c.count(ctx, grant.Key(name)); err != nil {
			return nil, err
		}
	}
	data := map[string]any{"roles": len(names), "owners": c.owners, "ok": len(c.by[grant.StateOK]), "never_refreshed": len(c.by[grant.StateNew])}
	for word, field := range needsAttention {
		data[field] = mount.ListOf(c.by[word])
	}
	return &logical.Response{Data: data}, nil
}

// census counts how the grants of a mount stand.
type census struct {
	b      *backend
	s      logical.Storage
	by     map[string][]string // state → the grants that are in it
	owners int
}

// count counts a role's grant, or those of its owners.
func (c *census) count(ctx context.Context, key grant.Key) error {
	g, err := c.b.grants.Look(ctx, c.s, key)
	switch _, damaged := errors.AsType[mount.DamagedError](err); {
	case errors.Is(err, role.ErrNoRole): // deleted meanwhile
	case damaged:
		c.by[grant.StateUnreadable] = append(c.by[grant.StateUnreadable], string(key))
	case err != nil:
		return err
	case g.Role.PerOwner() && key.Owner() == "":
		return c.countOwners(ctx, key.Role())
	default:
		word := c.b.grants.Word(ctx, c.s, g)
		c.by[word] = append(c.by[word], string(key))
	}
	return nil
}

func (c *census) countOwners(ctx context.Context, name string) error {
	owners, err := grant.Owners(ctx, c.s, name)
	c.owners += len(owners)
	for _, owner := range owners {
		if err := c.count(ctx, grant.KeyOf(name, owner)); err != nil {
			return err
		}
	}
	return err
}

// needsAttention are the states of grants that the status of the mount names, with the fields that do.
var needsAttention = map[string]string{
	grant.StateUnauthorized: "unauthorized",
	grant.StateDead:         "reauthorization_required",
	grant.StateBlocked:      "blocked",
	grant.StateFailing:      "failing",
	grant.StateUnknown:      "outcome_unknown",
	grant.StateUnpersisted:  "unpersisted",
	grant.StateOrphaned:     "orphaned",
	grant.StateUnreadable:   "unreadable",
}

func (b *backend) pathStatusRoleRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.keyFor(ctx, req, d)
	if errors.Is(err, role.ErrNoRole) {
		return nil, nil // not found, as Vault answers it
	}
	if err != nil {
		return mount.Answer(err)
	}
	data, warnings, err := b.grants.Status(ctx, req.Storage, key)
	if errors.Is(err, role.ErrNoRole) {
		return nil, nil
	}
	if err == nil {
		err = b.consents.Describe(ctx, req.Storage, key, data)
	}
	return answer(data, warnings, err)
}
