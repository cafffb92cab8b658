package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
)

// alert is one as Prometheus would show it at once after the scrape.
type alert struct{ name, state, severity, summary, description string }

// evaluate runs the rules of a file over series.
func evaluate(ctx context.Context, file string, over series, now time.Time) (alerts []alert, err error) {
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			query, err := engine.NewInstantQuery(ctx, over, nil, rule.Expr, now)
			if err != nil {
				return nil, err
			}
			found, err := query.Exec(ctx).Vector()
			if err != nil {
				return nil, err
			}
			for _, sample := range found {
				a, err := alertOf(ctx, rule, sample, now)
				if err != nil {
					return nil, err
				}
				alerts = append(alerts, a)
			}
		}
	}
	return alerts, nil
}

// alertOf is what a rule says of what it has found.
func alertOf(ctx context.Context, rule rulefmt.Rule, sample promql.Sample, now time.Time) (alert, error) {
	of := sample.Metric.Map()
	delete(of, model.MetricNameLabel)
	data := template.AlertTemplateData(maps.Clone(of), nil, "", sample)
	var failed error
	expand := func(text string) string {
		const defined = "{{$labels := .Labels}}{{$value := .Value}}" // as Prometheus does before each text of a rule
		out, err := template.NewTemplateExpander(ctx, defined+text, rule.Alert, data, model.TimeFromUnixNano(now.UnixNano()), nil, nil, nil).Expand()
		failed = errors.Join(failed, err)
		return strings.TrimSpace(out)
	}
	a := alert{rule.Alert, "firing", rule.Labels["severity"], expand(rule.Annotations["summary"]), expand(rule.Annotations["description"])}
	if rule.For > 0 {
		a.state = "pending, firing in " + rule.For.String()
	}
	return a, failed
}
