package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/world"
)

// tally sums up many looks. It does not grow with their number.
type tally struct {
	of       int
	done     int
	verdicts map[finding.Severity]int
	codes    map[finding.Code]int // domains with a fail or a warning of it
	slowest  string
	took     time.Duration
	watch    world.Stopwatch
}

func newTally(of int) *tally {
	return &tally{
		of: of, watch: world.Start(),
		verdicts: map[finding.Severity]int{}, codes: map[finding.Code]int{},
	}
}

// verdictOf is a look's verdict: unknown where it failed before anything did.
func verdictOf(l look) finding.Severity {
	if v := l.seen.Verdict(); l.err == nil || v == finding.Fail {
		return v
	}
	return finding.Unknown
}

func (t *tally) add(l look) {
	t.done++
	t.verdicts[verdictOf(l)]++
	codes := map[finding.Code]bool{}
	for _, f := range l.seen.Findings {
		if f.Severity == finding.Fail || f.Severity == finding.Warn {
			codes[f.Code] = true
		}
	}
	for code := range codes {
		t.codes[code]++
	}
	if l.seen.Took > t.took {
		t.slowest, t.took = l.seen.Domain, l.seen.Took
	}
}

// mostCodes is how many kinds of findings the summary names.
const mostCodes = 15

// printTally prints the summary: how many domains have which verdict, and what was
// found at most of them. With --json standard output is for objects.
func (p *program) printTally(t *tally) {
	out := p.out
	if p.flags.json {
		out = p.errs
	}
	elapsed := t.watch.Elapsed()
	fmt.Fprintf(out, "\n%d of %d domains in %s, %.1f a second\n", t.done, t.of, elapsed.Round(100*time.Millisecond), float64(t.done)/elapsed.Seconds())
	for _, v := range []finding.Severity{finding.Fail, finding.Unknown, finding.Warn, finding.Info, finding.Pass} {
		if n := t.verdicts[v]; n > 0 {
			fmt.Fprintf(out, "  %-7s  %6d\n", mark(v), n)
		}
	}
	codes := slices.SortedFunc(maps.Keys(t.codes), func(a, b finding.Code) int {
		return cmp.Or(cmp.Compare(t.codes[b], t.codes[a]), strings.Compare(string(a), string(b)))
	})
	for _, code := range codes[:min(len(codes), mostCodes)] {
		entry, _ := finding.Lookup(code)
		fmt.Fprintf(out, "  %-7s  %6d  %s\n", code, t.codes[code], entry.Title)
	}
	if more := len(codes) - mostCodes; more > 0 {
		fmt.Fprintf(out, "  and %d more kinds of findings\n", more)
	}
	if t.slowest != "" {
		fmt.Fprintf(out, "  slowest  %s, %s\n", shownDomain(t.slowest), t.took.Round(100*time.Millisecond))
	}
}

// printBrief prints one domain of many on a line: its verdict, how much was found,
// and the worst of it.
func (p *program) printBrief(l look) {
	verdict := verdictOf(l)
	fails, warns, worst := 0, 0, finding.Finding{}
	for _, f := range l.seen.Findings {
		switch f.Severity {
		case finding.Fail:
			fails++
		case finding.Warn:
			warns++
		default:
			continue
		}
		if worst.Code == "" || f.Severity.Worse(worst.Severity) {
			worst = f
		}
	}
	line := fmt.Sprintf("%-7s  %s", mark(verdict), shownDomain(l.seen.Domain))
	if fails+warns > 0 {
		line += fmt.Sprintf("  %d fail, %d warn: %s %s  %s", fails, warns, worst.Code, clean(worst.Subject), clean(worst.Title))
	}
	if l.err != nil {
		line += "  could not look at everything: " + clean(l.err.Error())
	}
	p.say("%s", line)
}
