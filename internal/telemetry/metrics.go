// Package telemetry counts and traces what a server does, and makes its log. No
// label, attribute or field comes from whoever asked: routes are patterns,
// methods and statuses are of fixed sets, providers are those there are.
package telemetry

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are a server's counts, in the Prometheus form. It is safe for
// concurrent use.
type Metrics struct {
	registry  *prometheus.Registry
	providers []string

	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	gateway   *prometheus.CounterVec
	headers   *prometheus.HistogramVec
	took      *prometheus.HistogramVec
	rotations *prometheus.CounterVec
	states    *prometheus.CounterVec
}

// Gauge is something that is asked at each scrape. One that cannot say gives
// false and is left out.
type Gauge struct {
	Name, Help string
	Value      func(ctx context.Context) (float64, bool)
}

// buckets reach from a look-up in memory to a long answer of a model, in seconds.
func buckets() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}
}

// NewMetrics makes the counts of a server with these providers.
func NewMetrics(version string, providers []string, gauges ...Gauge) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), providers: providers}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets()}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.requests = counter("keyfob_http_requests_total", "Requests to the API and the pages.", "route", "method", "status")
	m.seconds = histogram("keyfob_http_request_seconds", "Time to answer requests to the API and the pages.", "route")
	m.gateway = counter("keyfob_gateway_requests_total", "Requests through the gateway; local says why an answer was made here.", "provider", "status", "local")
	m.headers = histogram("keyfob_gateway_headers_seconds", "Time to the first byte of the gateway's answers.", "provider")
	m.took = histogram("keyfob_gateway_request_seconds", "Time to the last byte of the gateway's answers.", "provider")
	m.rotations = counter("keyfob_gateway_rotations_total", "Accounts that were given up for the next one within a request.", "provider")
	m.states = counter("keyfob_gateway_states_total", "States that accounts came into: out of use for a time or for good, or back (ok).", "provider", "kind")
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "keyfob_info", Help: "Which Keyfob this is.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newGauges(gauges))
	return m
}

// Request counts one answer of the API or the pages. route is its pattern.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, methodOf(method), class(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// Exchange is one request through the gateway.
type Exchange struct {
	Provider  string
	Status    int
	Local     string        // why the answer was made here; empty: it is the provider's
	Headers   time.Duration // to the answer's headers; 0: none came
	Took      time.Duration
	Rotations int
}

// Gateway counts one request through the gateway.
func (m *Metrics) Gateway(e Exchange) {
	provider := m.provider(e.Provider)
	m.gateway.WithLabelValues(provider, class(e.Status), e.Local).Inc()
	m.took.WithLabelValues(provider).Observe(e.Took.Seconds())
	if e.Headers > 0 {
		m.headers.WithLabelValues(provider).Observe(e.Headers.Seconds())
	}
	if e.Rotations > 0 {
		m.rotations.WithLabelValues(provider).Add(float64(e.Rotations))
	}
}

// State counts a state that an account came into, of one of failover's kinds.
func (m *Metrics) State(provider, kind string) {
	m.states.WithLabelValues(m.provider(provider), kind).Inc()
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// provider is one that there is, or "none".
func (m *Metrics) provider(name string) string {
	if slices.Contains(m.providers, name) {
		return name
	}
	return "none"
}

// class is 2xx for 204, and "none" for what is no status.
func class(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

func methodOf(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// gauges is a prometheus.Collector over what is asked at each scrape.
type gauges struct {
	list  []Gauge
	descs []*prometheus.Desc
}

func newGauges(list []Gauge) *gauges {
	g := &gauges{list: list}
	for _, one := range list {
		g.descs = append(g.descs, prometheus.NewDesc(one.Name, one.Help, nil, nil))
	}
	return g
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range g.descs {
		out <- d
	}
}

// scrapeLimit bounds what all gauges may take together.
const scrapeLimit = 2 * time.Second

// Collect implements prometheus.Collector.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	for i, one := range g.list {
		if v, ok := one.Value(ctx); ok {
			out <- prometheus.MustNewConstMetric(g.descs[i], prometheus.GaugeValue, v)
		}
	}
}
