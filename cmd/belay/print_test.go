package main

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// printed is what f prints.
func printed(f func(p *program)) string {
	var out, errs strings.Builder
	f(newProgram(world.World{}, strings.NewReader(""), &out, &errs, func(string) (string, bool) { return "", false }))
	return out.String()
}

func TestWhatChangedSinceTheLookBeforeIsPrinted(t *testing.T) {
	at := time.Date(2026, 11, 20, 9, 12, 0, 0, time.UTC)
	got := printed(func(p *program) {
		p.printSince(&rollout.Since{At: at, Changes: []rollout.Change{
			{Severity: finding.Fail, Text: "new: mx2.corp.test: certificate expired"},
			{Severity: finding.Pass, Text: "gone: mx1.corp.test: no STARTTLS"}}})
	})
	if want := "since " + local(at) + ":\n  FAIL  new: mx2.corp.test: certificate expired\n  ok    gone: mx1.corp.test: no STARTTLS\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := printed(func(p *program) { p.printSince(nil); p.printSince(&rollout.Since{At: at}) }); got != "" {
		t.Errorf("nothing changed, and it prints %q", got)
	}
}

func TestAPrintedLineIsNotBrokenWithinAMoment(t *testing.T) {
	got := wrap("it opens on Fri 20 Nov 2026 09:12 UTC if it stays clean", 30)
	if want := "it opens on|Fri 20 Nov 2026 09:12 UTC if|it stays clean"; strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAGateNamesTheAddressesOfAHostTogether(t *testing.T) {
	g := rollout.Gate{}
	for _, ip := range []string{"192.0.2.12", "2001:db8::12"} {
		g.Close(rollout.Reason{Code: "M09", Subject: "mx2.corp.test [" + ip + "]", Text: "certificate expired", Fix: "Renew it."})
	}
	got := printed(func(p *program) { p.printGate(g) })
	if want := "gate: closed\n  - mx2.corp.test [192.0.2.12, 2001:db8::12]: certificate expired. Renew it.\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

type clockAt time.Time

func (c clockAt) Now() time.Time { return time.Time(c) }

// A sender may have fetched what is live this very moment, however long ago the
// journal was written.
func TestStatusCountsFromNowHowLongASenderMayHoldThePolicy(t *testing.T) {
	now := time.Date(2026, 11, 12, 9, 0, 0, 0, time.UTC)
	before := now.Add(-10 * rollout.Day)
	r := rollout.Rollout{Domain: "corp.test", Phase: rollout.Enforce, Since: before, LastAt: before,
		Ledger: rollout.Ledger{{Mode: mtasts.Enforce, MaxAge: rollout.TestingMaxAge, IDs: []string{"1"}, From: before, Live: before}}}
	got := printed(func(p *program) { p.world.Clock = clockAt(now); p.printStatus(r, rollout.Gate{}) })
	if want := "may go by it until " + local(now.Add(rollout.Day)) + " without asking again"; !strings.Contains(got, want) {
		t.Errorf("%s\nwant %q", got, want)
	}
}
