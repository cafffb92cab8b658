package metrics_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/metrics"
)

var now = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

// scraped are the families of a scrape of these grants, as Prometheus' own parser reads them, and the text.
func scraped(t *testing.T, m *metrics.Metrics, x *index.Index) (map[string]*dto.MetricFamily, string) {
	t.Helper()
	text, contentType, err := m.Scrape(standing(x), false)
	if err != nil || !strings.HasPrefix(contentType, "text/plain; version=0.0.4") {
		t.Fatal(contentType, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return families, string(text)
}

// standing is a mount of these grants.
func standing(x *index.Index) metrics.Now {
	return metrics.Now{Horizon: grant.Warning,
		At: now, Progress: x.Progress(), Held: 3, Pending: 4,
		Report: x.Report(index.Filter{Now: now, Horizon: grant.Warning}),
	}
}

// valuesOf are the values that a label has in a metric, with how many series have it.
func valuesOf(family *dto.MetricFamily, label string) map[string]int {
	values := map[string]int{}
	for _, m := range family.GetMetric() {
		for _, pair := range m.Label {
			if pair.GetName() == label {
				values[pair.GetValue()]++
			}
		}
	}
	return values
}

// a is a summary, of a grant that dies after so many hours; 0 for one of which no end is known.
func a(provider, state string, hours int) grant.Summary {
	sum := grant.Summary{Provider: provider, State: state}
	if hours > 0 {
		sum.Forecast = grant.Forecast{DiesAt: now.Add(time.Duration(hours) * time.Hour), DiesOf: grant.DiesOfSecret}
	}
	return sum
}

// some is a mount of which every metric has something to say.
func some() (*metrics.Metrics, *index.Index) {
	m, x := metrics.New("v1.2.3"), index.New()
	x.Note("well", a("bank", grant.StateOK, 0))
	x.Note("dying", a("bank", grant.StateOK, 48))
	x.Note("desk/anna", a("crm", grant.StateDead, 0))
	waits := a("crm", grant.StateFailing, 0)
	waits.Until = now.Add(time.Minute)
	x.Note("waits", waits)
	m.Refreshed("bank", grant.OutcomeSuccess, 300*time.Millisecond)
	m.Read(grant.FromMemory)
	m.Leased()
	return m, x
}

func TestAScrapeIsAsPrometheusWantsIt(t *testing.T) {
	m, x := some()
	families, text := scraped(t, m, x)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	for name, family := range families {
		if !strings.HasPrefix(name, "oauthrefresh_") || len(family.Metric) == 0 || family.GetHelp() == "" {
			t.Errorf("%s: %v", name, family)
		}
	}
	for _, line := range []string{
		`oauthrefresh_answers_held 3`, `oauthrefresh_revocations_pending 4`,
		`oauthrefresh_grants{provider="bank",state="ok"} 2`, `oauthrefresh_grants{provider="crm",state="ok"} 0`,
		`oauthrefresh_grants_dying{provider="bank"} 1`, `oauthrefresh_grants_backing_off{provider="crm"} 1`,
		`oauthrefresh_grant_dies_in_seconds{cause="client_secret_expires_at",grant="dying",provider="bank"} 172800`,
		`oauthrefresh_grant_unwell{grant="desk/anna",provider="crm",state="dead"} 1`,
		`oauthrefresh_refresh_duration_seconds_bucket{provider="bank",le="0.25"} 0`, `oauthrefresh_refresh_duration_seconds_bucket{provider="bank",le="0.5"} 1`,
		`oauthrefresh_reads_total{source="memory"} 1`, `oauthrefresh_reads_total{source="failed"} 0`, `oauthrefresh_leases_total 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("not in the scrape: %s\n%s", line, text)
		}
	}
	if got := valuesOf(families["oauthrefresh_grant_unwell"], "grant"); len(got) != 2 || got["desk/anna"] != 1 || got["waits"] != 1 {
		t.Errorf("unwell are %v", got)
	}
	if strings.Contains(text, `"well"`) {
		t.Error("a healthy grant is named")
	}
}

func TestAScrapeAsOpenMetricsWantsIt(t *testing.T) {
	m, x := some()
	raw, contentType, err := m.Scrape(standing(x), true)
	text := string(raw)
	if err != nil || !strings.HasPrefix(contentType, "application/openmetrics-text; version=1.0.0") {
		t.Error(contentType, err)
	}
	if !strings.HasSuffix(text, "\n# EOF\n") || strings.Count(text, "# EOF") != 1 {
		t.Errorf("it ends with %q", text[len(text)-20:])
	}
	for _, line := range []string{
		"# TYPE oauthrefresh_refreshes counter", `oauthrefresh_refreshes_total{outcome="success",provider="bank"} 1.0`,
		"# TYPE oauthrefresh_leases counter", "oauthrefresh_leases_total 1.0", "# TYPE oauthrefresh_grants gauge",
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("not in the scrape: %s\n%s", line, text)
		}
	}
	if strings.Contains(text, "_created") { // a line for each counter, which oauthrefresh_start_time_seconds says at once
		t.Error("counters say when they were created")
	}
}

// What is counted of a provider begins at 0 when the provider appears, whichever way: an increase from nothing is none to
// Prometheus.
func TestCountersBeginAtNothing(t *testing.T) {
	m, x := metrics.New("v1.2.3"), index.New()
	x.Note("r", a("seen", grant.StateNew, 0))
	m.Refreshed("asked", "not_processed", time.Second)
	families, text := scraped(t, m, x)
	for _, provider := range []string{"seen", "asked"} {
		for _, outcome := range grant.Outcomes {
			want := 0
			if provider == "asked" && outcome == "not_processed" {
				want = 1
			}
			if line := fmt.Sprintf("oauthrefresh_refreshes_total{outcome=%q,provider=%q} %d\n", outcome, provider, want); !strings.Contains(text, line) {
				t.Errorf("not in the scrape: %s", line)
			}
		}
	}
	if n := len(families["oauthrefresh_refreshes_total"].Metric); n != 2*len(grant.Outcomes) {
		t.Errorf("%d series of refreshes", n)
	}
	if n := len(families["oauthrefresh_refresh_duration_seconds"].Metric); n != 2 {
		t.Errorf("%d histograms", n)
	}
}

// However much there is, a scrape stays small, and all of its series say the same of a provider.
func TestAScrapeStaysSmall(t *testing.T) {
	m, x := metrics.New("v1.2.3"), index.New()
	for i := range 1000 {
		m.Refreshed(fmt.Sprintf("provider-%03d", i), grant.OutcomeSuccess, time.Second)
	}
	for i := range 10_000 {
		x.Note(grant.Key(fmt.Sprintf("role-of-somebody-%04d", i)), a(fmt.Sprintf("provider-%03d", i%1000), grant.StateFailing, 1+i%100))
	}
	families, text := scraped(t, m, x)
	if len(text) > 64<<10 {
		t.Errorf("%d bytes", len(text))
	}
	labels := map[string]bool{}
	for name, family := range families {
		for provider := range valuesOf(family, "provider") {
			labels[provider] = true
		}
		if got := valuesOf(family, "grant"); len(got) > 50 {
			t.Errorf("%s names %d grants", name, len(got))
		}
	}
	if len(labels) != 21 || !labels[metrics.Other] || !labels["provider-000"] || !labels["provider-019"] {
		t.Errorf("%d providers are named: %v", len(labels), labels)
	}
	for _, name := range []string{"oauthrefresh_grant_dies_in_seconds", "oauthrefresh_grant_unwell"} {
		if got := valuesOf(families[name], "grant"); len(got) != 50 || got["role-of-somebody-0000"] != 1 || got["role-of-somebody-0001"] != 0 {
			t.Errorf("%s does not name those that die soonest: %v", name, got)
		}
	}
	for _, line := range []string{
		`oauthrefresh_refreshes_total{outcome="success",provider="other"} 980`, `oauthrefresh_grants{provider="other",state="failing"} 9800`,
		`oauthrefresh_grants_dying{provider="other"} 9800`, `oauthrefresh_refresh_duration_seconds_count{provider="other"} 980`,
		`oauthrefresh_grant_unwell{grant="role-of-somebody-0100",provider="other",state="failing"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("not in the scrape: %s", line)
		}
	}
}

// A grant whose entry is damaged is of no known provider, and one may be called as those are together.
func TestGrantsOfNoKnownProvider(t *testing.T) {
	m, x := metrics.New("v1.2.3"), index.New()
	x.Note("damaged", a("", grant.StateUnreadable, 0))
	x.Note("r", a(metrics.Other, grant.StateOK, 0))
	families, text := scraped(t, m, x)
	for _, line := range []string{
		`oauthrefresh_grants{provider="other",state="unreadable"} 1`, `oauthrefresh_grants{provider="other",state="ok"} 1`,
		`oauthrefresh_grant_unwell{grant="damaged",provider="other",state="unreadable"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("not in the scrape: %s\n%s", line, text)
		}
	}
	if n := len(families["oauthrefresh_grants"].Metric); n != len(grant.States) {
		t.Errorf("%d series of grants", n)
	}
}

// Names can hold neither quotes nor line ends; would they, none could look like another series.
func TestNoNameBreaksOut(t *testing.T) {
	const evil = "x\"} 1\noauthrefresh_evil{a=\"\\"
	m, x := metrics.New("v1.2.3"), index.New()
	x.Note(evil, a(evil, grant.StateDead, 0))
	m.Refreshed(evil, grant.OutcomeSuccess, time.Second)
	families, text := scraped(t, m, x)
	if families["oauthrefresh_evil"] != nil || valuesOf(families["oauthrefresh_grant_unwell"], "grant")[evil] != 1 || valuesOf(families["oauthrefresh_refreshes_total"], "provider")[evil] == 0 {
		t.Error(text)
	}
}

// Whoever counts does not wait for who reads, and nothing is lost between them.
func TestCountingWhileScraping(t *testing.T) {
	m, x := metrics.New("v1.2.3"), index.New()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 200 {
				m.Refreshed(fmt.Sprint("provider-", n%30), grant.OutcomeSuccess, time.Millisecond)
				m.Read(grant.FromStorage)
				m.Leased()
				x.Note(grant.Key(fmt.Sprint("r", i, n)), a(fmt.Sprint("provider-", n%30), grant.StateDead, 0))
			}
		})
		all.Go(func() {
			for range 20 {
				if _, _, err := m.Scrape(standing(x), i%2 == 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	families, _ := scraped(t, m, x)
	sum := 0.0
	for _, one := range families["oauthrefresh_refreshes_total"].Metric {
		sum += one.Counter.GetValue()
	}
	if reads := families["oauthrefresh_reads_total"].Metric; sum != 800 || families["oauthrefresh_leases_total"].Metric[0].Counter.GetValue() != 800 || len(reads) != 4 {
		t.Errorf("%v refreshes, %v", sum, reads)
	}
}
