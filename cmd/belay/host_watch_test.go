package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/finding"
)

// TestAHostIsWatched: what befalls a policy host after the last phase is a finding of
// check, stands on the dashboard as the worst of its rollout, and is gone when it is
// mended.
func TestAHostIsWatched(t *testing.T) {
	renewalStops := breaks("policy.no-renewal")
	for _, row := range []struct {
		shows  string
		befall func(*box)
		mend   func(*box) // nil where nothing but a new certificate would
		code   finding.Code
		sev    finding.Severity
		says   string // in the title or the detail
	}{
		{"a certificate within 21 days of its end", with(renewalStops, passes(66*rollout.Day)), nil, "H10", finding.Warn, "certificate ends on"},
		{"a certificate within 7 days of its end", with(renewalStops, passes(75*rollout.Day)), nil, "H10", finding.Warn, "nothing is enforced or raised"},
		{"a renewal that is overdue", with(renewalStops, passes(54*rollout.Day)), nil, "O05", finding.Warn, "was not renewed, which was due on"},
		{"a body that the ledger does not have", func(b *box) { b.foreignBody() }, func(b *box) { b.ownBody() }, "O12", finding.Fail, "the policy is not the one verified last"},
		{"IPv6 refuses", breaks("policy.no-ipv6"), mends("policy.no-ipv6"), "H02", finding.Fail, "refuses the connection"},
		{"IPv4 is silent", breaks("policy.ipv4-unreachable"), mends("policy.ipv4-unreachable"), "H02", finding.Fail, "no answer on port 443"},
		{"IPv6 keeps an old body", func(b *box) { breaks("policy.ipv6-stale")(b); b.foreignBody() }, func(b *box) { mends("policy.ipv6-stale")(b); b.ownBody() }, "H09", finding.Warn, "its addresses serve different policies"},
	} {
		t.Run(row.shows, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, lab.Options{})
			b.start()
			b.to(rollout.Holding)
			b.settled()
			if worst := b.worst(); worst != nil && worst.Severity != finding.Info {
				t.Fatalf("before anything befell it: %v", worst)
			}
			row.befall(b)
			seen := b.check()
			found := func(f finding.Finding) bool {
				return f.Code == row.code && f.Severity == row.sev && strings.Contains(f.Title+f.Detail, row.says) && f.Fix != ""
			}
			if !slices.ContainsFunc(seen.Findings, found) {
				t.Errorf("check does not find %s %q:%s", row.code, row.says, findingLines(seen.Findings))
			}
			if worst := b.worst(); worst == nil || row.sev.Worse(worst.Severity) {
				t.Errorf("on the dashboard the worst is %v, want a %s at least", worst, row.sev)
			}
			if row.mend == nil {
				return
			}
			row.mend(b)
			if seen = b.check(); slices.ContainsFunc(seen.Findings, found) {
				t.Errorf("mended, and still found:%s", findingLines(seen.Findings))
			}
			if worst := b.worst(); worst != nil && worst.Severity == row.sev {
				t.Errorf("mended, and on the dashboard still %v", worst)
			}
		})
	}
}

// worst is the worst finding that the dashboard shows of the rollout.
func (b *box) worst() *finding.Finding {
	b.t.Helper()
	var s statusShape
	if err := json.Unmarshal([]byte(b.must(exitGood, "status", b.Domain(), "--json").out), &s); err != nil {
		b.t.Fatal(err)
	}
	return s.Worst
}

// foreignBody puts a policy up that belay never served, and ownBody the one it did.
func (b *box) foreignBody() { serves(strings.Replace(b.file(), "2592000", "2592001", 1))(b) }
func (b *box) ownBody()     { serves(strings.Replace(b.file(), "2592001", "2592000", 1))(b) }

// mends switches faults off.
func mends(faults ...string) func(*box) {
	return func(b *box) {
		b.t.Helper()
		for _, f := range faults {
			if err := b.Set(f, false); err != nil {
				b.t.Fatal(fmt.Errorf("mend: %w", err))
			}
		}
	}
}
