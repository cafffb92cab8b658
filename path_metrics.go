package oauthrefresh

import (
	"context"
	"net/http"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/metrics"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathMetrics(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "metrics",
		DisplayAttrs: mount.Display("metrics"),
		Fields: map[string]*framework.FieldSchema{
			"format":  {Type: framework.TypeString, Default: formatPrometheus, Description: "prometheus (default) or openmetrics.", Query: true},
			"horizon": horizonField,
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: mount.Writing(b.pathMetricsRead, "", "Read the metrics of this mount, as Prometheus scrapes them."),
		},
		HelpSynopsis: "Metrics of this mount for Prometheus.",
		HelpDescription: `Text in Prometheus' format, or in that of OpenMetrics with format=openmetrics: grants by provider and
state, refreshes by outcome, what answered reads, what storage refuses, and which grants need attention
or die soon, at most 50 of each by name. So whoever may read this sees names of roles and owners. It is
answered by the node that refreshes. Counters begin anew with the plugin's process. The answer is no
JSON: scrape it, or read it with curl.`,
	}
}

// The values of format.
const formatPrometheus, formatOpenMetrics = "prometheus", "openmetrics"

func (b *backend) pathMetricsRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	format := d.Get("format").(string)
	if format != formatPrometheus && format != formatOpenMetrics {
		return mount.Answer(mount.Refusal("format must be prometheus or openmetrics"))
	}
	horizon, err := horizonOf(d)
	if err != nil {
		return mount.Answer(err)
	}
	now := metrics.Now{At: clock.Now(), Horizon: horizon, Held: b.grants.HeldAnswers()}
	if now.Progress, err = b.schedule.Known(ctx, req.Storage); err != nil {
		return mount.Answer(err)
	}
	if now.Pending, err = b.grants.PendingRevocations(ctx, req.Storage); err != nil {
		return mount.Answer(err)
	}
	now.Report = b.schedule.Index.Report(index.Filter{Now: now.At, Horizon: horizon})
	text, contentType, err := b.metrics.Scrape(now, format == formatOpenMetrics)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{logical.HTTPStatusCode: http.StatusOK, logical.HTTPContentType: contentType, logical.HTTPRawBody: text}}, nil
}
