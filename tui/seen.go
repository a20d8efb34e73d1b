package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/charmbracelet/x/ansi"
)

// A row is one line of what was seen: who was asked, what it said, how long it
// took; below it stand the findings about it.
type row struct {
	severity finding.Severity
	who      string
	said     string
	took     time.Duration
	findings []finding.Finding
}

// A group is what was seen of one kind of thing.
type group struct {
	title string
	// phase is the one that this group is the business of.
	phase rollout.Phase
	rows  []row
}

func (g group) worst() finding.Severity {
	worst := finding.Pass
	for _, r := range g.rows {
		if weight(r.severity) > weight(worst) {
			worst = r.severity
		}
	}
	return worst
}

// weight orders severities with what could not be seen between warn and fail.
func weight(s finding.Severity) int {
	switch s {
	case finding.Fail:
		return 4
	case finding.Unknown:
		return 3
	case finding.Warn:
		return 2
	case finding.Info:
		return 1
	}
	return 0
}

// severityOf is a finding's severity, or unknown where it could not be seen.
func severityOf(f finding.Finding) finding.Severity {
	if f.Unknown {
		return finding.Unknown
	}
	return f.Severity
}

// sorted is fs, the worst first, else in their order.
func sorted(fs []finding.Finding) []finding.Finding {
	out := slices.Clone(fs)
	slices.SortStableFunc(out, func(a, b finding.Finding) int {
		return cmp.Compare(weight(severityOf(b)), weight(severityOf(a)))
	})
	return out
}

// groups arranges evidence for reading: the worst group first, among equals the
// one that phase is about, and within a group the worst row first. Every finding
// stands exactly once: below the row that it is about, else by itself.
func groups(ev rollout.Evidence, phase rollout.Phase, now time.Time) []group {
	left := sorted(ev.Findings)
	// claim takes the findings that are about a subject out of what is left.
	claim := func(about func(subject string) bool) []finding.Finding {
		var mine, rest []finding.Finding
		for _, f := range left {
			if about(f.Subject) {
				mine = append(mine, f)
			} else {
				rest = append(rest, f)
			}
		}
		left = rest
		return mine
	}
	out := []group{
		{title: "MX hosts", phase: rollout.CheckMX, rows: mxRows(ev, claim, now)},
		{title: "DNS", phase: rollout.PublishDNS, rows: nameRows(ev, claim)},
		{title: "Policy host", phase: rollout.HostPolicy, rows: policyRows(ev, claim, now)},
	}
	var loose group
	loose.title = "Also seen"
	for _, f := range left {
		loose.rows = append(loose.rows, row{severity: severityOf(f), who: finding.Clean(f.Subject, 200), said: finding.Clean(f.Title, 500), findings: []finding.Finding{f}})
	}
	out = append(out, loose)
	out = slices.DeleteFunc(out, func(g group) bool { return len(g.rows) == 0 })
	for _, g := range out {
		slices.SortStableFunc(g.rows, func(a, b row) int { return cmp.Compare(urgency(b.severity), urgency(a.severity)) })
	}
	slices.SortStableFunc(out, func(a, b group) int {
		return cmp.Or(cmp.Compare(urgency(b.worst()), urgency(a.worst())), cmp.Compare(rank(b.phase == phase), rank(a.phase == phase)))
	})
	return out
}

// urgency is the weight of what asks for something to be done, and 0 for what
// does not: that keeps the order of its kind.
func urgency(s finding.Severity) int {
	if s == finding.Info || s == finding.Pass {
		return 0
	}
	return weight(s)
}

type claimer func(about func(subject string) bool) []finding.Finding

// worstOf is the worst severity of fs, at least base.
func worstOf(fs []finding.Finding, base finding.Severity) finding.Severity {
	for _, f := range fs {
		if s := severityOf(f); weight(s) > weight(base) {
			base = s
		}
	}
	return base
}

// at reports whether a subject is about host, and if ip is not empty about that
// address of it: "mx1.corp.test [192.0.2.1]".
func at(subject, host, ip string) bool {
	if ip == "" {
		return subject == host
	}
	return strings.HasPrefix(subject, host+" ") && strings.Contains(subject, ip)
}

