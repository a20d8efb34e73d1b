package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// TestTheOrderIsNeverBroken: where a certificate is missing, the body answers wrongly
// or one address differs, the body is written and its id is not. The half-state is
// named by whoever asks, and the very plan goes on once the host is mended. The rows
// wait for the same hosts in real time, and so run beside one another.
func TestTheOrderIsNeverBroken(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		shows, fault string
		code, says   string // a reason of the gate
		enforce      bool   // on the way from testing to enforce, not to testing
	}{
		{"no certificate of its name", "policy.wrong-name", "H03", "certificate is for", false},
		{"the file is not found", "policy.404", "H05", "404", false},
		{"a redirect", "policy.redirect", "H04", "www.corp.test", false},
		{"another type", "policy.type", "H06", "text/html", false},
		{"the certificate expired", "policy.expired", "H03", "expired", false},
		{"IPv6 keeps the old body", "policy.ipv6-stale", "H09", "2001:db8::20", true},
	} {
		t.Run(row.shows, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, lab.Options{})
			b.start()
			b.to(rollout.HostPolicy)
			if row.enforce {
				b.to(rollout.Enforce)
			}
			before := b.Records(mtasts.RecordName(b.Domain()), "TXT")
			phase := b.status().Phase
			b.breaks(row.fault)
			r := b.belay("next", b.Domain(), "--yes", "--json")
			var p rollout.Progress
			if err := json.Unmarshal([]byte(r.out), &p); err != nil || r.status != exitFails {
				t.Fatalf("exit %d, %v: %s%s", r.status, err, r.out, r.err)
			}
			if row.enforce && len(p.Edits) == 0 { // the gate itself already sees the fault
				t.Fatalf("nothing was begun: %+v", p.Gate)
			}
			if !slices.ContainsFunc(p.Gate.Reasons, func(x rollout.Reason) bool {
				return x.Code == row.code && strings.Contains(x.Subject+" "+x.Text, row.says) && x.Fix != ""
			}) {
				t.Errorf("the gate does not say %s %q: %+v", row.code, row.says, p.Gate.Reasons)
			}
			if got := b.Records(mtasts.RecordName(b.Domain()), "TXT"); !slices.Equal(got, before) {
				t.Fatalf("an id was announced before its body answers everywhere: %q, before %q", got, before)
			}
			if _, err := os.Stat(filepath.Join(b.WebRoot(), ".well-known", "mta-sts.txt")); err != nil {
				t.Errorf("the body is not there: %v", err)
			}
			for _, command := range []string{"status", "plan"} {
				said := strings.Join(strings.Fields(b.belay(command, b.Domain()).out), " ")
				if !strings.Contains(said, "is written, and not seen everywhere yet; _mta-sts.corp.test TXT is not begun") {
					t.Errorf("%s does not name the half-state:\n%s", command, said)
				}
			}
			id := p.Edits[len(p.Edits)-1].PolicyID
			if err := b.Set(row.fault, false); err != nil {
				t.Fatal(err)
			}
			if said := b.must(exitGood, "next", b.Domain(), "--yes").out; !strings.Contains(strings.Join(strings.Fields(said), " "), "is not finished. "+mtasts.PolicyURL(b.Domain())+" is written") {
				t.Errorf("next does not say what it takes up:\n%s", said)
			}
			if s := b.status(); s.Phase == phase || s.PolicyID != id {
				t.Errorf("the plan did not go on with id %s: %+v", id, s)
			}
		})
	}
}

// A CNAME that comes to stand where half a plan is to write its id is told as the
// cause, and the plan that plan shows then takes it away.
func TestAnAliasInTheWayOfAnIDIsToldAndTakenAway(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.HostPolicy)
	b.breaks("policy.404")
	b.setup = func(p *program) { p.patience = time.Nanosecond } // what fails does so at once
	b.next(exitFails)
	b.setup = nil
	if err := b.Set("policy.404", false); err != nil {
		t.Fatal(err)
	}
	name := mtasts.RecordName(b.Domain())
	if err := b.SetRRset(name, "CNAME", 300, "sts.vendor.test."); err != nil {
		t.Fatal(err)
	}
	b.settled()
	if r := b.must(exitRefused, "next", b.Domain(), "--yes"); !strings.Contains(r.err, "CNAME") || !strings.Contains(r.err, "look at the new plan") {
		t.Errorf("the cause is not told: %s", r.err)
	}
	if r := b.must(exitRefused, "next", b.Domain(), "--yes"); !strings.Contains(r.err, name+" CNAME holds sts.vendor.test, which belay did not write") {
		t.Errorf("it does not say that the alias is somebody's: %s", r.err)
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	b.must(exitGood, "next", b.Domain(), "--plan", file)
	if got := b.Records(name, "CNAME"); len(got) > 0 || b.status().Phase != rollout.ReviewReports {
		t.Errorf("there stands %q, in phase %s", got, b.status().Phase)
	}
}
