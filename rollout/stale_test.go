package rollout_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"belay/rollout"
)

// Who was shown one plan accepts no other: neither one that somebody accepted
// meanwhile, nor the next one when his is done, nor a step without any.
func TestAPlanThatWasShownIsTheOneCarriedOut(t *testing.T) {
	r := newRig(t)
	s := hasty()
	s.DNS.Provider = "manual"
	r.create(s)
	r.box.byHand = true
	for r.load().Phase != rollout.PublishDNS {
		r.next()
	}
	offered, err := r.engine.Propose(context.Background(), domain, nil)
	if err != nil || len(offered.Plan.Edits) != 2 {
		t.Fatalf("%+v, %v", offered.Plan, err)
	}
	carry := func(p rollout.Plan) error {
		_, err := r.engine.Next(context.Background(), domain, rollout.Consent{Given: true, Shown: &p}, nil)
		return err
	}
	refused := func(p rollout.Plan, says string) {
		t.Helper()
		before := r.load()
		err := carry(p)
		var stale *rollout.StalePlanError
		if !errors.As(err, &stale) || !errors.Is(err, rollout.ErrStale) || !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), says) {
			t.Errorf("refused with %v, want %q", err, says)
		}
		if after := r.load(); after.LastSeq != before.LastSeq || after.Phase != before.Phase {
			t.Errorf("a plan that was refused moved the rollout: %d to %d, %s", before.LastSeq, after.LastSeq, after.Phase)
		}
	}
	other := offered.Plan
	other.Edits = other.Edits[:1]
	refused(other, "mta-sts.corp.test A is to be changed too")
	if err := carry(offered.Plan); err != nil {
		t.Fatal(err)
	}
	refused(other, "mta-sts.corp.test A is to be changed too") // an accepted plan is not resumed by another's yes
	if err := carry(offered.Plan); err != nil {
		t.Errorf("the same plan does not go on: %v", err)
	}
	r.box.set("_smtp._tls."+domain, "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;")
	r.box.set("mta-sts."+domain, "A", "192.0.2.20")
	if err := carry(offered.Plan); err != nil {
		t.Fatal(err)
	}
	r.box.byHand = false
	refused(offered.Plan, "it was carried out already")
	r.to(rollout.ReviewReports)
	refused(offered.Plan, "nothing is left to be done of it")
}
