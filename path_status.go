package oauthrefresh

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
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
		HelpDescription: `Counts the roles and names those whose grant is dead (reauthorization_required), whose last refresh
failed, for which no refresh can be tried before somebody writes something (blocked), where the
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
		r, _, tok, err := b.grants.LookUp(ctx, req.Storage, name)
		if _, damaged := errors.AsType[mount.DamagedError](err); damaged {
			by[grant.StateUnreadable] = append(by[grant.StateUnreadable], name)
			continue
		}
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue // deleted meanwhile
		}
		state := b.grants.State(name, r, tok, grant.Obstacle(ctx, req.Storage, r, tok))
		by[state] = append(by[state], name)
	}
	return &logical.Response{Data: map[string]any{
		"roles":                    len(names),
		"ok":                       len(by[grant.StateOK]),
		"never_refreshed":          len(by[grant.StateNew]),
		"reauthorization_required": mount.ListOf(by[grant.StateDead]),
		"blocked":                  mount.ListOf(by[grant.StateBlocked]),
		"failing":                  mount.ListOf(by[grant.StateFailing]),
		"outcome_unknown":          mount.ListOf(by[grant.StateUnknown]),
		"unpersisted":              mount.ListOf(by[grant.StateUnpersisted]),
		"unreadable":               mount.ListOf(by[grant.StateUnreadable]),
	}}, nil
}

func (b *backend) pathStatusRoleRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	r, p, tok, err := b.grants.LookUp(ctx, req.Storage, name)
	if err != nil || r == nil {
		return nil, err
	}
	now := clock.Now()
	unknown := b.grants.OutcomeUnknown(name, tok)
	hindered := grant.Obstacle(ctx, req.Storage, r, tok)
	data := map[string]any{
		"provider":                 r.Provider,
		"grant_type":               r.GrantType,
		"state":                    b.grants.State(name, r, tok, hindered),
		"generation":               tok.Generation,
		"outcome_unknown":          unknown,
		"unpersisted":              b.grants.Held.Get(name) != nil,
		"reauthorization_required": tok.Dead(r),
	}
	if r.PreviousClientSecret.IsSet() {
		data["previous_client_secret_in_use"] = r.Live(role.PartSecret, tok.Worked) == role.SlotPrevious
	}
	if g := b.grants.GapOf(r, tok); g != nil && !tok.Dead(r) {
		data["snapshot_suspected"] = g.Sentence()
	}
	tok.Describe(data)
	if unknown {
		data["outcome_unknown_since"] = tok.Intent.Since().UTC().Format(time.RFC3339)
	}
	var until time.Time
	if p != nil {
		until = grant.TimingOf(r, p, tok, now).May
	}
	tok.Fault.Describe(until, now, data)
	if step := b.grants.NextStep(name, r, p, tok, hindered); step != "" {
		data["next_step"] = step
	}
	r.DescribeLive(tok.Worked, data)
	return &logical.Response{Data: data, Warnings: r.Warnings()}, nil
}
