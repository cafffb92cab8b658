// Package metrics counts what the engine does and shows how its grants stand, as Prometheus and OpenMetrics write it.
// Counters begin anew with the plugin's process. What the series are about is bounded: a provider is named as long as there
// are few, and a grant only when it needs attention.
package metrics

import (
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// namespace begins the name of every metric.
const namespace = "oauthrefresh"

const (
	// maxProviders is how many providers have series of their own, the first ones that are met. The rest share Other.
	maxProviders = 20
	// maxNamed is how many grants have a series of their own, in each of the two metrics that name any.
	maxNamed = 50
)

// Other is the provider of the series that those share for which there is no room, and that grants count in whose provider
// is not known, since their entry in storage is damaged: to Prometheus, an empty label is none.
const Other = "other"

// Metrics are those of one mount. Make them with New.
type Metrics struct {
	counted *prometheus.Registry
	reads   map[string]prometheus.Counter

	refreshes *prometheus.CounterVec
	durations *prometheus.HistogramVec
	leases    prometheus.Counter

	mu        sync.Mutex
	providers map[string]bool // that have series, by the name that they have there
	room      int             // for so many more
}

// New makes the metrics of a mount, of this version of the plugin.
func New(version string) *Metrics {
	m := &Metrics{counted: prometheus.NewRegistry(), reads: map[string]prometheus.Counter{}, providers: map[string]bool{}, room: maxProviders}
	m.refreshes = prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "refreshes_total",
		Help: "Requests to token endpoints for a refresh, by what came of them."}, []string{"provider", "outcome"})
	m.durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "refresh_duration_seconds",
		Help: "How long token endpoints take to answer.", Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"provider"})
	m.leases = prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "leases_total", Help: "Access tokens handed out with a lease."})
	reads := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "reads_total",
		Help: "Reads of creds, by what answered them: memory, storage, a refresh, or an error (failed)."}, []string{"source"})
	for _, source := range []string{grant.FromMemory, grant.FromStorage, grant.FromRefresh, grant.FromNothing} {
		m.reads[source] = reads.WithLabelValues(source) // there from the start, so that rates are too
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "The plugin that runs; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}})
	build.Set(1)
	start := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "start_time_seconds", Help: "When the plugin's process began to serve this mount, as a Unix time."})
	start.Set(float64(clock.Now().Unix()))
	m.counted.MustRegister(m.refreshes, m.durations, m.leases, reads, build, start)
	return m
}

// Refreshed implements grant.Meter.
func (m *Metrics) Refreshed(provider, outcome string, took time.Duration) {
	provider = m.provider(provider)
	m.refreshes.WithLabelValues(provider, outcome).Inc()
	m.durations.WithLabelValues(provider).Observe(took.Seconds())
}

// Read implements grant.Meter.
func (m *Metrics) Read(source string) { m.reads[source].Inc() }

// Leased counts an access token that is handed out with a lease.
func (m *Metrics) Leased() { m.leases.Inc() }

// provider is what a provider is called in its series. When it is met first, all that is counted of it begins at 0, so that
// the first refresh is an increase.
func (m *Metrics) provider(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if name == "" || !m.providers[name] && m.room == 0 {
		name = Other
	}
	if m.providers[name] {
		return name
	}
	m.providers[name] = true
	if name != Other {
		m.room--
	}
	for _, outcome := range grant.Outcomes {
		m.refreshes.WithLabelValues(name, outcome)
	}
	m.durations.WithLabelValues(name)
	return name
}