func mxRows(ev rollout.Evidence, claim claimer, now time.Time) []row {
	var out []row
	for _, m := range ev.MX {
		whole := claim(func(s string) bool { return at(s, m.Host, "") })
		for i, a := range m.Addresses {
			fs := claim(func(s string) bool { return at(s, m.Host, a.IP.String()) })
			if i == 0 {
				fs = append(fs, whole...)
			}
			base := a.Verdict
			if base == "" {
				base = finding.Pass
			}
			said := []string{fmt.Sprintf("%-3d", m.Preference), fit(a.IP.String(), 12)}
			switch {
			case a.NoRoute:
				said = append(said, "no route from here")
			case a.Err != "":
				said = append(said, finding.Clean(a.Err, 300))
			default:
				said = append(said, fit(finding.Clean(a.TLSVersion, 20), 7))
				if len(a.Certificates) > 0 {
					said = append(said, certificate(a.Certificates[0], now))
				}
			}
			out = append(out, row{severity: worstOf(fs, base), who: finding.Clean(m.Host, 255), said: strings.Join(said, " "), took: a.Took, findings: fs})
		}
		if len(m.Addresses) == 0 {
			out = append(out, row{severity: worstOf(whole, finding.Info), who: finding.Clean(m.Host, 255), said: fmt.Sprintf("%-3d no address", m.Preference), findings: whole})
		}
	}
	return out
}

// certificate says who issued a certificate and how long it is good.
func certificate(c rollout.Certificate, now time.Time) string {
	issuer := finding.Clean(c.Issuer, 80)
	if name, ok := strings.CutPrefix(issuer, "CN="); ok {
		issuer, _, _ = strings.Cut(name, ",")
	}
	left := c.NotAfter.Sub(now)
	if left < 0 {
		return fmt.Sprintf("expired %s ago, %s", span(-left), issuer)
	}
	return fmt.Sprintf("%s left, %s", span(left), issuer)
}

func nameRows(ev rollout.Evidence, claim claimer) []row {
	var out []row
	for _, n := range ev.Names {
		if n.Type == "MX" {
			continue // the MX hosts stand in a group of their own
		}
		fs := claim(func(s string) bool { return s == n.Name+" "+n.Type })
		if n.Type == "TXT" {
			fs = append(fs, claim(func(s string) bool { return s == n.Name })...)
		}
		r := row{severity: finding.Pass, who: finding.Clean(n.Name, 255), findings: fs}
		value, agreed := rollout.Agreed(n.Sightings)
		switch {
		case !agreed:
			r.severity, r.said = finding.Info, n.Type+" name servers do not agree"
		case !value.Exists:
			r.severity, r.said = finding.Info, n.Type+" not there"
		default:
			r.said = n.Type + " " + finding.Clean(value.String(), 1000)
		}
		answered := 0
		for _, s := range n.Sightings {
			if s.Answered {
				answered++
			}
			r.took = max(r.took, s.Took)
		}
		if agreed && value.Exists && answered > 1 {
			r.said += fmt.Sprintf("   (%d servers)", answered)
		}
		r.severity = worstOf(fs, r.severity)
		out = append(out, r)
	}
	return out
}

func policyRows(ev rollout.Evidence, claim claimer, now time.Time) []row {
	host := "mta-sts." + ev.Domain
	whole := claim(func(s string) bool { return s == host || s == ev.Policy.URL && s != "" })
	var out []row
	for i, a := range ev.Policy.Addresses {
		fs := claim(func(s string) bool { return at(s, host, a.IP.String()) || at(s, ev.Policy.URL, a.IP.String()) })
		if i == 0 {
			fs = append(fs, whole...)
		}
		said := fit(a.IP.String(), 12) + " "
		base := finding.Pass
		switch {
		case a.NoRoute:
			base, said = finding.Unknown, said+"no route from here"
		case !a.Answered:
			base, said = finding.Info, said+finding.Clean(a.Err, 300)
		default:
			said += fmt.Sprintf("%d %s %s", a.Status, finding.Clean(a.ContentType, 60), finding.Clean(a.TLSVersion, 20))
			if a.Certificate != nil {
				said += " " + certificate(*a.Certificate, now)
			}
		}
		out = append(out, row{severity: worstOf(fs, base), who: host, said: said, took: a.Took, findings: fs})
	}
	if len(out) == 0 && len(whole) > 0 {
		out = append(out, row{severity: worstOf(whole, finding.Info), who: host, said: finding.Clean(whole[0].Title, 500), findings: whole})
	}
	return out
}

