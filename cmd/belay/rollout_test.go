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
	"belay/rollout/finding"
)

// settled waits until resolvers hold nothing from before: an hour passes.
func (b *box) settled() {
	b.t.Helper()
	if err := b.Wind(time.Hour); err != nil {
		b.t.Fatal(err)
	}
}

// to walks until the rollout has reached phase.
func (b *box) to(phase rollout.Phase) {
	b.t.Helper()
	for step := 0; b.status().Phase != phase; step++ {
		if step == 20 {
			b.t.Fatalf("after %d steps the rollout is not in %s:\n%s", step, phase, b.belay("status").out)
		}
		b.settled()
		b.next(exitGood)
	}
}

func (b *box) status() statusShape {
	b.t.Helper()
	var s statusShape
	out := b.must(exitGood, "status", b.Domain(), "--json").out
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		b.t.Fatalf("status printed %q: %v", out, err)
	}
	return s
}

func (b *box) check() checkShape {
	b.t.Helper()
	var s checkShape
	out := b.belay("check", b.Domain(), "--json").out
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		b.t.Fatalf("check printed %q: %v", out, err)
	}
	return s
}

func TestNextLeadsToHolding(t *testing.T) {
	b := newBox(t, lab.Options{})
	if err := b.Set("mx2.expired", true); err != nil {
		t.Fatal(err)
	}
	b.start()
	first := b.next(exitFails)
	if first.Moved || first.Gate.Open || finding.Worst(first.Findings) != finding.Fail {
		t.Fatalf("with an expired certificate the first gate let go: %+v", first)
	}
	if err := b.Set("mx2.expired", false); err != nil {
		t.Fatal(err)
	}
	phases := []rollout.Phase{}
	var rungs []uint32
	for s := b.status(); s.Phase != rollout.Holding; s = b.status() {
		if len(phases) == 20 {
			t.Fatalf("no end: %v", phases)
		}
		b.settled()
		p := b.next(exitGood)
		phases = append(phases, p.Phase)
		rungs = append(rungs, p.Rung)
		for _, e := range p.Edits {
			if e.Outcome != rollout.Applied {
				t.Errorf("%s %s is %s", e.Name, e.Type, e.Outcome)
			}
		}
	}
	want := []rollout.Phase{rollout.PublishDNS, rollout.HostPolicy, rollout.ReviewReports, rollout.Enforce, rollout.RaiseMaxAge, rollout.RaiseMaxAge, rollout.Holding}
	if !slices.Equal(phases, want) {
		t.Errorf("phases %v, want %v", phases, want)
	}
	if want := []uint32{0, 0, 86400, 86400, 86400, 604800, 2592000}; !slices.Equal(rungs, want) {
		t.Errorf("rungs %v, want %v", rungs, want)
	}
	seen := b.check()
	id := b.status().PolicyID
	if seen.Policy.Mode != "enforce" || seen.Policy.MaxAge != 2592000 || seen.Record.ID != id || !seen.TLSRPT.Valid {
		t.Errorf("what stands is not what status says: %+v, id %s", seen, id)
	}
	if got := b.Records("_mta-sts.corp.test", "TXT"); len(got) != 1 || !strings.Contains(got[0], id) {
		t.Errorf("the name server holds %q, want id %s", got, id)
	}
	b.must(exitGood, "next", b.Domain(), "--yes") // holding: a look
	log := b.must(exitGood, "log", b.Domain()).out
	for _, word := range []string{"created", "accepted", "intended", "received", "verified", "moved"} {
		if !strings.Contains(log, word) {
			t.Errorf("the journal does not show %q:\n%s", word, log)
		}
	}
}

