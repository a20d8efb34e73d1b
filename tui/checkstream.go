package tui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"belay/rollout/finding"
)

// subjects are what a check is about, as its groups are named.
const (
	aboutMX     = "MX hosts"
	aboutDNS    = "DNS"
	aboutPolicy = "Policy host"
	aboutElse   = "Also seen"
)

// stream arranges a look that is under way the way groups arranges one that is done:
// by what things are about, the worst first. Each subject that was asked is a row,
// and each finding stands below the row of its subject, or is one by itself.
func stream(t *talk, fs []finding.Finding) []group {
	at := map[string]int{}
	var rows []row
	var kinds []string
	rowOf := func(who, kind string) *row {
		i, ok := at[who]
		if !ok {
			i = len(rows)
			at[who] = i
			rows, kinds = append(rows, row{who: who, severity: finding.Pass}), append(kinds, kind)
		}
		return &rows[i]
	}
	asked, open := map[string]int{}, map[string]int{}
	for _, e := range t.exchanges {
		r := rowOf(e.subject, kindOf(e.asked))
		asked[e.subject]++
		if !e.answered {
			open[e.subject]++
			r.said = "asking " + e.asked
			continue
		}
		if open[e.subject] == 0 {
			r.said = e.said
		}
		r.took = max(r.took, e.took)
	}
	for who, n := range asked {
		if n > 1 && open[who] == 0 && kinds[at[who]] == aboutDNS {
			rows[at[who]].said = strconv.Itoa(n) + " questions answered"
		}
	}
	for _, f := range sorted(fs) {
		subject := finding.Clean(f.Subject, 200)
		r := rowOf(subject, kindOfCode(f.Code))
		if r.said == "" {
			r.said = finding.Clean(f.Title, 500)
		}
		r.findings = append(r.findings, f)
		r.severity = worstOf(r.findings, r.severity)
	}
	var out []group
	for _, kind := range []string{aboutMX, aboutDNS, aboutPolicy, aboutElse} {
		g := group{title: kind}
		for i, r := range rows {
			if kinds[i] == kind {
				g.rows = append(g.rows, r)
			}
		}
		if len(g.rows) > 0 {
			slices.SortStableFunc(g.rows, func(a, b row) int { return cmp.Compare(urgency(b.severity), urgency(a.severity)) })
			out = append(out, g)
		}
	}
	slices.SortStableFunc(out, func(a, b group) int { return cmp.Compare(urgency(b.worst()), urgency(a.worst())) })
	return out
}

// kindOf says what a question is about.
func kindOf(asked string) string {
	switch {
	case strings.Contains(asked, "STARTTLS"), strings.Contains(asked, "port 25"):
		return aboutMX
	case strings.HasPrefix(asked, "GET "), strings.Contains(asked, "port 443"), strings.Contains(asked, "port 80"):
		return aboutPolicy
	}
	return aboutDNS
}

// kindOfCode says what a finding is about, by the chapter of the catalogue.
func kindOfCode(code finding.Code) string {
	switch code[0] {
	case 'M':
		return aboutMX
	case 'H', 'C':
		return aboutPolicy
	case 'P', 'R', 'D', 'T':
		return aboutDNS
	}
	return aboutElse
}
