package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"belay/providers/lab"
	"belay/rollout/finding"
)

// A findingRow is one row of the catalogue made true. Two labs are built alike, the
// fault is made in one of them, and belay's own binary checks both over sockets:
// the finding must come out of the one and not of the other. Rows that prepare no lab
// of their own have the one without a fault in common.
type findingRow struct {
	code finding.Code
	// sev is the severity wanted; empty is the catalogue's.
	sev finding.Severity
	// made says how it is made true.
	made string
	// sound prepares both labs; nil publishes a policy in testing.
	sound func(*box)
	// fault prepares the one.
	fault func(*box)
	// after happens in both labs then; nil is nothing.
	after func(*box)
	// domain is what is checked in the faulty lab, and its lab's mail domain.
	domain string
}

// plain reports whether the row's sound lab is like any other plain row's.
func (r findingRow) plain() bool { return r.sound == nil && r.after == nil }

func (r findingRow) severity() finding.Severity {
	if r.sev != "" {
		return r.sev
	}
	e, _ := finding.Lookup(r.code)
	return e.Severity
}

// shows returns the row's finding in what was seen. Where the row wants a severity
// of its own, the same code with another one is not it.
func (r findingRow) shows(fs []finding.Finding) (f finding.Finding, ok bool) {
	i := slices.IndexFunc(fs, func(f finding.Finding) bool {
		return f.Code == r.code && f.Severity != finding.Pass && (r.sev == "" || f.Severity == r.sev)
	})
	if i < 0 {
		return f, false
	}
	return fs[i], true
}

// checking is a check under way: belay's program in a process of its own (see
// guest), in a lab of its own.
type checking struct{ *guestRun }

// begin starts check --json on a domain in the lab of b.
func (b *box) begin(domain string) checking {
	b.t.Helper()
	g := b.guest("check", "--json", domain)
	if err := g.Start(); err != nil {
		b.t.Fatal(err)
	}
	return checking{g}
}

// end waits for the check and reads the one object that it printed.
func (c checking) end(t *testing.T) (s checkShape) {
	t.Helper()
	err := c.Wait()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(c.out.Bytes(), &s); err != nil {
		t.Fatalf("check printed %q and %q: %v", c.out.String(), c.err.String(), err)
	}
	if i := bytes.IndexFunc(c.out.Bytes(), func(r rune) bool { return r < ' ' && r != '\n' || 0x7f <= r && r <= 0x9f }); i >= 0 {
		t.Errorf("control character in the output: %q", c.out.Bytes()[max(0, i-40):i+1])
	}
	if err := c.box.Close(); err != nil {
		t.Error(err)
	}
	return s
}

// prepared is a lab as the row wants it, and the check of it begun.
func (r findingRow) prepared(t *testing.T, faulty bool) checking {
	t.Helper()
	domain := "corp.test"
	if faulty && r.domain != "" {
		domain = r.domain
	}
	b := newBox(t, lab.Options{Domain: domain})
	sound := r.sound
	if sound == nil {
		sound = published
	}
	sound(b)
	if faulty {
		r.fault(b)
	}
	if r.after != nil {
		r.after(b)
	}
	return b.begin(domain)
}

// rowsAtOnce is how many rows are under way at a time: silent hosts take theirs.
const rowsAtOnce = 8

