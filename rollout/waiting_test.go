package rollout_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// What the operator is to make is looked for without a lock and without a word in
// the journal; what was mistyped stands among the reasons. A walk settles it.
func TestSeeWaiting(t *testing.T) {
	r := newRig(t)
	s := hasty()
	s.DNS.Provider, s.Host = "manual", rollout.HostAccount{Kind: "manual"}
	r.create(s)
	r.box.byHand = true
	for r.load().Phase != rollout.PublishDNS {
		r.next()
	}
	see := func() rollout.Gate {
		t.Helper()
		release, err := r.book.Lock(domain, "somebody else") // a walk that goes on elsewhere
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		before := r.load().LastSeq
		g, err := r.engine.SeeWaiting(context.Background(), domain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if after := r.load().LastSeq; after != before {
			t.Errorf("looking wrote %d entries into the journal", after-before)
		}
		return g
	}
	if g := see(); !g.Open {
		t.Errorf("before anything was accepted it waits for %s", reasons(g))
	}
	r.next()
	r.box.mistakes = []finding.Finding{finding.New("D04", "mta-sts.corp.test.corp.test", "the record stands at mta-sts.corp.test.corp.test")}
	g := see()
	waitsFor := func(subject, code string) bool {
		return slices.ContainsFunc(g.Closed(), func(x rollout.Reason) bool { return x.Subject == subject && x.Code == code })
	}
	if g.Open || !waitsFor("_smtp._tls."+domain, rollout.ReasonEdits) || !waitsFor("mta-sts."+domain, rollout.ReasonEdits) || !waitsFor("mta-sts.corp.test.corp.test", "D04") {
		t.Errorf("it waits for %s", reasons(g))
	}
	r.box.mistakes = nil
	r.box.set("_smtp._tls."+domain, "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test")
	if g = see(); g.Open || waitsFor("_smtp._tls."+domain, rollout.ReasonEdits) {
		t.Errorf("with one of two made it waits for %s", reasons(g))
	}
	r.box.set("mta-sts."+domain, "A", "192.0.2.20")
	if g = see(); !g.Open {
		t.Errorf("with both made it waits for %s", reasons(g))
	}
	if p := r.next(); p.Phase != rollout.HostPolicy {
		t.Errorf("next leaves it in %s: %s", p.Phase, reasons(p.Gate))
	}
	// A body that is put in place by hand is looked for as well.
	r.next()
	if g = see(); g.Open || !waitsFor(mtasts.PolicyURL(domain), rollout.ReasonEdits) {
		t.Errorf("before the body is there it waits for %s", reasons(g))
	}
	r.box.body = rollout.Body(testingBody)
	if g = see(); !g.Open {
		t.Errorf("with the body it waits for %s", reasons(g))
	}
}

// In a plan of which the operator makes one record and belay the other, the record
// that is missing, and what was mistyped, are told beside the one that is not seen
// everywhere yet.
func TestWaitingIsToldBesideWhatIsNotLiveYet(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.box.byHand, r.box.only = true, "manual"
	lagging := rollout.Records("192.0.2.1")
	r.box.behind = &lagging
	r.box.mistakes = []finding.Finding{finding.New("D04", "_smtp._tls.corp.test.corp.test", "the record stands at _smtp._tls.corp.test.corp.test")}
	plan := rollout.Plan{Domain: domain, Phase: rollout.CheckMX, Purpose: rollout.ForRestore, Made: start, Edits: []rollout.Edit{
		{ID: "1", Kind: rollout.Record, Account: "manual", Zone: domain, Name: "_smtp._tls." + domain, Type: "TXT", After: rollout.Records("v=TLSRPTv1; rua=mailto:tlsrpt@corp.test"), TTL: 300},
		{ID: "2", Kind: rollout.Record, Account: "rfc2136", Zone: domain, Name: "mta-sts." + domain, Type: "A", After: rollout.Records("192.0.2.20"), TTL: 300},
	}}
	p, err := r.engine.CarryOut(context.Background(), plan, rollout.Consent{Given: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ subject, code string }{
		{"_smtp._tls." + domain, rollout.ReasonEdits}, {"_smtp._tls.corp.test.corp.test", "D04"}, {"mta-sts." + domain, rollout.ReasonEdits},
	} {
		if !slices.ContainsFunc(p.Gate.Closed(), func(x rollout.Reason) bool { return x.Subject == want.subject && x.Code == want.code }) {
			t.Errorf("nothing is said of %s %s: %s", want.subject, want.code, reasons(p.Gate))
		}
	}
}
