package steps_test

import (
	"context"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/steps"
)

// openLab starts a lab and returns it with a looker that looks into it.
func openLab(t testing.TB, o lab.Options) (*lab.Lab, *steps.Looker) {
	t.Helper()
	l, err := lab.New(o)
	if err != nil {
		t.Fatalf("start the lab: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return l, steps.NewLooker(l.World())
}

func lookAt(t testing.TB, looker *steps.Looker, domain string, ledger rollout.Ledger) rollout.Evidence {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	e, err := looker.Look(ctx, domain, ledger, nil)
	if err != nil {
		t.Fatalf("look at %s: %v", domain, err)
	}
	return e
}

func report(t testing.TB, e rollout.Evidence) {
	t.Helper()
	for _, f := range e.Findings {
		t.Logf("%v (unknown %v)", f, f.Unknown)
	}
}

func has(e rollout.Evidence, code finding.Code, sev finding.Severity) bool {
	for _, f := range e.Findings {
		if f.Code == code && f.Severity == sev {
			return true
		}
	}
	return false
}

// A domain in order, with nothing of MTA-STS published yet, has no fail.
func TestLookAtAFreshDomain(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	e := lookAt(t, looker, l.Domain(), nil)
	report(t, e)
	t.Logf("%+v", e.Zone)
	t.Logf("%+v", e.MX)
	t.Log(e.Took)
	if len(e.Fails()) > 0 {
		t.Errorf("a fresh domain fails: %v", e.Fails())
	}
}
