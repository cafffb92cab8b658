package oauthrefresh

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

func pathExplain(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "explain/" + mount.NamePattern,
		DisplayAttrs: mount.Display("credentials"),
		Fields: map[string]*framework.FieldSchema{
			"name":    {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"min_ttl": {Type: framework.TypeDurationSecond, Description: "As the read of creds/<name> would ask for it."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   mount.Writing(b.pathExplainRead, "explain", "Explain what a read of the credentials would do."),
			logical.UpdateOperation: mount.Writing(b.pathExplainRead, "explain-with-parameters", "Explain what a read of the credentials with parameters would do."),
		},
		HelpSynopsis: "What a read of creds/<name> would do now, and why.",
		HelpDescription: `Asks nobody and changes nothing. The answer says in would whether a read now would serve the token
at hand, refresh, wait or fail, in why for what reason, and in request and its like what a refresh
would send to the token endpoint now: method, URL, headers and body in their order, header and
claims of what would be signed, each secret as [redacted]. Whoever may read this sees the client_id
and the endpoints, so it is for those who may read roles, not for workloads.`,
	}
}

func (b *backend) pathExplainRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	l, err := b.grants.LookAgain(ctx, req.Storage, name, nil)
	if err != nil {
		return nil, err
	}
	if l.Role == nil {
		return mount.Answer(role.ErrNoRole)
	}
	e, err := b.grants.Explain(ctx, req.Storage, name, l, grant.Demand{MinTTL: time.Duration(d.Get("min_ttl").(int)) * time.Second})
	if err != nil {
		return nil, err
	}
	data := map[string]any{"would": e.Would, "why": e.Why, "state": b.grants.State(name, l.Role, l.Token, grant.Obstacle(ctx, req.Storage, l.Role, l.Token))}
	if e.Target != nil {
		grant.ShowRequest(e.Target, l.Token, data)
	} else {
		data["request"] = "none: " + e.Obstacle.Error()
	}
	if from := l.Role.Next.From; clock.Now().Before(from) {
		data["next_from"] = from.Format(time.RFC3339)
	}
	return &logical.Response{Data: data, Warnings: l.Role.Warnings()}, nil
}
