package metrics

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
)

// Now is how a mount stands at the moment of a scrape.
type Now struct {
	At       time.Time
	Horizon  time.Duration // within which grants that die are named
	Progress index.Progress
	Report   *index.Report // of all grants, with the horizon of who dies soon
	Held     int           // answers that storage has refused so far
	Pending  int           // revocations that are still to be made
}

// Scrape is all metrics as text and its content type: Prometheus' own, or OpenMetrics where that is asked for.
func (m *Metrics) Scrape(now Now, openMetrics bool) (text []byte, contentType string, err error) {
	for _, name := range slices.Sorted(maps.Keys(now.Report.States)) {
		m.provider(name) // before its series are gathered
	}
	standing := prometheus.NewRegistry()
	standing.MustRegister(&snapshot{m, now})
	families, err := prometheus.Gatherers{m.counted, standing}.Gather()
	if err != nil {
		return nil, "", err
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	if openMetrics {
		format = expfmt.NewFormat(expfmt.TypeOpenMetrics)
	}
	var out bytes.Buffer
	encoder := expfmt.NewEncoder(&out, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return nil, "", err
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		err = closer.Close() // the end of a text of OpenMetrics
	}
	return out.Bytes(), string(format), err
}

// snapshot is how a mount stands, as gauges.
type snapshot struct {
	m   *Metrics
	now Now
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

var (
	grants     = desc("grants", "Grants by how they stand.", "provider", "state")
	backingOff = desc("grants_backing_off", "Grants whose next refresh waits after a failure.", "provider")
	dying      = desc("grants_dying", "Grants that die within the horizon if nobody acts.", "provider")
	diesIn     = desc("grant_dies_in_seconds", "Seconds until a grant dies if nobody acts, of the soonest ones within the horizon.", "grant", "provider", "cause")
	unwell     = desc("grant_unwell", "Grants that need attention, by name; always 1.", "grant", "provider", "state")
	held       = desc("answers_held", "Answers that storage has refused so far: they are in memory only.")
	pending    = desc("revocations_pending", "Access tokens of ended leases that are still to be revoked.")
	surveySeen = desc("survey_roles_seen", "Roles that were looked at since the process began.")
	surveyOf   = desc("survey_roles", "Roles that there are, as far as is known.")
	surveyFull = desc("survey_complete", "Whether all roles were looked at since the process began: 0 or 1.")
)

// Describe implements prometheus.Collector: what is collected is not checked beforehand.
func (s *snapshot) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *snapshot) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(held, float64(s.now.Held))
	gauge(pending, float64(s.now.Pending))
	gauge(surveySeen, float64(s.now.Progress.Roles))
	gauge(surveyOf, float64(s.now.Progress.Of))
	full := 0.0
	if s.now.Progress.Full {
		full = 1
	}
	gauge(surveyFull, full)
	s.counts(gauge)
	s.named(gauge)
}

// counts are the gauges that name no grant. A provider has one of each state, so that none goes stale when the last grant
// leaves it.
func (s *snapshot) counts(gauge func(*prometheus.Desc, float64, ...string)) {
	r := s.now.Report
	states, waiting, soon := map[string]map[string]int{}, map[string]int{}, map[string]int{}
	for name := range r.States {
		provider := s.m.provider(name)
		if states[provider] == nil {
			states[provider] = map[string]int{}
		}
		for state, n := range r.States[name] {
			states[provider][state] += n
		}
		waiting[provider] += r.BackingOff[name]
		soon[provider] += r.Dying[name]
	}
	for provider, of := range states {
		for _, state := range grant.States {
			gauge(grants, float64(of[state]), provider, state)
		}
		gauge(backingOff, float64(waiting[provider]), provider)
		gauge(dying, float64(soon[provider]), provider)
	}
}

// named are the gauges that name grants, the soonest death first.
func (s *snapshot) named(gauge func(*prometheus.Desc, float64, ...string)) {
	dies, needs := 0, 0
	for _, e := range s.now.Report.Named {
		provider := s.m.provider(e.Provider)
		if !e.DiesAt.IsZero() && e.DiesAt.Sub(s.now.At) < s.now.Horizon && dies < maxNamed {
			dies++
			gauge(diesIn, e.DiesAt.Sub(s.now.At).Seconds(), string(e.Key), provider, e.DiesOf)
		}
		if e.Unwell() && needs < maxNamed {
			needs++
			gauge(unwell, 1, string(e.Key), provider, e.State)
		}
	}
}
