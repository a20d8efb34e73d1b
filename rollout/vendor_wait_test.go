package rollout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// patientVendor takes a body and asks for time to serve it.
type patientVendor struct {
	*box
	after time.Duration // how long; zero where it serves at once
	asked int
}

func (v *patientVendor) Open(context.Context, string, rollout.Settings) (rollout.Writer, error) {
	return v, nil
}

func (v *patientVendor) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	receipt, err := v.box.Apply(ctx, e)
	if e.Kind != rollout.Policy || err != nil {
		return receipt, err
	}
	if v.asked++; v.after == 0 {
		return receipt, nil
	}
	receipt.Detail = "no certificate yet"
	return receipt, &rollout.LaterError{After: v.after, Text: "no certificate yet"}
}

func patient(t *testing.T) (*rig, *patientVendor) {
	r := newRig(t)
	v := &patientVendor{box: r.box}
	r.engine.Accounts, r.engine.Patience = v, time.Nanosecond
	r.create(hasty())
	return r, v
}

// What a vendor took and asks time for is written: it is waited for, not written
// again before the time is over, asked for again after, and live when it is seen.
func TestABodyThatItsVendorTookIsWaitedFor(t *testing.T) {
	r, v := patient(t)
	r.to(rollout.HostPolicy)
	nothing := rollout.Absent()
	v.after, r.box.served = 10*time.Minute, &nothing
	until := r.box.clock.Now().Add(10 * time.Minute)
	for _, tc := range []struct {
		shows string
		later time.Duration // since the look before
		asked int
		until time.Time
	}{
		{"taken", 0, 1, until},
		{"the time is not over", 4 * time.Minute, 1, until},
		{"the time is over", 6 * time.Minute, 2, until.Add(10 * time.Minute)},
		{"and again", time.Minute, 2, until.Add(10 * time.Minute)},
	} {
		r.box.clock.wind(tc.later)
		p := r.next()
		if p.Gate.Open || !p.Gate.Until.Equal(tc.until) || v.asked != tc.asked || !strings.Contains(reasons(p.Gate), "no certificate yet") {
			t.Errorf("%s: asked %d times, until %s: %s", tc.shows, v.asked, p.Gate.Until, reasons(p.Gate))
		}
		busy, _ := r.load().Unfinished()
		if told := busy.HalfState(); !strings.Contains(told, "is written, and its provider asks for time to serve it") {
			t.Errorf("%s: the half-state is told as %q", tc.shows, told)
		}
	}
	r.box.served = nil // it serves, whatever it says
	r.box.clock.wind(time.Hour)
	r.to(rollout.ReviewReports)
	if v.asked != 2 {
		t.Errorf("what senders are served was asked for again: %d times", v.asked)
	}
	sound(t, r.load())
}

// A step back that the vendor took, and that senders are served, is done: what the
// vendor says of a certificate does not undo it.
func TestAStepBackThatIsServedIsDone(t *testing.T) {
	r, v := patient(t)
	r.to(rollout.RaiseMaxAge)
	back, err := r.engine.ProposeStepBack(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	v.after, v.asked = 10*time.Minute, 0
	p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil)
	if err != nil || p.Phase != rollout.ReviewReports || v.asked != 1 {
		t.Errorf("in %s after asking %d times, %v: %s", p.Phase, v.asked, err, reasons(p.Gate))
	}
}
