package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// rows are the dashboard from top to bottom: what needs somebody first, what explains it below. In an expression, * stands
// for the labels that choose the mounts.
func rows() []row {
	type panels = []cog.Builder[dashboard.Panel]
	return []row{
		{"Does anybody have to act?", panels{
			number("Dead", `sum(oauthrefresh_grants{*,state="dead"})`, "Somebody has to agree anew.").Span(4),
			number("Blocked or unreadable", `sum(oauthrefresh_grants{*,state=~"blocked|unreadable"})`, "Nothing is tried before somebody writes something.").Span(4),
			number("Die within the horizon", `sum(oauthrefresh_grants_dying{*})`, "If nobody acts.").Span(4),
			number("Back off after a failure", `sum(oauthrefresh_grants_backing_off{*})`, "Their next refresh waits.").Span(4),
			number("In memory only", `sum(oauthrefresh_answers_held{*})`, "Answers that storage has refused. Restart nothing before it takes them.").Span(4),
			number("Revocations pending", `sum(oauthrefresh_revocations_pending{*})`, "Tokens that may still be good and should not be.").Span(4),
		}},
		{"Health", panels{
			graph("Grants by state", "short", query(`sum by (state) (oauthrefresh_grants{*}) > 0`, "{{state}}")).
				Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)).FillOpacity(30).Span(12),
			list("Grants that need attention, at most 50", `oauthrefresh_grant_unwell{*}`, "short", "Value").Span(12),
		}},
		{"Soon to die", panels{
			graph("Grants that die within the horizon", "short", query(`sum by (provider) (oauthrefresh_grants_dying{*})`, "{{provider}}")).Span(12),
			list("The soonest, at most 50", `sort(oauthrefresh_grant_dies_in_seconds{*})`, "s", "").Span(12),
		}},
		{"Refreshes", panels{
			graph("Refreshes by outcome", "cpm", query(`60 * sum by (outcome) (rate(oauthrefresh_refreshes_total{*}[$__rate_interval]))`, "{{outcome}}")).Span(8),
			graph("Successful refreshes by provider", "cpm", query(`60 * sum by (provider) (rate(oauthrefresh_refreshes_total{*,outcome="success"}[$__rate_interval]))`, "{{provider}}")).Span(8),
			graph("Failures by provider", "cpm", query(`60 * sum by (provider, outcome) (rate(oauthrefresh_refreshes_total{*,outcome!="success"}[$__rate_interval]))`, "{{provider}}, {{outcome}}")).Span(8),
			graph("Duration, half of the refreshes", "s", quantile("0.5")).Span(8),
			graph("Duration, 95 of a hundred", "s", quantile("0.95")).Span(8),
			graph("Grants that back off", "short", query(`sum by (provider) (oauthrefresh_grants_backing_off{*})`, "{{provider}}")).Span(8),
		}},
		{"Reads", panels{
			graph("Reads by what answered them", "reqps", query(`sum by (source) (rate(oauthrefresh_reads_total{*}[$__rate_interval]))`, "{{source}}")).Span(8),
			graph("Reads that get no token", "percentunit", query(`sum by (mount) (rate(oauthrefresh_reads_total{*,source="failed"}[$__rate_interval])) / sum by (mount) (rate(oauthrefresh_reads_total{*}[$__rate_interval]))`, "{{mount}}")).Span(8),
			graph("Leases", "reqps", query(`sum by (mount) (rate(oauthrefresh_leases_total{*}[$__rate_interval]))`, "{{mount}}")).Span(8),
		}},
		{"Storage, and the look at all roles after a start", panels{
			graph("Held in memory, revocations pending", "short",
				query(`sum by (mount) (oauthrefresh_answers_held{*})`, "held, {{mount}}"),
				query(`sum by (mount) (oauthrefresh_revocations_pending{*})`, "pending, {{mount}}")).Span(8),
			graph("Roles looked at since the start", "short",
				query(`sum by (mount) (oauthrefresh_survey_roles_seen{*})`, "seen, {{mount}}"),
				query(`sum by (mount) (oauthrefresh_survey_roles{*})`, "of, {{mount}}"),
				query(`min by (mount) (oauthrefresh_survey_complete{*})`, "complete, {{mount}}")).Span(8),
			graph("Age of the plugin's process", "s",
				query(`time() - max by (mount) (oauthrefresh_start_time_seconds{*})`, "{{mount}}")).Span(4),
			list("Versions", `max by (mount, version, goversion) (oauthrefresh_build_info{*})`, "short", "Value").Span(4),
		}},
	}
}

// query asks for series over time.
func query(expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().
		Expr(strings.ReplaceAll(expr, "{*", `{job="oauthrefresh",mount=~"$mount"`)).
		Datasource(datasource()).
		LegendFormat(legend)
}

func quantile(of string) *prometheus.DataqueryBuilder {
	return query(`histogram_quantile(`+of+`, sum by (provider, le) (rate(oauthrefresh_refresh_duration_seconds_bucket{*}[$__rate_interval])))`, "{{provider}}")
}

// graph shows series over time.
func graph(title, unit string, queries ...*prometheus.DataqueryBuilder) *timeseries.PanelBuilder {
	panel := timeseries.NewPanelBuilder().Title(title).Unit(unit).Datasource(datasource()).Height(8).Min(0).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	for i, q := range queries {
		panel.WithTarget(q.RefId(string(rune('A' + i))))
	}
	return panel
}

// number shows a count that is green at 0 and red above.
func number(title, expr, description string) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Title(title).Description(description).Datasource(datasource()).Height(4).
		GraphMode(common.BigValueGraphModeArea).ColorMode(common.BigValueColorModeBackground).
		Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps([]dashboard.Threshold{
			{Color: "green"}, {Color: "red", Value: new(1.0)},
		})).
		WithTarget(query(expr, "").RefId("A"))
}

// list shows the series of now as a table of their labels, without those that are the same everywhere and without a
// column of the given name, "" for none.
func list(title, expr, unit, without string) *table.PanelBuilder {
	hidden := map[string]bool{"Time": true, "__name__": true, "job": true, "instance": true}
	if without != "" {
		hidden[without] = true
	}
	return table.NewPanelBuilder().Title(title).Datasource(datasource()).Height(8).Unit(unit).
		Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{})). // which the schema requires
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": hidden, "renameByName": map[string]string{"Value": "dies in"},
		}}).
		WithTarget(query(expr, "").RefId("A").Instant().Format(prometheus.PromQueryFormatTable))
}
