package tui

import (
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// reopened is corp.test opened again, with what changed since the look before.
func reopened(t *testing.T, since *rollout.Since) *driver {
	e := standIn(inPhase(rollout.CheckMX, badLook()), closedGate(), rollout.Plan{})
	p := e.proposals["corp.test"]
	p.Since = since
	e.proposals["corp.test"] = p
	return drive(t, e, 80, 24, inCorp)
}

func TestReopeningSaysWhatHasChangedSince(t *testing.T) {
	changes := []rollout.Change{
		{Severity: finding.Fail, Text: "new: mx2.corp.test [192.0.2.12]: the certificate expired"},
		{Severity: finding.Warn, Text: "mx3.corp.test is an MX host now, preference 5"},
		{Severity: finding.Pass, Text: "mx1.corp.test has renewed its certificate, good until 2027-01-20T08:00:00Z"},
		{Severity: finding.Pass, Text: "gone: mx9.corp.test: no STARTTLS"},
	}
	before := now().AddDate(0, 0, -1).Add(-63 * time.Minute)
	d := reopened(t, &rollout.Since{At: before, Changes: changes}).
		sees("Since Fri 20 Nov 09:12 UTC:", "FAIL  new: mx2.corp.test [192.0.2.12]: the certificate expired",
			"warn  mx3.corp.test is an MX host now", "and 1 more: s shows them", "Mend mx2.corp.test").
		seesNot("mx9.corp.test")
	d.press("s").sees("gone: mx9.corp.test: no STARTTLS", "good until Wed 20 Jan 2027 08:00 UTC").seesNot("2027-01-20T")
	reopened(t, &rollout.Since{At: before, Changes: changes[:3]}).sees("mx1.corp.test has renewed its").seesNot("more: s")
}

// Looking again does not take away what was to be read.
func TestWhatHasChangedStaysUntilAnotherLookSeesMore(t *testing.T) {
	d := reopened(t, &rollout.Since{At: now().AddDate(0, 0, -1), Changes: []rollout.Change{{Severity: finding.Warn, Text: "mx3.corp.test is an MX host now"}}})
	look := func(since *rollout.Since) {
		p := d.engine.proposals["corp.test"]
		p.Since = since
		d.engine.proposals["corp.test"] = p
		d.press("r")
	}
	look(&rollout.Since{At: now().Add(-time.Minute)})
	d.sees("Since Fri 20 Nov 10:15 UTC:", "mx3.corp.test is an MX host now")
	look(&rollout.Since{At: now().Add(-time.Minute), Changes: []rollout.Change{{Severity: finding.Warn, Text: "mx3.corp.test is no MX host any more"}}})
	d.sees("Since Sat 21 Nov 10:14 UTC:", "mx3.corp.test is no MX host any more").seesNot("is an MX host now")
}

func TestReopeningSaysThatNothingHasChanged(t *testing.T) {
	reopened(t, &rollout.Since{At: now().AddDate(0, 0, -1)}).sees("Since Fri 20 Nov 10:15 UTC nothing has changed.").seesNot("s what changed")
	reopened(t, &rollout.Since{At: now().Add(-2 * time.Minute)}).seesNot("Since")
	reopened(t, nil).seesNot("Since")
}