func TestCheckNeedsNoRolloutAndMakesNoStore(t *testing.T) {
	b := newBox(t, lab.Options{})
	if err := b.Set("mx2.expired", true); err != nil {
		t.Fatal(err)
	}
	r := b.must(exitFails, "check", b.Domain(), "--json")
	var raw map[string]any
	if err := json.Unmarshal([]byte(r.out), &raw); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"domain", "checked_at", "verdict", "record", "policy", "tlsrpt", "mx", "findings"} {
		if raw[key] == nil {
			t.Errorf("the object has no %q: %s", key, r.out)
		}
	}
	if raw["verdict"] != "fail" || strings.Count(r.out, "\n") != 1 {
		t.Errorf("verdict %v on %d lines", raw["verdict"], strings.Count(r.out, "\n"))
	}
	if entries, _ := os.ReadDir(b.state); len(entries) > 0 {
		t.Errorf("check left %v behind", entries)
	}
	if !strings.Contains(b.must(exitFails, "check", b.Domain()).out, "mx2.corp.test [192.0.2.12]") {
		t.Error("the printed check does not name the broken address")
	}
}

func TestWhatCannotBeLookedAtIsStatus2(t *testing.T) {
	b := newBox(t, lab.Options{})
	list := filepath.Join(t.TempDir(), "domains")
	if err := os.WriteFile(list, []byte("# ours\n"+b.Domain()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.must(exitGood, "check", "--file", list)
	r := b.must(exitCannot, "--resolver", "198.51.100.1", "check", b.Domain(), "--json")
	var s checkShape
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatal(err)
	}
	if s.Verdict != finding.Unknown || s.Error == "" {
		t.Errorf("a look without a resolver says %+v", s)
	}
}

func TestNextWithoutATerminalNeedsConsent(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	r := b.must(exitRefused, "next", b.Domain())
	if !strings.Contains(r.err, "--yes") || !strings.Contains(r.err, "--plan") {
		t.Errorf("it does not say how to consent: %s", r.err)
	}
	if s := b.status(); s.Phase != rollout.CheckMX {
		t.Errorf("it moved to %s all the same", s.Phase)
	}
}

func TestASavedPlanIsCarriedOutAsItWasShown(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.PublishDNS)
	file := filepath.Join(t.TempDir(), "plan.json")
	shown := b.must(exitGood, "plan", b.Domain(), "--out", file, "--json").out
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var a, z planShape
	if err := json.Unmarshal([]byte(shown), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &z); err != nil || a.Hash != z.Hash || len(z.Edits) != 3 {
		t.Fatalf("shown %s, saved %s with %d edits: %v", a.Hash, z.Hash, len(z.Edits), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the plan is readable to others: %v %v", info.Mode(), err)
	}

	forged := strings.Replace(string(text), "192.0.2.20", "192.0.2.66", 1)
	forgery := filepath.Join(t.TempDir(), "forged.json")
	if err := os.WriteFile(forgery, []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := b.must(exitRefused, "next", b.Domain(), "--plan", forgery); !strings.Contains(r.err, "changed since it was saved") {
		t.Errorf("a changed plan is refused with %s", r.err)
	}
	b.must(exitRefused, "next", "other.test", "--plan", file)

	b.must(exitGood, "next", b.Domain(), "--plan", file)
	if got := b.Records("mta-sts.corp.test", "A"); !slices.Equal(got, []string{"192.0.2.20"}) {
		t.Errorf("mta-sts points at %v", got)
	}
	b.must(exitRefused, "next", b.Domain(), "--plan", file) // stale: it is done
}

func TestAForeignValueNeedsThePlanThatShowsIt(t *testing.T) {
	b := newBox(t, lab.Options{})
	if err := b.SetRRset("mta-sts.corp.test", "A", 600, "192.0.2.11"); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.to(rollout.PublishDNS)
	b.must(exitRefused, "next", b.Domain(), "--yes")
	if got := b.Records("mta-sts.corp.test", "A"); !slices.Equal(got, []string{"192.0.2.11"}) {
		t.Fatalf("the foreign value is gone: %v", got)
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	b.must(exitGood, "next", b.Domain(), "--plan", file)
	if got := b.Records("mta-sts.corp.test", "A"); !slices.Equal(got, []string{"192.0.2.20"}) {
		t.Errorf("mta-sts points at %v", got)
	}
}

func TestStepBackAndDrift(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.RaiseMaxAge)
	b.settled()
	b.must(exitRefused, "step-back", b.Domain()) // nobody to ask
	b.must(exitGood, "step-back", b.Domain(), "--yes")
	if s := b.status(); s.Mode != "testing" || s.Phase != rollout.ReviewReports {
		t.Fatalf("after the step back: %+v", s)
	}
	b.settled()

	if err := b.SetRRset("_mta-sts.corp.test", "TXT", 300, "v=STSv1; id=somebodyelses;"); err != nil {
		t.Fatal(err)
	}
	b.settled()
	if r := b.must(exitFails, "plan", b.Domain()); !strings.Contains(r.out, "belay restore corp.test") {
		t.Errorf("the plan does not offer to restore:\n%s", r.out)
	}
	if p := b.next(exitFails); len(p.Edits) > 0 {
		t.Errorf("next restored unasked: %+v", p.Edits)
	}
	file := filepath.Join(t.TempDir(), "restore.json")
	b.must(exitGood, "restore", b.Domain(), "--out", file)
	b.must(exitGood, "restore", b.Domain(), "--plan", file)
	if got := b.Records("_mta-sts.corp.test", "TXT"); len(got) != 1 || strings.Contains(got[0], "somebodyelses") {
		t.Errorf("restored to %q", got)
	}
	b.must(exitRefused, "restore", b.Domain(), "--yes") // nothing differs now
}

func TestAdoptAfterDrift(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.ReviewReports)
	if err := b.SetRRset("_mta-sts.corp.test", "TXT", 300, "v=STSv1; id=somebodyelses;"); err != nil {
		t.Fatal(err)
	}
	b.settled()
	for _, no := range []string{"", "yes"} {
		said := b.typing(no, exitRefused, "adopt", b.Domain(), "--reason", "another admin published it")
		if s := b.status(); s.PolicyID == "somebodyelses" || !strings.Contains(said, "v=STSv1; id=somebodyelses;") || !strings.Contains(said, "mode: testing") {
			t.Fatalf("answered %q, adopted %q; shown\n%s", no, s.PolicyID, said)
		}
	}
	b.must(exitGood, "adopt", b.Domain(), "--reason", "another admin published it")
	if s := b.status(); s.PolicyID != "somebodyelses" {
		t.Errorf("adopted id %q", s.PolicyID)
	}
}

func TestAnInternationalDomainIsShownInBothForms(t *testing.T) {
	b := newBox(t, lab.Options{Extra: []string{"xn--bcher-kva.test"}})
	r := b.must(exitGood, "check", "Bücher.test")
	if !strings.HasPrefix(r.out, "bücher.test (xn--bcher-kva.test): ") {
		t.Errorf("it shows %s", r.out)
	}
}

func TestTheLogTellsWhatHappensAndNoSecret(t *testing.T) {
	b := newBox(t, lab.Options{})
	file := filepath.Join(t.TempDir(), "log")
	b.start("--log", file)
	b.must(exitGood, "next", b.Domain(), "--yes", "--log", file)
	b.must(exitGood, "next", b.Domain(), "--yes", "--log", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var e struct{ Msg string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds[e.Msg] = true
	}
	for _, kind := range []rollout.EventKind{rollout.Answered, rollout.Concluded, rollout.Applying, rollout.Edited, rollout.BecameLive, rollout.Moving} {
		if !kinds[string(kind)] {
			t.Errorf("the log has no %q", kind)
		}
	}
	if strings.Contains(string(text), b.env["RFC2136_TSIG_SECRET"]) {
		t.Error("the log holds the key")
	}
}