// TestEveryFinding makes every finding that can be seen from outside true, and
// prints the table of the whole catalogue.
func TestEveryFinding(t *testing.T) {
	t.Parallel() // silent hosts are waited for
	rows := slices.Concat(slowRows(), mailRows(), zoneRows(), nameRows(), hostRows(), bodyRows(), ledgerRows())
	verdicts := map[finding.Code][]string{}
	type pair struct {
		findingRow
		with    checking
		without func(*testing.T) checkShape
	}
	plain := findingRow{}.prepared(t, false).end(t)
	soundFor := func(r findingRow) func(*testing.T) checkShape {
		if r.plain() {
			return func(*testing.T) checkShape { return plain }
		}
		return r.prepared(t, false).end
	}
	settle := func(p pair) {
		t.Run(string(p.code)+" "+p.made, func(t *testing.T) {
			with, without := p.with.end(t), p.without(t)
			f, present := p.shows(with.Findings)
			if !present || f.Severity != p.severity() {
				t.Errorf("made true, and %s %s is not found:\n%s%s", p.severity(), p.code, findingLines(with.Findings), with.Error)
			}
			if g, still := p.shows(without.Findings); still {
				t.Errorf("not made true, and found: %v", g)
			}
			reads(t, f)
			verdicts[p.code] = append(verdicts[p.code], fmt.Sprintf("%s\t%s\t%s\t%s", p.made, yes(present), yes(!p.absence(without)), f.Title))
		})
	}
	var underway []pair
	for _, r := range rows {
		if len(underway) == rowsAtOnce {
			settle(underway[0])
			underway = underway[1:]
		}
		underway = append(underway, pair{r, r.prepared(t, true), soundFor(r)})
	}
	for _, p := range underway {
		settle(p)
	}
	t.Log(findingTable(t, verdicts))
}

// absence reports whether the row's finding is there without its fault.
func (r findingRow) absence(without checkShape) bool {
	_, there := r.shows(without.Findings)
	return there
}

// reads fails unless a finding says what was seen, what it means and how it is
// mended.
func reads(t *testing.T, f finding.Finding) {
	t.Helper()
	e, _ := finding.Lookup(f.Code)
	switch {
	case f.Subject == "" || f.Title == "" || f.Detail == "":
		t.Errorf("subject %q, title %q, detail %q", f.Subject, f.Title, f.Detail)
	case f.Fix == "" && f.Severity != finding.Info:
		t.Errorf("%v says not how it is mended", f)
	case f.Ref != e.Ref:
		t.Errorf("%v refers to %q, not %q", f, f.Ref, e.Ref)
	}
	if f.Severity == finding.Warn && e.Severity == finding.Fail {
		return // no sender refuses what is only warned of
	}
	for _, sender := range refusers()[f.Code] {
		if !strings.Contains(f.Detail, sender) {
			t.Errorf("senders differ, and %v does not say that %s is one who refuses: %s", f, sender, f.Detail)
		}
	}
}

// refusers are senders that refuse where others do not, by the code that has to
// name them.
func refusers() map[finding.Code][]string {
	return map[finding.Code][]string{
		"C02": {"mox", "maddy", "postfix-tlspol"},
		"C05": {"mox", "postfix-tlspol", "postfix-mta-sts-resolver"},
		"C11": {"mox", "postfix-tlspol"},
		"H06": {"maddy", "postfix-tlspol", "postfix-mta-sts-resolver"},
		"H07": {"postfix-tlspol", "postfix-mta-sts-resolver"},
		"H12": {"mox", "postfix-tlspol", "postfix-mta-sts-resolver"},
		"R05": {"mox"},
		"T03": {"mox", "postfix-tlspol"},
	}
}

func findingLines(fs []finding.Finding) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "NO"
}

// findingTable lists every code of the catalogue: how it was made true and whether
// it came and went, or why it cannot be seen from outside.
func findingTable(t *testing.T, verdicts map[finding.Code][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\ncode\tmade true by\tfound\tabsent without\tas\n")
	seen, unseen := 0, 0
	reasons := unseenFromOutside()
	for _, e := range finding.Catalogue() {
		rows, why := verdicts[e.Code], reasons[e.Code]
		switch {
		case len(rows) > 0 && why != "":
			t.Errorf("%s is seen, and yet %q", e.Code, why)
		case len(rows) > 0:
			seen++
		case why != "":
			unseen++
			fmt.Fprintf(w, "%s\t-\t-\t-\tnot seen from outside: %s\n", e.Code, why)
		default:
			t.Errorf("no row makes %s true, and nothing says why", e.Code)
		}
		for _, row := range rows {
			fmt.Fprintf(w, "%s\t%s\n", e.Code, row)
		}
	}
	w.Flush()
	fmt.Fprintf(&b, "%d of %d codes seen through check --json, %d cannot be seen from outside\n", seen, len(finding.Catalogue()), unseen)
	return b.String()
}
