package prometheustool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql/parser"
)

// metrics are the labels of each metric of a scrape, with the values that it has of each.
type metrics map[string]map[string][]string

// scraped is what testdata/scrape.txt has, which is the only list of the engine's metrics here, and what Prometheus adds.
func scraped(t *testing.T) metrics {
	t.Helper()
	textual := expfmt.NewTextParser(model.UTF8Validation)
	families, err := textual.TextToMetricFamilies(strings.NewReader(read(t, "testdata/scrape.txt")))
	if err != nil {
		t.Fatal(err)
	}
	known := metrics{"up": {"job": nil, "instance": nil, "mount": nil}}
	for name, family := range families {
		values := map[string][]string{"job": nil, "instance": nil, "mount": nil}
		for _, m := range family.Metric {
			for _, pair := range m.Label {
				values[pair.GetName()] = append(values[pair.GetName()], pair.GetValue())
			}
		}
		known[name] = values
		if family.Metric[0].Histogram != nil {
			delete(known, name)
			known[name+"_sum"], known[name+"_count"] = values, values
			bucket := map[string][]string{"le": nil}
			for label, of := range values {
				bucket[label] = of
			}
			known[name+"_bucket"] = bucket
		}
	}
	return known
}

// check reads an expression as Prometheus does, and looks for what the engine doesn't have; it returns the metrics.
func (known metrics) check(t *testing.T, where, text string) (used []string) {
	t.Helper()
	text = strings.NewReplacer("$__rate_interval", "5m", "$__range", "6h").Replace(text)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %s: %v", where, text, err)
		return nil
	}
	offered := []string{"job", "instance", "mount"} // the labels of all metrics of the expression
	var asked []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			if known[n.Name] == nil {
				t.Errorf("%s: there is no metric %s", where, n.Name)
			}
			used = append(used, n.Name)
			for label := range known[n.Name] {
				offered = append(offered, label)
			}
			known.checkMatchers(t, where, n)
		case *parser.AggregateExpr:
			asked = append(asked, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				asked = append(asked, n.VectorMatching.MatchingLabels...)
			}
		}
		return nil
	})
	for _, label := range asked {
		if !slices.Contains(offered, label) {
			t.Errorf("%s: no metric of it has the label %s", where, label)
		}
	}
	return used
}

// checkMatchers looks whether a label can have the values that are asked for, each alternative of a pattern too. The
// states are all in the scrape; that of a grant by name needs only to be one of those. The causes stand in the engine's
// source.
func (known metrics) checkMatchers(t *testing.T, where string, n *parser.VectorSelector) {
	t.Helper()
	for _, m := range n.LabelMatchers {
		values, ok := known[n.Name][m.Name]
		if m.Name == "state" {
			values = known["oauthrefresh_grants"]["state"]
		}
		if m.Name == "cause" {
			values = causes(t)
		}
		if m.Name != model.MetricNameLabel && !ok {
			t.Errorf("%s: %s has no label %s", where, n.Name, m.Name)
		}
		for _, value := range strings.Split(m.Value, "|") {
			if values != nil && !strings.HasPrefix(value, "$") && !slices.Contains(values, value) {
				t.Errorf("%s: %s has no %s %q", where, n.Name, m.Name, value)
			}
		}
	}
}

// causes are what a grant may die of.
func causes(t *testing.T) (all []string) {
	t.Helper()
	source, err := os.ReadFile("../../grant/forecast.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range causeDefined.FindAllSubmatch(source, -1) {
		all = append(all, string(match[1]))
	}
	if !slices.Contains(all, "client_secret_expires_at") {
		t.Fatal("grant/forecast.go has ", all)
	}
	return all
}

var (
	causeDefined = regexp.MustCompile(`(?m)^\tDies\w+ += "(\w+)"`)
	legendLabel  = regexp.MustCompile(`{{ *([a-z_]+) *}}`)
	labelsLookup = regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)
)

