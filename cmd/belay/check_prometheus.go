package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
)

// metricsHelp names every metric that --prometheus writes.
const metricsHelp = `  belay_domain_verdict{domain,verdict}       1 for the verdict, 0 for the others
  belay_domain_findings{domain,severity}     findings of the severity fail, warn
  belay_domain_finding{domain,code,severity} findings of the code, fail and warn
  belay_domain_complete{domain}              1 where everything could be asked
  belay_domain_checked_timestamp_seconds{domain}
  belay_domain_look_duration_seconds{domain}
  belay_domain_policy_info{domain,mode,id}   1 where a valid policy is served
  belay_domain_policy_max_age_seconds{domain}
  belay_domain_certificate_not_after_timestamp_seconds{domain,service}
                                             the earliest end; service mx or policy
  belay_check_domains, belay_check_duration_seconds,
  belay_check_completed_timestamp_seconds    the run as a whole
`

// promFile refuses a file that node_exporter would never read: its textfile collector
// takes names that end in .prom alone.
func promFile(path string) error {
	if path != "" && filepath.Ext(path) != ".prom" {
		return usagef("--prometheus: %q does not end in .prom, and node_exporter's textfile collector reads no other file", path)
	}
	return nil
}

// metrics gathers what --prometheus writes: few numbers a domain, because all
// samples of one metric must stand together.
type metrics struct{ domains []measured }

// measured is one domain in numbers.
type measured struct {
	domain   string
	verdict  finding.Severity
	whole    bool
	at       time.Time
	took     time.Duration
	fails    map[finding.Code]int
	warns    map[finding.Code]int
	mode, id string
	maxAge   uint32
	mx, host time.Time // the earliest end of a certificate; zero for none seen
}

func (m *metrics) add(l look) {
	e := l.seen
	d := measured{
		domain: e.Domain, verdict: verdictOf(l), whole: l.err == nil && e.Cut == "", at: e.At, took: e.Took,
		fails: map[finding.Code]int{}, warns: map[finding.Code]int{},
	}
	for _, f := range e.Findings {
		switch f.Severity {
		case finding.Fail:
			d.fails[f.Code]++
		case finding.Warn:
			d.warns[f.Code]++
		}
	}
	if e.Policy.Valid {
		d.mode, d.id, d.maxAge = string(e.Policy.Policy.Mode), e.Record.ID, e.Policy.Policy.MaxAge
	}
	for _, host := range e.MX {
		for _, a := range host.Addresses {
			if len(a.Certificates) > 0 {
				d.mx = earlier(d.mx, a.Certificates[0].NotAfter)
			}
		}
	}
	for _, a := range e.Policy.Addresses {
		if a.Certificate != nil {
			d.host = earlier(d.host, a.Certificate.NotAfter)
		}
	}
	m.domains = append(m.domains, d)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// text is the metrics in Prometheus' text format.
func (m *metrics) text(now time.Time, elapsed time.Duration) []byte {
	slices.SortFunc(m.domains, func(a, b measured) int { return strings.Compare(a.domain, b.domain) })
	var w exposition
	w.of("belay_domain_verdict", "The worst severity found, or unknown where nothing fails and something could not be seen.")
	for _, d := range m.domains {
		for _, v := range []finding.Severity{finding.Fail, finding.Unknown, finding.Warn, finding.Info, finding.Pass} {
			w.sample(truth(d.verdict == v), "domain", d.domain, "verdict", string(v))
		}
	}
	w.of("belay_domain_findings", "How many findings have the severity.")
	for _, d := range m.domains {
		w.sample(sum(d.fails), "domain", d.domain, "severity", string(finding.Fail))
		w.sample(sum(d.warns), "domain", d.domain, "severity", string(finding.Warn))
	}
	w.of("belay_domain_finding", "How many findings have the code and severity.")
	for _, d := range m.domains {
		w.codes(d.domain, finding.Fail, d.fails)
		w.codes(d.domain, finding.Warn, d.warns)
	}
	w.of("belay_domain_complete", "Whether everything could be asked.")
	for _, d := range m.domains {
		w.sample(truth(d.whole), "domain", d.domain)
	}
	w.of("belay_domain_checked_timestamp_seconds", "When the look began.")
	for _, d := range m.domains {
		w.sample(unix(d.at), "domain", d.domain)
	}
	w.of("belay_domain_look_duration_seconds", "How long the look took.")
	for _, d := range m.domains {
		w.sample(d.took.Seconds(), "domain", d.domain)
	}
	m.policies(&w)
	w.of("belay_check_domains", "How many domains were looked at.")
	w.sample(float64(len(m.domains)))
	w.of("belay_check_duration_seconds", "How long the run took.")
	w.sample(elapsed.Seconds())
	w.of("belay_check_completed_timestamp_seconds", "When the run ended.")
	w.sample(unix(now))
	return w.Bytes()
}

// policies are the metrics that not every domain has.
func (m *metrics) policies(w *exposition) {
	w.of("belay_domain_policy_info", "The policy that is served and valid.")
	for _, d := range m.domains {
		if d.mode != "" {
			w.sample(1, "domain", d.domain, "mode", d.mode, "id", d.id)
		}
	}
	w.of("belay_domain_policy_max_age_seconds", "The max_age of the policy that is served and valid.")
	for _, d := range m.domains {
		if d.mode != "" {
			w.sample(float64(d.maxAge), "domain", d.domain)
		}
	}
	w.of("belay_domain_certificate_not_after_timestamp_seconds", "When the first certificate of the service ends.")
	for _, d := range m.domains {
		if !d.mx.IsZero() {
			w.sample(unix(d.mx), "domain", d.domain, "service", "mx")
		}
		if !d.host.IsZero() {
			w.sample(unix(d.host), "domain", d.domain, "service", "policy")
		}
	}
}

// write puts the metrics into file, whole or not at all.
func (m *metrics) write(file string, now time.Time, elapsed time.Duration) error {
	return writeMetrics(file, m.text(now, elapsed))
}

// writeMetrics puts metrics into file, whole or not at all.
func writeMetrics(file string, text []byte) error {
	err := replaceFile(file, 0o644, func(w io.Writer) error { // node_exporter is another user
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// exposition is text in Prometheus' format, metric by metric.
type exposition struct {
	bytes.Buffer
	name string
}

// of begins a metric.
func (w *exposition) of(name, help string) {
	w.name = name
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

// sample adds a value with labels, given as name and value in turn.
func (w *exposition) sample(value float64, labels ...string) {
	w.WriteString(w.name)
	for i := 0; i < len(labels); i += 2 {
		w.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(w, `%s="%s"`, labels[i], labelText(labels[i+1]))
	}
	if len(labels) > 0 {
		w.WriteByte('}')
	}
	fmt.Fprintf(w, " %v\n", value)
}

func (w *exposition) codes(domain string, severity finding.Severity, found map[finding.Code]int) {
	for _, code := range slices.Sorted(maps.Keys(found)) {
		w.sample(float64(found[code]), "domain", domain, "code", string(code), "severity", string(severity))
	}
}

func unix(t time.Time) float64 { return float64(t.Unix()) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func sum(codes map[finding.Code]int) float64 {
	n := 0
	for _, k := range codes {
		n += k
	}
	return float64(n)
}

// labelText is a label's value between its quotes.
func labelText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}
