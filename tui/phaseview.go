package tui

import (
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// plain is an error as a sentence on a screen.
func plain(err error) string {
	return finding.Clean(strings.TrimSuffix(err.Error(), ": "+rollout.ErrRefused.Error()), 600)
}

// report says in a sentence what a walk did.
func report(g rollout.Progress) string {
	said := came(g.Edits)
	switch {
	case g.Moved && g.Phase != g.PhaseBefore:
		said = append(said, fmt.Sprintf("Done with %s; this is %s now.", g.PhaseBefore, g.Phase))
	case g.Moved:
		said = append(said, "On to the next rung.")
	case g.Phase != "" && g.Phase.Before(g.PhaseBefore):
		said = append(said, fmt.Sprintf("This is %s again.", g.Phase))
	case len(said) == 0:
		said = append(said, "Nothing moved.")
		if closed := g.Gate.Closed(); len(closed) > 0 {
			said = append(said, "The gate is closed: "+finding.Clean(about(closed[0]), 300)+".")
		}
	}
	return strings.Join(said, " ")
}

// render lays out the body anew: what stands below first, since it takes its
// room from the pane.
func (p *phase) render() {
	if p.width == 0 {
		return
	}
	p.foot = p.footing()
	p.pane.size(p.width, p.height-len(p.foot))
	w := p.pane.reading()
	lines := p.sinceLines(w)
	var marks []int
	p.items = nil
	switch {
	case p.walk != nil || p.looking == nil && p.planShown && p.course != nil:
		lines = append(lines, p.trouble(w)...)
		if p.walk != nil {
			lines = append(lines, p.readingLines(p.walk.reports, w)...)
		}
		body, at := p.course.lay(p.styles, w, p.formLines, p.mayAnswerOld)
		for _, m := range at {
			marks = append(marks, m+len(lines))
		}
		lines = append(lines, body...)
		lines = append(lines, p.gateLines(w)...)
	case p.looking != nil && p.looking.reports.line(w) != "":
		lines = append(lines, p.readingLines(p.looking.reports, w)...)
	case p.looking != nil:
		lines = append(lines, p.styles.muted.Render(fmt.Sprintf("%d asked, %d answered, %s", len(p.seen.rows), p.seen.answered(), took(p.looking.watch.Elapsed()))))
		lines = append(lines, p.seen.lines(p.styles, w)...)
	default:
		lines = append(lines, p.trouble(w)...)
		lines, marks = p.evidence(lines, w)
	}
	p.pane.fill(lines, marks)
}

// mayAnswerOld says until when resolvers may go on answering what stood before a
// live edit; nothing once that is over.
func (p *phase) mayAnswerOld(until time.Time) string {
	if !until.After(p.clock.Now()) {
		return ""
	}
	return "resolvers may answer what was before until " + p.when(until)
}

// trouble is why the last act did not do what it should.
func (p *phase) trouble(w int) []string {
	if p.err == nil {
		return nil
	}
	return append(indent(p.styles.fail.Render("FAIL  "+plain(p.err)), 0, w), "")
}

// evidence is what was seen, drift before it and the gate after it, or before it too.
func (p *phase) evidence(lines []string, w int) (all []string, marks []int) {
	if p.proposal != nil && p.proposal.Drift != nil {
		lines = append(lines, p.driftLines(*p.proposal.Drift, w)...)
	}
	ev := p.rollout.Evidence
	if ev == nil {
		if p.err == nil {
			lines = append(lines, "Nobody has looked yet.")
		}
		return lines, nil
	}
	first := p.gateFirst()
	if first {
		lines = append(append(lines, p.gateLines(w)[1:]...), "")
	}
	gs := groups(*ev, p.rollout.Phase, p.clock.Now())
	body, at, rows := lay(p.styles, gs, w)
	for _, m := range at {
		marks = append(marks, m+len(lines))
	}
	p.items = rows
	lines = append(lines, body...)
	if ev.Cut != "" {
		lines = append(lines, indent(p.styles.warn.Render("warn  the look ended early: "+finding.Clean(ev.Cut, 300)), 0, w)...)
	}
	lines = append(lines, p.styles.muted.Render("seen "+p.when(ev.At)+" in "+took(ev.Took)))
	if !first {
		lines = append(lines, p.gateLines(w)...)
	}
	return lines, marks
}

// gateFirst reports whether the gate stands above what was seen: where nothing that was
// seen fails and the gate is closed all the same, its reasons are what matters, and a
// small window shows no more than what stands first.
func (p *phase) gateFirst() bool {
	return p.reviewing() && len(p.gate.Closed()) > 0 && len(failsOf(standing{rollout: p.rollout})) == 0 && len(p.gateLines(p.pane.reading())) > 0
}

// mostReasons is how many reasons of a gate are told one by one.
const mostReasons = 20

// gateLines are the gate with its reasons, and what was overridden.
func (p *phase) gateLines(w int) []string {
	if !p.loaded {
		return nil
	}
	if len(p.gate.Reasons)+len(p.gate.Counted)+len(p.rollout.Overrides) == 0 {
		return nil
	}
	lines := []string{"", p.styles.muted.Render("Gate")}
	reasons := rollout.Grouped(p.gate.Reasons)
	for _, r := range reasons[:min(len(reasons), mostReasons)] {
		lines = append(lines, indent("- "+p.reason(r), 2, w)...)
	}
	if more := len(reasons) - mostReasons; more > 0 {
		lines = append(lines, "  and "+plural(more, "further reason")+"; v shows the failures among them together")
	}
	if p.gate.Forecast != "" {
		lines = append(lines, indent(p.local(p.gate.Forecast), 2, w)...)
	}
	if len(p.gate.Counted) > 0 {
		lines = append(lines, indent("counted: "+finding.Clean(strings.Join(p.gate.Counted, ", "), 400), 2, w)...)
	}
	for _, o := range p.rollout.Overrides {
		lines = append(lines, indent(fmt.Sprintf("overridden in %s by %s, %s: %s", o.Phase, finding.Clean(o.Who, 80), p.when(o.At), finding.Clean(o.Reason, 400)), 2, w)...)
	}
	return lines
}

// gateLine is the gate in one line.
func (p *phase) gateLine() string {
	closed := p.gate.Closed()
	switch {
	case p.gate.Open:
		return p.styles.ok.Render("Gate: open")
	case !p.gate.Until.IsZero():
		return p.styles.warn.Render("Gate: closed until " + p.when(p.gate.Until))
	}
	if len(closed) == 0 {
		return p.styles.warn.Render("Gate: closed")
	}
	return p.styles.warn.Render("Gate: closed, " + plural(len(rollout.Grouped(closed)), "reason"))
}

// footing is the gate in a line and what to do next; it is seen however far the
// body is scrolled.
func (p *phase) footing() []string {
	out := []string{""}
	if p.loaded && p.walk == nil {
		out = append(out, "  "+p.gateLine()+p.styles.muted.Render(p.tally()))
	}
	guide := wrap(p.guide(), max(p.width-4, 20))
	for _, l := range guide[:min(len(guide), 3)] {
		out = append(out, "  "+p.styles.next.Render(l))
	}
	return out
}

// tally counts what was seen.
func (p *phase) tally() string {
	ev := p.rollout.Evidence
	if ev == nil || p.looking != nil {
		return ""
	}
	n := map[finding.Severity]int{}
	for _, f := range ev.Findings {
		n[severityOf(f)]++
	}
	var parts []string
	for _, s := range []finding.Severity{finding.Fail, finding.Unknown, finding.Warn} {
		if n[s] > 0 {
			name := string(s)
			parts = append(parts, fmt.Sprintf("%d %s", n[s], name))
		}
	}
	if len(parts) == 0 {
		return "   nothing fails"
	}
	return "   " + strings.Join(parts, ", ")
}
