package serve

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// metrics are the counts and the state in Prometheus' text format. Host names are
// those of the store, so that nobody outside makes labels.
func (s *Server) metrics() []byte {
	var w exposition
	c, now, at := &s.count, s.o.Clock.Now(), s.sites.Load()

	w.of("belay_serve_info", "gauge", "The build that serves.")
	w.sample(1, `version`, s.o.Version)
	w.of("belay_serve_connections_open", "gauge", "Connections that are open now.")
	w.sample(float64(s.guards[0].open() + s.guards[1].open()))
	w.of("belay_serve_connections_total", "counter", "Connections that were made.")
	w.count(c.accepted.Load())
	w.of("belay_serve_connections_displaced_total", "counter", "Connections that had to make room for newer ones.")
	w.count(c.evicted.Load())
	w.of("belay_serve_handshakes_total", "counter", "TLS handshakes, by how they ended; failed counts all that were not made.")
	w.sample(float64(c.handshakes.Load()), "result", "made")
	w.sample(float64(c.failed.Load()), "result", "failed")
	w.of("belay_serve_handshakes_refused_total", "counter", "Handshakes refused by the server.")
	w.sample(float64(c.strangers.Load()), "why", "unknown_host")
	w.sample(float64(c.lacking.Load()), "why", "no_certificate")
	w.of("belay_serve_answers_total", "counter", "Answers, by what was asked.")
	w.sample(float64(c.policies.Load()), "to", "policy")
	w.sample(float64(c.pages.Load()), "to", "page")
	w.sample(float64(c.other.Load()), "to", "other")
	w.of("belay_serve_refusals_total", "counter", "Requests that were refused, by status.")
	w.sample(float64(c.absent.Load()), "status", "404")
	w.sample(float64(c.unallowed.Load()), "status", "405")
	w.sample(float64(c.misdirected.Load()), "status", "421")

	trouble := s.ails()
	s.trust.mu.Lock()
	read := s.trust.read
	s.trust.mu.Unlock()
	w.of("belay_serve_store_readable", "gauge", "Whether the store could be read when it was last tried; if not, the last policies are served on.")
	w.sample(truth(trouble == ""))
	w.of("belay_serve_store_read_timestamp_seconds", "gauge", "When the store could last be read.")
	if read.IsZero() { // since this server was started
		w.sample(0)
	} else {
		w.sample(float64(read.Unix()))
	}
	w.of("belay_serve_store_failures_total", "counter", "Readings of the store that failed.")
	w.count(c.unread.Load())
	w.of("belay_serve_hosts", "gauge", "Policy hosts that are answered as.")
	w.sample(float64(len(at.byHost)))
	w.of("belay_serve_hosts_orphaned", "gauge", "Those of them that the store no longer knows.")
	w.sample(float64(len(at.orphans)))

	hosts := at.hosts()
	w.of("belay_serve_policy_since_timestamp_seconds", "gauge", "When the policy that is served was published.")
	for _, host := range hosts {
		if site := at.byHost[host]; site.body != nil {
			w.sample(float64(site.since.Unix()), "host", host)
		}
	}
	lacking := 0
	w.of("belay_serve_certificate_not_after_timestamp_seconds", "gauge", "When the certificate that is shown ends.")
	for _, host := range hosts {
		leaf, err := s.shows(host)
		if err != nil {
			lacking++
			continue
		}
		if usable(leaf, host, now) != nil {
			lacking++
		}
		w.sample(float64(leaf.NotAfter.Unix()), "host", host)
	}
	w.of("belay_serve_hosts_without_certificate", "gauge", "Policy hosts that have no certificate which a sender would take.")
	w.sample(float64(lacking))
	s.certificateMetrics(&w)
	return w.Bytes()
}

// exposition is text in Prometheus' format, metric by metric.
type exposition struct {
	bytes.Buffer
	name string
}

// of begins a metric.
func (w *exposition) of(name, kind, help string) {
	w.name = name
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample adds a value with labels, each a name and its value.
func (w *exposition) sample(value float64, label ...string) {
	w.WriteString(w.name)
	for i := 0; i+1 < len(label); i += 2 {
		between := byte(',')
		if i == 0 {
			between = '{'
		}
		w.WriteByte(between)
		w.WriteString(label[i] + `="` + labelText(label[i+1]) + `"`)
	}
	if len(label) > 0 {
		w.WriteByte('}')
	}
	w.WriteByte(' ')
	w.WriteString(strconv.FormatFloat(value, 'f', -1, 64))
	w.WriteByte('\n')
}

// labelText is a label's value as Prometheus reads it: UTF-8, in which a backslash, a
// quote and a line's end alone are escaped.
func labelText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

func (w *exposition) count(n int64) { w.sample(float64(n)) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
