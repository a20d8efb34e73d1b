package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	"github.com/spf13/cobra"
)

// exportedLine is one line of `reports export --json`.
type exportedLine struct {
	Domain     string            `json:"domain"`
	Begins     time.Time         `json:"begins"`
	Ends       time.Time         `json:"ends"`
	Reporter   string            `json:"reporter"`
	Standing   rollout.Standing  `json:"standing"`
	Known      bool              `json:"known"`
	Counted    bool              `json:"counted"`
	Sources    []string          `json:"sources"` // where they were found, if nothing proves them
	PolicyType string            `json:"policy_type"`
	PolicyID   string            `json:"policy_id,omitempty"`
	Mode       mtasts.Mode       `json:"policy_mode,omitempty"`
	PolicyText string            `json:"policy_text,omitempty"`
	Reports    int               `json:"reports"`
	Success    int64             `json:"success"`
	Failure    int64             `json:"failure"`
	Failures   []exportedFailure `json:"failures"`
	// LateSeconds is how late its reports came, on the mean; null where none says.
	LateSeconds *int64 `json:"late_seconds"`
}

// exportedFailure is one kind of failure in it.
type exportedFailure struct {
	rollout.FailureCount
	// Effect is what enforce makes of it; empty where policy type is not sts.
	Effect rollout.Effect `json:"effect,omitempty"`
}

func exported(domain string, l rollout.ReportLine) exportedLine {
	out := exportedLine{Domain: domain, Begins: l.Begins, Ends: l.Ends, Reporter: l.Reporter, Standing: l.Standing, Known: l.Known, Counted: l.Counted,
		Sources: []string{}, PolicyType: l.PolicyType, PolicyID: l.PolicyID, Mode: l.Mode, PolicyText: l.PolicyText,
		Reports: l.Reports, Success: l.Success, Failure: l.Failure, Failures: []exportedFailure{}}
	if l.Source != "" {
		out.Sources = strings.Split(l.Source, rollout.SourceSeparator)
	}
	failures := l.Failures
	if l.Unexplained > 0 {
		failures = append(failures[:len(failures):len(failures)], rollout.FailureCount{Type: rollout.Unexplained, Count: l.Unexplained})
	}
	for i, f := range failures {
		x := exportedFailure{FailureCount: f}
		if i < len(l.Effects) {
			x.Effect = l.Effects[i]
		}
		out.Failures = append(out.Failures, x)
	}
	if l.Timed > 0 {
		late := l.Late / int64(l.Timed)
		out.LateSeconds = &late
	}
	return out
}

// csvHead are the columns of `reports export --csv`. A day's sums are one line, of
// which the column line is "sessions"; each kind of failure in them is one more, of
// which it is "failure": no column adds up to more than there is.
var csvHead = []string{"line", "domain", "begins", "ends", "reporter", "standing", "known", "counted", "policy_type", "policy_id", "policy_mode",
	"reports", "success", "failure", "late_seconds", "failure_type", "mx", "mx_ip", "reason", "effect", "failed_sessions", "sources"}

// csvLines are the lines of x.
func csvLines(x exportedLine) [][]string {
	who := []string{cell(x.Domain), x.Begins.Format(time.RFC3339), x.Ends.Format(time.RFC3339), cell(x.Reporter), cell(string(x.Standing)),
		strconv.FormatBool(x.Known), strconv.FormatBool(x.Counted), cell(x.PolicyType), cell(x.PolicyID), cell(string(x.Mode))}
	late := ""
	if x.LateSeconds != nil {
		late = strconv.FormatInt(*x.LateSeconds, 10)
	}
	sources := cell(strings.Join(x.Sources, "; "))
	line := func(kind string, rest ...string) []string {
		return append(append(append([]string{kind}, who...), rest...), sources)
	}
	out := [][]string{line("sessions", strconv.Itoa(x.Reports), strconv.FormatInt(x.Success, 10), strconv.FormatInt(x.Failure, 10), late, "", "", "", "", "", "")}
	for _, f := range x.Failures {
		out = append(out, line("failure", "", "", "", "", cell(string(f.Type)), cell(f.MX), cell(f.IP), cell(f.Reason), string(f.Effect), strconv.FormatInt(f.Count, 10)))
	}
	return out
}

