package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/spf13/cobra"
)

// reportsShape is `reports show --json`.
type reportsShape struct {
	Domain    string            `json:"domain"`
	Days      []dayShape        `json:"days"`
	Reporters []reporterShape   `json:"reporters"`
	Failures  []failureShape    `json:"failures"`
	ByMX      []rollout.Share   `json:"by_mx"`
	ByType    []rollout.Share   `json:"by_type"`
	Findings  []finding.Finding `json:"findings"`
	Forecast  forecastShape     `json:"forecast"`
	Gate      rollout.Gate      `json:"gate"`
}

// dayShape is the sts sessions of one UTC day.
type dayShape struct {
	rollout.DaySessions
	Day string `json:"day"`
}

// reporterShape is one reporter, and the policies that its newest reports show.
type reporterShape struct {
	rollout.Coverage
	Holds []rollout.HeldVersion `json:"holds"`
}

// failureShape is a failure with what it means, its mend, and what belay sees of it.
type failureShape struct {
	rollout.Failure
	Text  string `json:"text"`
	Sees  string `json:"belay_sees,omitempty"`
	Title string `json:"title"`
	Fix   string `json:"fix,omitempty"`
}

// forecastShape is a forecast with its sentence.
type forecastShape struct {
	rollout.Forecast
	Text string `json:"text"`
}

func (p *program) reportsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show DOMAIN", Short: "Sum up the reports about a domain", Args: exactly("DOMAIN"),
		Long: fmt.Sprintf("Sums up the last %d days: the sessions of each day, who reports how regularly and how\nlate, the policy that each reporter holds, each failure with its meaning, its mend and\nwhat belay's own looks show of the same, what enforcing would have cost over the last\n%d days, and the gate that reads all this.", rollout.ReviewDays, rollout.ForecastDays),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			return p.with(ctx, func(s *session) error {
				r, err := s.engine.Load(ctx, domain)
				if err != nil {
					return err
				}
				now := p.world.Clock.Now().UTC()
				shape := reportsOf(r, s.engine.GateOf(r), now)
				if p.flags.json {
					return p.printJSON(shape)
				}
				p.printReports(shape, now)
				return nil
			})
		}),
	}
}

func reportsOf(r rollout.Rollout, gate rollout.Gate, now time.Time) reportsShape {
	v := r.Review(now)
	shape := reportsShape{
		Domain: r.Domain, Days: []dayShape{}, Reporters: []reporterShape{}, Failures: []failureShape{}, ByMX: v.ByMX, ByType: v.ByType,
		Findings: v.Findings, Forecast: forecastShape{v.Forecast, v.Forecast.Words(now)}, Gate: gateShape(gate),
	}
	for _, d := range v.Days {
		shape.Days = append(shape.Days, dayShape{d, d.Day.Format(time.DateOnly)})
	}
	for _, c := range v.Reporters {
		reporter := reporterShape{c, []rollout.HeldVersion{}}
		for _, h := range v.Versions {
			if c.Counted && h.Reporter == c.Reporter {
				reporter.Holds = append(reporter.Holds, h)
			}
		}
		shape.Reporters = append(shape.Reporters, reporter)
	}
	for _, f := range v.Failures {
		entry, _ := finding.Lookup(f.Code)
		shape.Failures = append(shape.Failures, failureShape{f, f.Words(now), f.OwnWords(now), entry.Title, entry.Fix})
	}
	return shape
}

// reporterOf names who a summary is from.
func reporterOf(d rollout.ReportDay) string {
	return strings.ToLower(finding.Clean(cmp.Or(d.Signer, d.Submitter), 255))
}

// reported reports whether key is how some failure, reporter or MX host in r's
// reports is named.
func reported(r rollout.Rollout, key string) bool {
	for _, d := range r.Reports {
		who := reporterOf(d)
		if strings.EqualFold(key, who) || d.Unexplained > 0 && strings.EqualFold(key, rollout.FailureKey(who, rollout.Unexplained, "")) {
			return true
		}
		for _, f := range d.Failures {
			mx := strings.TrimSuffix(f.MX, ".")
			if strings.EqualFold(key, rollout.FailureKey(who, f.Type, mx)) || mx != "" && strings.EqualFold(key, mx) {
				return true
			}
		}
	}
	return false
}

