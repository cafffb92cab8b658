package prometheustool

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// rules are those of rules.yml, in their order.
func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse([]byte(read(t, "rules.yml")), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.Default())
	if len(errs) > 0 || len(groups.Groups) != 1 {
		t.Fatal(len(groups.Groups), errs)
	}
	return groups.Groups[0].Rules
}

// TestEveryPartOfARuleIsTested breaks each number, duration, label and half of each rule in turn: rules_test.yml must
// notice. What it does not notice is untested, or not needed.
func TestEveryPartOfARuleIsTested(t *testing.T) {
	all := rules(t)
	if _, err := promtool(); err != nil { // run must not be the first to know, beside the test
		t.Fatal(err)
	}
	var broken sync.WaitGroup
	turns := make(chan struct{}, 2)
	count := 0
	for i, rule := range all {
		for _, m := range mutants(t, rule) {
			mutated := append([]rulefmt.Rule(nil), all...)
			mutated[i] = m.rule
			count++
			dir := t.TempDir()
			copyTo(t, dir, "rules_test.yml", read(t, "rules_test.yml"))
			text, err := yaml.Marshal(map[string]any{"groups": []map[string]any{{"name": "oauthrefresh", "rules": mutated}}})
			if err != nil {
				t.Fatal(err)
			}
			copyTo(t, dir, "rules.yml", string(text))
			turns <- struct{}{}
			broken.Go(func() {
				defer func() { <-turns }()
				out, err := run(t, dir, "", "test", "rules", "--run=^"+rule.Alert+"$", "rules_test.yml")
				if err == nil || !strings.Contains(out, " got:") { // that it is no rule at all is no answer
					t.Errorf("%s: no test notices %s: %v\n%s\n%s", rule.Alert, m.what, err, m.rule.Expr, out)
				}
			})
		}
	}
	broken.Wait()
	if count < 5*len(all) {
		t.Errorf("%d rules were broken in %d ways only", len(all), count)
	}
}

// mutant is a rule in which one thing is wrong.
type mutant struct {
	what string
	rule rulefmt.Rule
}

func mutants(t *testing.T, rule rulefmt.Rule) (out []mutant) {
	t.Helper()
	for name, set := range map[string]func(*rulefmt.Rule) *model.Duration{
		"for":             func(r *rulefmt.Rule) *model.Duration { return &r.For },
		"keep_firing_for": func(r *rulefmt.Rule) *model.Duration { return &r.KeepFiringFor },
	} {
		for _, by := range []float64{0.5, 1.5} {
			m := rule
			if at := set(&m); *at > 0 {
				*at = model.Duration(float64(*at) * by)
				out = append(out, mutant{fmt.Sprintf("%s %s", name, *at), m})
			}
		}
	}
	for _, expr := range mutatedExprs(t, rule.Expr) {
		m := rule
		m.Expr = expr
		out = append(out, mutant{"the expression", m})
	}
	return out
}

// mutatedExprs are the expressions in which one part is changed or missing.
func mutatedExprs(t *testing.T, text string) (out []string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	keep := func() { out = append(out, expr.String()) }
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.NumberLiteral:
			was := n.Val
			for _, n.Val = range otherNumbers(was) {
				keep()
			}
			n.Val = was
		case *parser.MatrixSelector:
			was := n.Range
			for _, n.Range = range []time.Duration{was / 2, was * 3 / 2} {
				keep()
			}
			n.Range = was
		case *parser.VectorSelector:
			was := n.LabelMatchers
			for i, m := range was {
				if m.Name != model.MetricNameLabel {
					n.LabelMatchers = append(append([]*labels.Matcher(nil), was[:i]...), was[i+1:]...)
					keep()
				}
			}
			n.LabelMatchers = was
		case *parser.BinaryExpr:
			was := *n
			for _, op := range otherOperators[n.Op] {
				n.Op = op
				keep()
			}
			*n = was
			if n.Op.IsSetOperator() { // without one half
				out = append(out, strings.Replace(expr.String(), n.String(), n.LHS.String(), 1), strings.Replace(expr.String(), n.String(), n.RHS.String(), 1))
			}
		}
		return nil
	})
	return out
}

// otherOperators are those that somebody may have meant instead.
var otherOperators = map[parser.ItemType][]parser.ItemType{
	parser.GTR: {parser.LSS}, parser.LSS: {parser.GTR, parser.LTE}, parser.EQLC: {parser.NEQ},
	parser.LOR: {parser.LAND}, parser.LUNLESS: {parser.LAND},
}

// otherNumbers are a smaller and a greater one. Of what is counted one more or less must matter.
func otherNumbers(n float64) []float64 {
	if n == float64(int(n)) && n < 2 {
		return []float64{n - 1.5, n + 1.5}
	}
	return []float64{n / 2, n * 3 / 2}
}
