package oauthrefresh

import (
	"context"
	"errors"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func pathStatus(b *backend) []*framework.Path {
	return []*framework.Path{{
		Pattern:      "status/?$",
		DisplayAttrs: display("status"),
		Operations: map[logical.Operation]framework.OperationHandler{
			// What is under way and what is held is known to the node that refreshes.
			logical.ReadOperation: writing(b.pathStatusRead, "", "Read which grants need attention."),
		},
		HelpSynopsis: "Which grants of this mount need attention.",
		HelpDescription: `Counts the roles and names those whose grant is dead (reauthorization_required), whose last refresh
failed, for which no refresh can be tried before somebody writes something (blocked), where the
outcome of a refresh is unknown, whose last answer is not stored yet, and whose entries in storage are
damaged (unreadable). The details of each stand at status/<name>.`,
	}, {
		Pattern:      "status/" + namePattern,
		DisplayAttrs: display("role-status"),
		Fields: map[string]*framework.FieldSchema{
			"name": {Type: framework.TypeString, Description: "Name of the role, from the path."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: writing(b.pathStatusRoleRead, "", "Read the state of one grant."),
		},
		HelpSynopsis: "The state of one grant.",
		HelpDescription: `What is known of the grant without asking the provider: state and next_step in words, the generation
and end of the current token, when and why the last refresh failed with the provider's own request
id, until when the next one waits, which client secret, certificate and key are in use, since when, and
when certificates and the refresh token end. No secret is shown.`,
	}}
}

func (b *backend) pathStatusRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	names, err := req.Storage.List(ctx, rolePrefix)
	if err != nil {
		return nil, err
	}
	by := map[string][]string{}
	for _, name := range names {
		r, _, tok, err := b.grants.lookUp(ctx, req.Storage, name)
		if _, damaged := errors.AsType[damagedError](err); damaged {
			by[stateUnreadable] = append(by[stateUnreadable], name)
			continue
		}
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue // deleted meanwhile
		}
		state := b.grants.state(name, r, tok, obstacle(ctx, req.Storage, r, tok))
		by[state] = append(by[state], name)
	}
	return &logical.Response{Data: map[string]any{
		"roles":                    len(names),
		"ok":                       len(by[stateOK]),
		"never_refreshed":          len(by[stateNew]),
		"reauthorization_required": listOf(by[stateDead]),
		"blocked":                  listOf(by[stateBlocked]),
		"failing":                  listOf(by[stateFailing]),
		"outcome_unknown":          listOf(by[stateUnknown]),
		"unpersisted":              listOf(by[stateUnpersisted]),
		"unreadable":               listOf(by[stateUnreadable]),
	}}, nil
}

func (b *backend) pathStatusRoleRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	r, p, tok, err := b.grants.lookUp(ctx, req.Storage, name)
	if err != nil || r == nil {
		return nil, err
	}
	now := clock.Now()
	unknown := b.grants.outcomeUnknown(name, tok)
	hindered := obstacle(ctx, req.Storage, r, tok)
	data := map[string]any{
		"provider":                 r.Provider,
		"grant_type":               r.GrantType,
		"state":                    b.grants.state(name, r, tok, hindered),
		"generation":               tok.Generation,
		"outcome_unknown":          unknown,
		"unpersisted":              b.grants.held.get(name) != nil,
		"reauthorization_required": tok.dead(r),
	}
	if r.PreviousClientSecret.IsSet() {
		data["previous_client_secret_in_use"] = r.live(partSecret, tok.worked) == slotPrevious
	}
	if g := b.grants.gapOf(r, tok); g != nil && !tok.dead(r) {
		data["snapshot_suspected"] = g.sentence()
	}
	tok.describe(data)
	if unknown {
		data["outcome_unknown_since"] = tok.Intent.since().UTC().Format(time.RFC3339)
	}
	var until time.Time
	if p != nil {
		until = timingOf(r, p, tok, now).may
	}
	tok.Fault.describe(until, now, data)
	if step := b.grants.nextStep(name, r, p, tok, hindered); step != "" {
		data["next_step"] = step
	}
	r.describeLive(tok.worked, data)
	return &logical.Response{Data: data, Warnings: r.warnings()}, nil
}