// cell is foreign text as a spreadsheet takes it for no formula and no terminal for
// a command: control characters are dropped, and what begins like a formula gets an
// apostrophe before it.
func cell(s string) string {
	s = finding.Clean(s, 0)
	if s != "" && strings.ContainsRune("=+-@＝＋－＠|%", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

// format is how reports are written down.
type format string

const (
	asCSV        format = "csv"
	asJSON       format = "json"
	asPrometheus format = "prometheus"
)

const exportLong = `Writes every sum that the store keeps about DOMAIN, of all time: the sessions of one
reporter in one period under one policy, and each kind of failure in them. DOMAIN needs
no rollout, where reports import --domain took reports about it.

It is written to standard output, or with --out FILE into FILE, which is replaced as a
whole and which none but you may read.

  belay reports export corp.example --csv >reports.csv
  belay reports export corp.example --json --out reports.jsonl

--csv is RFC 4180, UTF-8, with a head and a line break of CR LF. Text that a spreadsheet
would take for a formula begins with an apostrophe. The columns:

  line            sessions for a sum, failure for a kind of failure in the sum before it:
                  no column adds up to more than there is
  domain, begins, ends, reporter
                  what the period is about (UTC), and who reports
  standing        how far it is believed: verified, vouched, pending, modified, unsigned,
                  https
  known, counted  whether the reporter is a known sender; whether gates count it
  policy_type     sts, tlsa or no-policy-found. tlsa is over the same sessions as sts:
                  never add the two
  policy_id, policy_mode
                  of the policy of yours that the reporter held; empty if it was another
  reports, success, failure, late_seconds
                  in a sessions line: how many reports, sessions, failed sessions, and the
                  mean time from the end of the period to their arrival
  failure_type, mx, mx_ip, reason, effect, failed_sessions
                  in a failure line: effect is what enforce makes of it: refused (would be
                  refused if enforced), no-policy (delivered without the policy), none
  sources         where reports were found that nothing proves, with "; " between

--json is one object a line with the same names, where failures is a list of
{"type","mx","ip","reason","count","effect"}, sources is a list, and policy_text is the
policy as the reporter quotes it.

--prometheus FILE replaces FILE with metrics for the textfile collector of node_exporter,
which is started with --collector.textfile.directory=/var/lib/node_exporter. From cron:

  20 * * * *  belay reports export corp.example --prometheus /var/lib/node_exporter/belay-corp.prom

` + reportMetricsHelp

func (p *program) reportsExport() *cobra.Command {
	var out, prometheus string
	var asked bool
	c := &cobra.Command{
		Use: "export DOMAIN --csv|--json [--out FILE]", Short: "Write down what reports say, as CSV, JSON or metrics",
		Long: exportLong,
		Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			switch {
			case err != nil:
				return err
			case asked && p.flags.json:
				return usagef("reports export takes one of --csv and --json")
			case !asked && !p.flags.json && prometheus == "":
				return usagef("reports export needs --csv, --json or --prometheus FILE")
			case out != "" && !asked && !p.flags.json:
				return usagef("--out needs --csv or --json")
			}
			return p.with(ctx, func(s *session) error {
				if prometheus != "" {
					if err := p.exportTo(ctx, s, domain, prometheus, asPrometheus); err != nil {
						return err
					}
				}
				as := asCSV
				switch {
				case p.flags.json:
					as = asJSON
				case !asked:
					return nil
				}
				if out != "" {
					return p.exportTo(ctx, s, domain, out, as)
				}
				r, err := s.everything(ctx, domain)
				if err != nil {
					return err
				}
				return p.writeLines(p.out, r, as)
			})
		}),
	}
	c.Flags().BoolVar(&asked, "csv", false, "as CSV")
	c.Flags().StringVar(&out, "out", "", "into `FILE`")
	c.Flags().StringVar(&prometheus, "prometheus", "", "write metrics into `FILE`, such as node_exporter's textfile collector reads")
	return c
}

// everything is the rollout of domain with all report sums that there are.
func (s *session) everything(ctx context.Context, domain string) (rollout.Rollout, error) {
	r, _, err := s.reported(ctx, domain)
	if err != nil {
		return r, err
	}
	r.Reports, err = s.reports.ReportDays(ctx, domain, time.Time{})
	return r, err
}

// exportTo writes what reports say into file, whole or not at all.
func (p *program) exportTo(ctx context.Context, s *session, domain, file string, as format) error {
	if as == asPrometheus {
		r, started, err := s.reported(ctx, domain)
		if err != nil {
			return err
		}
		var gate *rollout.Gate
		if started {
			g := s.engine.GateOf(r)
			gate = &g
		}
		return writeMetrics(file, reportMetrics(r, gate, p.world.Clock.Now().UTC()))
	}
	r, err := s.everything(ctx, domain)
	if err != nil {
		return err
	}
	// Whom a domain exchanges mail with is nobody else's affair.
	err = replaceFile(file, 0o600, func(w io.Writer) error { return p.writeLines(w, r, as) })
	if err != nil {
		return fmt.Errorf("export the reports about %s: %w", domain, err)
	}
	return nil
}

func (p *program) writeLines(to io.Writer, r rollout.Rollout, as format) error {
	if as == asJSON {
		for l := range r.Lines() {
			if err := encodeJSON(to, exported(r.Domain, l)); err != nil {
				return err
			}
		}
		return nil
	}
	w := csv.NewWriter(to)
	w.UseCRLF = true
	err := w.Write(csvHead)
	for l := range r.Lines() {
		for _, line := range csvLines(exported(r.Domain, l)) {
			err = errors.Join(err, w.Write(line))
		}
		if err != nil {
			return err
		}
	}
	w.Flush()
	return errors.Join(err, w.Error())
}

// exportReports is the wizard's export: the name of the file says in which form. It
// returns what it did, in a sentence.
func (p *program) exportReports(s *session) func(ctx context.Context, domain, file string) (string, error) {
	return func(ctx context.Context, domain, file string) (string, error) {
		file, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		as := asCSV
		switch strings.ToLower(filepath.Ext(file)) {
		case ".csv":
		case ".json", ".jsonl", ".ndjson":
			as = asJSON
		case ".prom":
			as = asPrometheus
		default:
			return "", fmt.Errorf("export to %s: the name must end in .csv, .json or .prom", file)
		}
		return "Written to " + file + ".", p.exportTo(ctx, s, domain, file, as)
	}
}
