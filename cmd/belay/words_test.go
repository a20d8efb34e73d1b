package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/world"
)

// run is one command line that needs no lab.
func run(args ...string) ran {
	var out, errs strings.Builder
	p := newProgram(world.World{}, strings.NewReader(""), &out, &errs, os.LookupEnv)
	status := p.run(args)
	return ran{status, out.String(), errs.String()}
}

func TestAMistypedCommandIsGuessedWhateverFollowsIt(t *testing.T) {
	for _, args := range [][]string{{"chekc"}, {"chekc", "corp.test"}, {"chekc", "corp.test", "corp.example"}} {
		r := run(args...)
		if r.status != exitCannot || !strings.Contains(r.err, `did you mean "check"?`) {
			t.Errorf("belay %s: exit %d, %s", strings.Join(args, " "), r.status, r.err)
		}
	}
	if r := run("corp.test", "corp.example"); r.status != exitCannot || !strings.Contains(r.err, "takes one domain at most") {
		t.Errorf("two domains: exit %d, %s", r.status, r.err)
	}
}

func TestLintNamesThePatternThatCovers(t *testing.T) {
	r := run("lint", "mx-match", "mx1.corp.test", "mx2.corp.test", "*.corp.test")
	if r.status != exitGood || r.out != "mx-match: accept: *.corp.test covers it\n" {
		t.Errorf("exit %d, %q", r.status, r.out)
	}
}

// A plan of step back is another than the one that belay plan saves.
func TestWithoutATerminalTheWayNamesTheCommandItself(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	for command, want := range map[string]string{
		"next":      "belay plan corp.test --out FILE and carry it out with belay next corp.test --plan FILE",
		"step-back": "belay step-back corp.test --out FILE and carry it out with belay step-back corp.test --plan FILE",
		"undo":      "belay undo corp.test --out FILE and carry it out with belay undo corp.test --plan FILE",
		"restore":   "belay restore corp.test --out FILE and carry it out with belay restore corp.test --plan FILE",
	} {
		if r := b.must(exitRefused, command, b.Domain()); !strings.HasSuffix(r.err, want+"\n") {
			t.Errorf("belay %s says %s", command, r.err)
		}
	}
}

func TestReasonsAreSentences(t *testing.T) {
	zone := time.Local
	t.Cleanup(func() { time.Local = zone })
	time.Local = time.FixedZone("CEST", 7200)
	for name, row := range map[string]struct {
		reason rollout.Reason
		want   string
	}{
		"a finding, after what it is about": {
			rollout.Reason{Code: "M09", Subject: "mx2.corp.test", Text: "certificate expired", Fix: "Renew it."},
			"- mx2.corp.test: certificate expired. Renew it."},
		"the rollout is not named, moments are in the machine's zone": {
			rollout.Reason{Code: rollout.ReasonSoak, Subject: "corp.test since 2026-11-02T08:00:00Z",
				Text: "clean since 2026-11-02T08:00:00Z (published); 14 days are needed", Fix: "wait"},
			"- clean since Mon 2 Nov 2026 10:00 CEST (published); 14 days are needed. Wait"},
		"a command keeps its small letter": {
			rollout.Reason{Text: "not live yet", Fix: "belay next carries the plan out"},
			"- not live yet. belay next carries the plan out"},
		"overridden, it needs no mending": {
			rollout.Reason{Subject: "mx2.corp.test", Text: "certificate expired", Fix: "Renew it.", Overridden: true},
			"overridden: mx2.corp.test: certificate expired"},
	} {
		if got := reason(row.reason); got != row.want {
			t.Errorf("%s:\n%q, want\n%q", name, got, row.want)
		}
	}
}

func TestAFindingThatIsTheDriftIsOneReason(t *testing.T) {
	var out strings.Builder
	p := newProgram(world.World{}, strings.NewReader(""), &out, &out, os.LookupEnv)
	about := rollout.Reason{Subject: "_mta-sts.corp.test", Text: "the record reads otherwise"}
	finding, drift := about, about
	finding.Code, finding.Fix = "O12", "Restore or adopt."
	drift.Code, drift.Fix = "drift", "belay restore puts it back"
	p.printGate(rollout.Gate{Reasons: []rollout.Reason{finding, drift}})
	if want := "gate: closed\n  - _mta-sts.corp.test: the record reads otherwise. belay restore puts it\n    back\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestOneIsNotMany(t *testing.T) {
	for n, want := range map[int]string{0: "0 edits", 1: "1 edit", 2: "2 edits"} {
		if got := many(n, "edit"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