// mostOthers is how many of the reporters that do not count are printed.
const mostOthers = 10

func (p *program) printReports(s reportsShape, now time.Time) {
	p.say("%s", shownDomain(s.Domain))
	p.paragraph(inZone(s.Forecast.Text), "  ", "  ")
	if len(s.Days) == 0 {
		p.say("No report has been taken in. belay reports import PATH takes some.")
	}
	p.printDays(s.Days)
	p.printReporters(s.Reporters, now)
	for _, f := range s.Failures {
		p.printFailure(f)
	}
	if len(s.Failures) > 0 {
		p.paragraph("by MX host: "+shares(s.ByMX, "none named")+"; by type: "+shares(s.ByType, ""), "  ", "    ")
	}
	for _, f := range s.Findings {
		p.printFinding(f)
	}
	s.Gate.Forecast = "" // it stands above
	p.printGate(s.Gate)
}

func (p *program) printDays(days []dayShape) {
	rows := [][]string{}
	for _, d := range days {
		row := []string{"  " + d.Day, fmt.Sprintf("%d ok", d.OK), fmt.Sprintf("%d refused", d.Refused), fmt.Sprintf("%d without policy", d.NoPolicy)}
		if other := d.OtherOK + d.OtherFailed; other > 0 {
			row = append(row, fmt.Sprintf("%d do not count", other))
		}
		rows = append(rows, row)
	}
	p.columns(rows)
}

func (p *program) printReporters(reporters []reporterShape, now time.Time) {
	rows := [][]string{}
	others := 0
	for _, r := range reporters {
		if !r.Counted {
			if others++; others > mostOthers {
				continue
			}
		}
		said := []string{}
		switch {
		case r.Known:
		case r.Counted:
			said = append(said, "counts by its source")
		default:
			said = append(said, "does not count")
		}
		for _, h := range r.Holds {
			said = append(said, h.Words(now))
		}
		rows = append(rows, []string{"  " + clean(r.Reporter), string(r.Standing), fmt.Sprintf("%d ok", r.Success), fmt.Sprintf("%d failed", r.Failure),
			r.Coverage.Words(), strings.Join(said, "; ")})
	}
	p.columns(rows)
	if more := others - mostOthers; more > 0 {
		p.say("  and %s more that do not count", many(more, "reporter"))
	}
}

// printFailure prints a failure, what it means and how it is mended, and how those
// who tell of it are dismissed.
func (p *program) printFailure(f failureShape) {
	said := f.Text
	if f.Sees != "" {
		said += "; " + f.Sees
	}
	p.paragraph(inZone(said)+".", fmt.Sprintf("  %-6d  ", f.Sessions), "          ")
	p.paragraph(strings.TrimSpace(string(f.Code)+" "+f.Title+". "+f.Fix), "          ", "          ")
	for _, key := range f.Blocks[:min(len(f.Blocks), mostPrinted)] {
		p.say("          holds the gate: %s%s", clean(key), stranger(f.Stranger))
	}
	if more := len(f.Blocks) - mostPrinted; more > 0 {
		p.say("          and %s; --json lists them", many(more, "further key"))
	}
	if len(f.Blocks) == 0 {
		p.say("          holds no gate")
	}
}

func stranger(is bool) string {
	if is {
		return ", from a signer nobody knows"
	}
	return ""
}

// shares lists shares; an empty name is said as unnamed.
func shares(of []rollout.Share, unnamed string) string {
	if len(of) == 0 {
		return "none"
	}
	var said []string
	for _, s := range of {
		said = append(said, fmt.Sprintf("%s %d", clean(cmp.Or(s.Name, unnamed)), s.Sessions))
	}
	return strings.Join(said, ", ")
}
