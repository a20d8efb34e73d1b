package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	"github.com/spf13/cobra"
)

// reportsShape is `reports show --json`.
type reportsShape struct {
	Domain string `json:"domain"`
	// Rollout is false where reports are kept about a domain that has none; there is
	// no gate then.
	Rollout   bool                `json:"rollout"`
	Days      []dayShape          `json:"days"`
	Reporters []reporterShape     `json:"reporters"`
	Failures  []failureShape      `json:"failures"`
	ByMX      []rollout.Share     `json:"by_mx"`
	ByType    []rollout.Share     `json:"by_type"`
	Findings  []finding.Finding   `json:"findings"`
	Uncounted []rollout.Uncounted `json:"uncounted"`
	Forecast  forecastShape       `json:"forecast"`
	Gate      *rollout.Gate       `json:"gate"`

	enforced bool // what is refused is refused indeed
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
	Text string `json:"text"`
	Sees string `json:"belay_sees,omitempty"`
	// Unheld say for what does not hold the gate why not.
	Unheld []string `json:"unheld,omitempty"`
	Title  string   `json:"title"`
	Fix    string   `json:"fix,omitempty"`
}

// forecastShape is a forecast with its sentence.
type forecastShape struct {
	rollout.Forecast
	Text string `json:"text"`
}

func (p *program) reportsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show DOMAIN", Short: "Sum up the reports about a domain", Args: exactly("DOMAIN"),
		Long: fmt.Sprintf("Sums up the last %d days: the sessions of each day, who reports how regularly and how\nlate, the policy that each reporter holds, each failure with its meaning, its mend and\nwhat belay's own looks show of the same, what enforcing would have cost over the last\n%d days, and the gate that reads all this. It says which failures hold the gate, and why\nothers do not, and what to trust where reports are to count that do not.\n\nA domain without a rollout is shown too, where reports import --domain took some.", rollout.ReviewDays, rollout.ForecastDays),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			return p.with(ctx, func(s *session) error {
				r, started, err := s.reported(ctx, domain)
				if err != nil {
					return err
				}
				now := p.world.Clock.Now().UTC()
				var gate *rollout.Gate
				if started {
					g := s.engine.GateOf(r)
					gate = &g
				}
				shape := reportsOf(r, gate, now)
				if p.flags.json {
					return p.printJSON(shape)
				}
				p.printReports(shape, now)
				return nil
			})
		}),
	}
}

// reportsOf is what the reports about r say under gate; nil where there is none.
func reportsOf(r rollout.Rollout, gate *rollout.Gate, now time.Time) reportsShape {
	v := r.Review(now)
	if gate != nil {
		v = v.Under(*gate)
		g := gateShape(*gate)
		gate = &g
	}
	shape := reportsShape{
		Domain: r.Domain, Rollout: gate != nil, Days: []dayShape{}, Reporters: []reporterShape{}, Failures: []failureShape{}, ByMX: v.ByMX, ByType: v.ByType,
		Findings: v.Findings, Uncounted: v.Uncounted, Forecast: forecastShape{v.Forecast, v.Forecast.Words(now)}, Gate: gate,
		enforced: r.Mode() == mtasts.Enforce,
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
		said := failureShape{Failure: f, Text: f.Words(now), Sees: f.OwnWords(now), Title: entry.Title, Fix: entry.Fix}
		if gate != nil {
			said.Unheld = f.Unheld(now)
		}
		shape.Failures = append(shape.Failures, said)
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
	if !s.Rollout {
		p.paragraph("There is no rollout of "+s.Domain+": no gate reads these reports, and there is no ledger to hold the policies in them against. "+p.commandHere("new "+s.Domain)+" starts one.", "  ", "  ")
	}
	if len(s.Days) == 0 {
		p.say("No report has been taken in. %s takes some.", p.commandHere("reports import PATH"))
	}
	p.printDays(s.Days, s.enforced)
	p.printReporters(s.Reporters, now)
	p.printUncounted(s)
	for _, f := range s.Failures {
		p.printFailure(f)
	}
	if len(s.Failures) > 0 {
		p.paragraph("by MX host: "+shares(s.ByMX, "none named")+"; by type: "+shares(s.ByType, ""), "  ", "    ")
	}
	for _, f := range s.Findings {
		p.printFinding(f)
	}
	if s.Gate != nil {
		gate := *s.Gate
		gate.Forecast = "" // it stands above
		p.printGate(gate)
	}
}

// printDays prints the sessions of each day. In testing nothing is refused yet. Those
// that count though nothing proves who reported them have a column where there are any.
func (p *program) printDays(days []dayShape, enforced bool) {
	if len(days) == 0 {
		return
	}
	refused := "would be refused if enforced"
	if enforced {
		refused = "refused"
	}
	p.say("  sessions a day:")
	byTrust := slices.ContainsFunc(days, func(d dayShape) bool { return d.ByTrust() > 0 })
	row := func(day, ok, refused, noPolicy, trust, other string) []string {
		if !byTrust {
			return []string{"  " + day, ok, refused, noPolicy, other}
		}
		return []string{"  " + day, ok, refused, noPolicy, trust, other}
	}
	rows := [][]string{row("UTC day", "ok", refused, "without policy", "by trust", "do not count")}
	for _, d := range days {
		rows = append(rows, row(d.Day, fmt.Sprint(d.OK), fmt.Sprint(d.Refused), fmt.Sprint(d.NoPolicy), some(d.ByTrust()), some(d.OtherOK+d.OtherFailed)))
	}
	p.columns(rows)
	if byTrust {
		p.paragraph("by trust: those of the columns before it that count by trust in their source alone, for no signature vouches for who reported them.", "  ", "  ")
	}
}

// some is a number, or nothing for none.
func some(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
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
	for _, why := range f.Unheld[:min(len(f.Unheld), mostPrinted)] {
		p.paragraph(inZone(why), "          ", "            ")
	}
}

// printUncounted says what to trust, where reports are to count that do not.
func (p *program) printUncounted(s reportsShape) {
	if !s.Rollout {
		return // trust is a decision of a rollout
	}
	for _, u := range s.Uncounted[:min(len(s.Uncounted), mostAdvised)] {
		said := fmt.Sprintf("%s in %s from %s count for nothing: nothing proves who wrote them. If you trust what comes there:", many(u.Sessions, "session"), many(u.Reports, "report"), clean(u.Source))
		if u.Signed {
			said = fmt.Sprintf("%s in %s count for nothing: %s signed them, which is no known sender. If you know it:", many(u.Sessions, "session"), many(u.Reports, "report"), clean(u.Source))
		}
		p.paragraph(said, "  ", "  ")
		p.say("    %s", p.trustCommand(s.Domain, u.Source))
	}
	if more := len(s.Uncounted) - mostAdvised; more > 0 {
		p.say("  and %s; --json lists them", many(more, "further source"))
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
