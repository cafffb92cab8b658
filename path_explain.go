package oauthrefresh

import (
	"context"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func pathExplain(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "explain/" + namePattern,
		DisplayAttrs: display("credentials"),
		Fields: map[string]*framework.FieldSchema{
			"name":    {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"min_ttl": {Type: framework.TypeDurationSecond, Description: "As the read of creds/<name> would ask for it."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   writing(b.pathExplainRead, "explain", "Explain what a read of the credentials would do."),
			logical.UpdateOperation: writing(b.pathExplainRead, "explain-with-parameters", "Explain what a read of the credentials with parameters would do."),
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
	l, err := b.grants.lookAgain(ctx, req.Storage, name, nil)
	if err != nil {
		return nil, err
	}
	if l.role == nil {
		return answerError(errNoRole)
	}
	e, err := b.grants.explain(ctx, req.Storage, name, l, demand{minTTL: time.Duration(d.Get("min_ttl").(int)) * time.Second})
	if err != nil {
		return nil, err
	}
	data := map[string]any{"would": e.would, "why": e.why, "state": b.grants.state(name, l.role, l.token, obstacle(ctx, req.Storage, l.role, l.token))}
	if e.target != nil {
		showRequest(e.target, l.token, data)
	} else {
		data["request"] = "none: " + e.obstacle.Error()
	}
	if from := l.role.Next.From; clock.Now().Before(from) {
		data["next_from"] = from.Format(time.RFC3339)
	}
	return &logical.Response{Data: data, Warnings: l.role.warnings()}, nil
}