// Rules and dashboard ask for what the engine has, and the dashboard shows all of it.
func TestOnlyWhatTheEngineCountsIsAskedFor(t *testing.T) {
	known := scraped(t)
	for _, r := range rules(t) {
		known.check(t, r.Alert, r.Expr)
	}
	shown := map[string]bool{}
	for _, part := range dashboardParts(t) {
		if match := labelsLookup.FindStringSubmatch(part.Query); match != nil {
			if _, ok := known[match[1]][match[2]]; !ok {
				t.Errorf("there is no label %s of %s", match[2], match[1])
			}
		}
		if part.Expr == "" {
			continue
		}
		used := known.check(t, part.Expr, part.Expr)
		for _, name := range used {
			shown[name] = true
			for _, match := range legendLabel.FindAllStringSubmatch(part.LegendFormat, -1) {
				if _, ok := known[name][match[1]]; !ok {
					t.Errorf("%s: the legend names %s", part.Expr, match[1])
				}
			}
		}
	}
	for name := range known {
		if !shown[name] && name != "up" && !strings.HasSuffix(name, "_sum") && !strings.HasSuffix(name, "_count") {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

var documented = regexp.MustCompile("(?m)^\\| `(oauthrefresh_\\w+)` \\| (.*?) \\|")

// The table in docs/operate.md has every metric, with its labels.
func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, match := range documented.FindAllStringSubmatch(string(text), -1) {
		rows[match[1]] = match[2]
	}
	for name, values := range scraped(t) {
		name, part := strings.TrimSuffix(name, "_bucket"), strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count")
		if name == "up" || part {
			continue
		}
		row, ok := rows[name]
		delete(rows, name)
		for label := range values {
			if !slices.Contains([]string{"job", "instance", "mount", "le"}, label) && !strings.Contains(row, "`"+label+"`") {
				t.Errorf("docs/operate.md does not name the label %s of %s", label, name)
			}
		}
		if !ok {
			t.Errorf("docs/operate.md does not have %s", name)
		}
	}
	for name := range rows {
		t.Errorf("there is no metric %s, which docs/operate.md has", name)
	}
}

// part is an object of the dashboard that asks for something.
type part struct{ Expr, LegendFormat, Query string }

func dashboardParts(t *testing.T) (out []part) {
	t.Helper()
	var dashboard any
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			text := func(name string) string { s, _ := v[name].(string); return s }
			if p := (part{text("expr"), text("legendFormat"), text("query")}); p.Expr+p.Query != "" {
				out = append(out, p)
			}
			for _, in := range v {
				walk(in)
			}
		case []any:
			for _, in := range v {
				walk(in)
			}
		}
	}
	walk(dashboard)
	if len(out) < 10 {
		t.Fatalf("the dashboard asks for %q only", out)
	}
	return out
}

// The other text that the engine can answer with is OpenMetrics to Prometheus, with the same series.
func TestTheScrapeAsOpenMetrics(t *testing.T) {
	names := func(parser textparse.Parser) (names []string) {
		for {
			entry, err := parser.Next()
			if errors.Is(err, io.EOF) {
				return names
			}
			if err != nil {
				t.Fatal(err)
			}
			if entry == textparse.EntrySeries {
				var of labels.Labels
				parser.Labels(&of)
				le := of.Get("le")
				if n, err := strconv.ParseFloat(le, 64); err == nil { // 1 is 1.0 there
					le = fmt.Sprint(n)
				}
				names = append(names, labels.NewBuilder(of).Set("le", le).Labels().String())
			}
		}
	}
	plain := names(textparse.NewPromParser([]byte(read(t, "testdata/scrape.txt")), labels.NewSymbolTable(), false))
	open := names(textparse.NewOpenMetricsParser([]byte(read(t, "testdata/scrape.openmetrics.txt")), labels.NewSymbolTable()))
	if len(open) == 0 || !slices.Equal(plain, open) {
		t.Errorf("%q\n%q", plain, open)
	}
}
