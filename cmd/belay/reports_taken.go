package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// printIntake says what an import took; lacking are the domains it took reports for
// that have no rollout.
func (p *program) printIntake(sum rollout.Intake, lacking []string) error {
	if p.flags.json {
		return p.printJSON(sum)
	}
	p.say("%s", takenWords(sum.Files, sum.Mails, sum.Reports, sum.New, sum.Duplicates, sum.Dropped, sum.Foreign, sum.Unreadable))
	if said := numbers(count{sum.Verified, "verified"}, count{sum.Unverified, "not verified"}, count{sum.Pending, "to be verified again"}); said != "" {
		p.say("signatures: %s", said)
	}
	if sum.New > 0 {
		p.say("sessions in the new ones: %d good, %d failed", sum.Success, sum.Failure)
	}
	if len(sum.Sources) > 1 {
		for _, of := range sum.Sources {
			p.printSource(p.out, "  ", of)
		}
	}
	for _, of := range sum.Sources {
		if of.Note != "" {
			p.say("  %s: %s", clean(of.Source), clean(of.Note))
		}
	}
	for _, said := range remarks(sum) {
		p.paragraph(said, "", "")
	}
	for _, a := range p.advices(sum, lacking) {
		p.printAdvice("", a)
	}
	for _, s := range sum.Skipped {
		p.say("  skipped %s: %s", clean(s.Path), clean(s.Why))
	}
	return nil
}

// printSource is what came from one inbox, in a line.
func (p *program) printSource(w io.Writer, indent string, of rollout.SourceIntake) {
	fmt.Fprintf(w, "%s%s: %s\n", indent, clean(of.Source), takenWords(0, of.Mails, of.Reports, of.New, of.Duplicates, of.Dropped, of.Foreign, of.Unreadable))
	if of.Error != "" {
		fmt.Fprintf(w, "%s  not read to its end: %s\n", indent, clean(of.Error))
	}
}

// takenWords are how much was read and what became of it, without what there was none
// of: "4 files, 4 reports: 3 new, 1 about others, 1 not readable".
func takenWords(files, mails, reports, fresh, duplicates, dropped, foreign, unreadable int) string {
	var read []string
	for _, x := range []struct {
		n   int
		one string
	}{{files, "file"}, {mails, "mail"}} {
		if x.n > 0 {
			read = append(read, many(x.n, x.one))
		}
	}
	news := ""
	if reports > 0 {
		read, news = append(read, many(reports, "report")), fmt.Sprintf("%d new, ", fresh)
	} else {
		read = append(read, "no report")
	}
	became := news + numbers(count{duplicates, plural(duplicates, "duplicate")}, count{dropped, "dropped"}, count{foreign, "about others"}, count{unreadable, "not readable"})
	return strings.TrimRight(strings.Join(read, ", ")+": "+became, ":, ")
}

// count is so many of something.
type count struct {
	n    int
	what string
}

// numbers lists what there is any of.
func numbers(of ...count) string {
	var said []string
	for _, c := range of {
		if c.n > 0 {
			said = append(said, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(said, ", ")
}

func plural(n int, one string) string {
	_, words, _ := strings.Cut(many(n, one), " ")
	return words
}

// remarks say what of an import was left out though it is about our domains: what
// contradicts a report that is kept, and what too many claim to be.
func remarks(sum rollout.Intake) []string {
	var out []string
	for _, d := range sum.DifferingReports {
		out = append(out, fmt.Sprintf("V13 %s: report %s about %s came twice and does not say the same: the first is kept, and not what is in %s.",
			clean(d.Reporter), finding.Quote(d.ReportID, 60), d.Ends.UTC().Format(time.DateOnly), clean(d.Path)))
	}
	if more := sum.Differing - len(sum.DifferingReports); more > 0 {
		out = append(out, fmt.Sprintf("%s came twice and did not say the same.", many(more, "further report")))
	}
	if sum.Dropped > 0 {
		out = append(out, fmt.Sprintf("%s dropped: nothing proves who wrote them, and %d are kept of those from one source that claim to be the same report and say different things.",
			many(sum.Dropped, "report"), rollout.MostVariants))
	}
	return out
}

// mostAdvised is how many sources, or domains, are told of one by one.
const mostAdvised = 5

// advice is a sentence, and the command that it leads to.
type advice struct{ said, command string }

// advices say what of an import counts for nothing so far, or was left out, and what
// to type so that it does not.
func (p *program) advices(sum rollout.Intake, lacking []string) []advice {
	var out []advice
	for _, of := range sum.Untrusted {
		if slices.Contains(lacking, of.Domain) {
			continue
		}
		if len(out) == mostAdvised {
			out = append(out, advice{said: "More came from elsewhere; --json lists it."})
			break
		}
		are := "are unsigned or were changed on the way: they count"
		if of.Reports == 1 {
			are = "is unsigned or was changed on the way: it counts"
		}
		out = append(out, advice{fmt.Sprintf("%s about %s from %s %s for nothing until you trust the source:", many(of.Reports, "report"), of.Domain, of.Source, are), p.trustCommand(of.Domain, of.Source)})
	}
	if sum.Reports > sum.Foreign {
		for _, domain := range lacking {
			out = append(out, advice{domain + " has no rollout, so that no gate reads what is kept about it. To see it:", p.commandHere("reports show " + domain)})
		}
	}
	if names := sum.ForeignDomains; len(names) > 0 {
		said := strings.Join(names, ", ")
		if len(names) == rollout.MostForeign {
			said += " and maybe more"
		}
		out = append(out, advice{fmt.Sprintf("%s about domains without a rollout here left out: %s. To take them all the same:", many(sum.Foreign, "report"), said),
			p.commandHere("reports import --domain " + shellWord(clean(names[0])) + " FROM...")})
	}
	return out
}

// printAdvice prints what was said, with lead before each line, and the command apart.
func (p *program) printAdvice(lead string, a advice) {
	p.paragraph(a.said, lead, lead)
	if a.command != "" {
		p.say("%s    %s", lead, a.command)
	}
}

// lacking are the domains that have no rollout.
func lacking(domains, rollouts []string) []string {
	var out []string
	for _, domain := range domains {
		if !slices.Contains(rollouts, domain) && !slices.Contains(out, domain) {
			out = append(out, domain)
		}
	}
	return out
}

// trustCommand is what an operator types to trust a source of reports about domain.
func (p *program) trustCommand(domain, source string) string {
	return p.commandHere(fmt.Sprintf("reports trust %s %s --reason WHY", shellWord(clean(domain)), shellWord(clean(source))))
}