// findingLine is a finding on one line: severity, subject, what was seen, code.
func findingLine(st Styles, f finding.Finding, w int) string {
	s := severityOf(f)
	return both(st.mark(s)+" "+finding.Clean(f.Subject, 200)+"  "+finding.Clean(f.Title, 500), st.muted.Render(string(f.Code)), w)
}

// lay renders groups in w cells: the lines, where each row begins, and the rows
// in that order.
func lay(st Styles, gs []group, w int) (lines []string, marks []int, rows []row) {
	told := map[string]bool{}
	for _, g := range gs {
		lines = append(lines, st.muted.Render(g.title))
		whoWidth := 0
		for _, r := range g.rows {
			whoWidth = max(whoWidth, len(r.who))
		}
		whoWidth = min(whoWidth, w*2/5, 44)
		var above []finding.Finding
		for i, r := range g.rows {
			marks, rows = append(marks, len(lines)), append(rows, r)
			lines = append(lines, both(st.mark(r.severity)+" "+fit(r.who, whoWidth)+"  "+r.said, st.muted.Render(took(r.took)), w))
			r.findings = sorted(merged(above, r.findings))
			if above = nil; i+1 < len(g.rows) && alike(r, g.rows[i+1]) {
				above = r.findings
				continue
			}
			lines = append(lines, below(st, r, told, w)...)
		}
	}
	return lines, marks, rows
}

// alike reports whether a row's host stands in the next one again, of which the
// same is to be said: two addresses with one certificate. It is said once, below
// the last of them.
func alike(r, next row) bool {
	if r.who != next.who || r.severity != next.severity {
		return false
	}
	said := false
	for _, f := range next.findings {
		if !slices.ContainsFunc(r.findings, func(g finding.Finding) bool { return sameSaid(f, g) }) {
			return false
		}
		said = said || severityOf(f) != finding.Pass
	}
	return said
}

// sameSaid reports whether two findings say the same, of whatever address.
func sameSaid(a, b finding.Finding) bool { return a.Code == b.Code && a.Title == b.Title }

// merged is as with those of bs that say something else.
func merged(as, bs []finding.Finding) []finding.Finding {
	out := slices.Clone(as)
	for _, f := range bs {
		if !slices.ContainsFunc(out, func(g finding.Finding) bool { return sameSaid(f, g) }) {
			out = append(out, f)
		}
	}
	return out
}

// below is what stands under a row: what fails with its meaning and mend, the
// rest with its sentence. What was told of another row is not told again:
// it is a key away.
func below(st Styles, r row, told map[string]bool, w int) []string {
	var out []string
	for _, f := range r.findings {
		s := severityOf(f)
		if s == finding.Pass {
			continue
		}
		if title := finding.Clean(f.Title, 500); title != r.said {
			out = append(out, both("        "+st.of(s).Render(title), st.muted.Render(string(f.Code)), w))
		}
		means := finding.Clean(f.Detail+" "+f.Fix, 1500)
		if s != finding.Fail || told[means] {
			continue
		}
		told[means] = true
		out = append(out, indent(means, 8, w)...)
		if last := len(out) - 1; f.Ref != "" && ansi.StringWidth(out[last])+2+len(f.Ref) <= w {
			out[last] = both(out[last], st.muted.Render(f.Ref), w)
		} else if f.Ref != "" {
			out = append(out, both("        ", st.muted.Render(f.Ref), w))
		}
	}
	return out
}

// explain is everything the catalogue knows of the findings of a row.
func explain(r row) []string {
	var out []string
	for _, f := range r.findings {
		entry, known := finding.Lookup(f.Code)
		out = append(out, fmt.Sprintf("%s %s  %s", word(severityOf(f)), f.Code, finding.Clean(f.Title, 500)))
		if known {
			out = append(out, "", entry.Title+". "+entry.Detail)
			if entry.Fix != "" {
				out = append(out, "", "How it is mended: "+entry.Fix)
			}
		}
		if f.Fix != "" && f.Fix != entry.Fix {
			out = append(out, "", "Here: "+finding.Clean(f.Fix, 1000))
		}
		if f.Ref != "" {
			out = append(out, "", f.Ref)
		}
		out = append(out, "")
	}
	if len(out) == 0 {
		out = []string{"Nothing is wrong here: " + r.who + " said " + r.said + "."}
	}
	return out
}
