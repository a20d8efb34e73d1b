package rollout_test

import (
	"errors"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// A write whose answer was lost may land after it was looked for. So it counts as
// begun: no undo reaches past it, and the next walk looks before it writes, once.
func TestALostWriteIsLookedForBeforeItIsMadeAgain(t *testing.T) {
	place := tlsrpt.RecordName(domain)
	for _, row := range []struct {
		shows  string
		lands  bool
		writes int
		became rollout.Outcome
	}{
		{"it landed", true, 0, rollout.Found},
		{"it did not", false, 1, rollout.Applied},
	} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			r.create(hasty())
			r.to(rollout.ReviewReports)
			stood := r.box.records[place+" TXT"]
			r.set(func(s *rollout.Settings) { s.RUA = append(s.RUA, "mailto:more@corp.test") })
			shown, err := r.engine.Propose(ctx, domain, nil)
			if err != nil || len(shown.Plan.Edits) != 1 {
				t.Fatalf("the test needs a plan of one edit: %v, %v", shown.Plan.Edits, err)
			}
			before := r.box.writes[place+" TXT"]
			r.box.lost = errors.New("it is not known whether it was written")
			if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err == nil || !strings.Contains(err.Error(), "not known") {
				t.Fatalf("the lost write: %v", err)
			}
			if p, err := r.engine.ProposeUndo(ctx, domain, nil); !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), "belay next looks again") {
				t.Fatalf("undo would change %v: %v", p.Plan.Edits, err)
			}
			if row.lands {
				r.box.records[place+" TXT"] = shown.Plan.Edits[0].After
			}
			end := r.next()
			if len(end.Edits) != 1 || end.Edits[0].Outcome != row.became || r.box.writes[place+" TXT"] != before+row.writes {
				t.Errorf("it became %+v after %d writes", end.Edits, r.box.writes[place+" TXT"]-before)
			}
			back, err := r.engine.ProposeUndo(ctx, domain, nil)
			if err != nil || len(back.Plan.Edits) != 1 || !back.Plan.Edits[0].After.Equal(stood) {
				t.Errorf("undo of it: %v, %v", back.Plan.Edits, err)
			}
		})
	}
}
