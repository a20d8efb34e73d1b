package rollout_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

func TestRefusedSettingsSayOnceWhatIsWrong(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*rollout.Settings)
		want   string
	}{
		"a report address": {func(s *rollout.Settings) { s.RUA = []string{"corp"} },
			`settings: report address "corp": has no scheme such as mailto:`},
		"an mx pattern": {func(s *rollout.Settings) { s.MX = []string{"mx1..corp.test"} },
			`settings: mx pattern "mx1..corp.test": has an empty label`},
	} {
		s := hasty()
		row.change(&s)
		if err := s.Validate(); err == nil || err.Error() != row.want {
			t.Errorf("%s: %v, want %s", name, err, row.want)
		}
	}
}

func TestALookThatFailsIsNamedOnce(t *testing.T) {
	r := newRig(t)
	r.engine.Looker = failingLook{}
	_, err := r.engine.Create(t.Context(), domain, hasty(), rollout.AdoptConsent{Given: true}, nil)
	if want := "start a rollout of corp.test: look at corp.test: no name server answers"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// failingLook fails as package steps does.
type failingLook struct{ rollout.Looker }

func (failingLook) Look(context.Context, string, rollout.Ledger, rollout.Sink) (rollout.Evidence, error) {
	return rollout.Evidence{}, errors.New("look at corp.test: no name server answers")
}

// TestNothingIsAdoptedUnasked: what is live is adopted by a word on just that, and
// without one nothing is written.
func TestNothingIsAdoptedUnasked(t *testing.T) {
	const txt = "v=STSv1; id=theirs1;"
	for _, row := range []struct {
		shows     string
		body, txt string
		says      string
		starts    rollout.Phase
	}{
		{"an announced policy", policy("enforce", 604800).String(), txt, "in mode enforce with max_age 604800, announced by id theirs1", rollout.RaiseMaxAge},
		{"a policy that no record announces", policy("testing", 86400).String(), "", "that no record announces", rollout.CheckMX},
		{"a record without a policy", "", txt, "no policy answers", rollout.CheckMX},
		{"two that are not both valid", "version: STSv1\r\n", txt, "not both valid", rollout.CheckMX},
	} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			r.box.body = rollout.Body(row.body)
			if row.txt != "" {
				r.box.set(txtName, "TXT", row.txt)
			}
			_, err := r.engine.Create(t.Context(), domain, testSettings(), rollout.AdoptConsent{}, nil)
			asked, ok := errors.AsType[*rollout.AdoptionError](err)
			if !ok || !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), row.says) || asked.Found.Phase != row.starts {
				t.Fatalf("without a word on it: %v, %+v", err, asked)
			}
			r.unwritten()

			other := asked.Found
			other.ID += "x"
			_, err = r.engine.Create(t.Context(), domain, testSettings(), rollout.AdoptConsent{Given: true, Shown: &other}, nil)
			if moved, ok := errors.AsType[*rollout.AdoptionError](err); !ok || !moved.Moved || !errors.Is(err, rollout.ErrStale) {
				t.Fatalf("something else was shown: %v", err)
			}
			r.unwritten()

			got, err := r.engine.Create(t.Context(), domain, testSettings(), rollout.AdoptConsent{Given: true, Shown: &asked.Found}, nil)
			if err != nil || got.Phase != row.starts || len(got.Ledger) == 0 {
				t.Errorf("agreed to: %v, in %s", err, got.Phase)
			}
		})
	}
	t.Run("what was shown is gone", func(t *testing.T) {
		r := newRig(t)
		_, err := r.engine.Create(t.Context(), domain, testSettings(), rollout.AdoptConsent{Given: true, Shown: &rollout.Adoption{Domain: domain, ID: "theirs1"}}, nil)
		if !errors.Is(err, rollout.ErrStale) || !strings.Contains(err.Error(), "nothing is live there") {
			t.Errorf("%v", err)
		}
		r.unwritten()
	})
	t.Run("nothing is live", func(t *testing.T) {
		r := newRig(t)
		if _, err := r.engine.Create(t.Context(), domain, testSettings(), rollout.AdoptConsent{}, nil); err != nil {
			t.Errorf("nobody need be asked: %v", err)
		}
	})
}

// unwritten fails where anything stands in the store.
func (r *rig) unwritten() {
	r.Helper()
	journal, err := r.book.Journal(r.Context(), domain)
	if err != nil || len(journal) > 0 {
		r.Fatalf("the journal holds %+v, %v", journal, err)
	}
	if _, looked, err := r.book.Evidence(r.Context(), domain); err != nil || looked {
		r.Fatalf("a look was kept, %v", err)
	}
}

// While a policy is on its way to another place, senders fetch it from the one before:
// no other rollout takes either, until the whole plan that moves it is done.
func TestAPlaceIsHeldUntilThePolicyHasMoved(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.set(func(s *rollout.Settings) {
		s.Soak = testSettings().Soak
		s.Host.Place, s.HostAddresses = "/srv/elsewhere", []netip.Addr{netip.MustParseAddr("192.0.2.99")}
	})
	live := r.box.body
	r.box.body = rollout.Absent() // of the new place
	r.next()                      // the new host does not answer yet
	taken := func() error {
		_, err := r.engine.Create(ctx, "other.test", hasty(), adopting, nil)
		return err
	}
	var held *rollout.TakenError
	if err := taken(); !errors.As(err, &held) || held.Domain != domain {
		t.Fatalf("the place that senders are led to was taken: %v", err)
	}
	r.box.newHost["192.0.2.99"] = live
	r.box.clock.wind(time.Minute)
	r.next()
	if _, unfinished := r.load().Unfinished(); unfinished || r.box.records[host+" A"].Records[0] != "192.0.2.99" {
		t.Fatal("the policy did not move")
	}
	if err := taken(); err != nil {
		t.Errorf("a place that was left is still held: %v", err)
	}
}

// The plan that moved the policy may have been outdated before it was done: when the
// name is led to the new place by the plan that was made in its place, the old one is
// left all the same, and the new one is held.
func TestAPlaceIsLeftByWhicheverPlanMovesTheName(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.set(func(s *rollout.Settings) {
		s.Soak = testSettings().Soak
		s.Host.Place, s.HostAddresses = "/srv/elsewhere", []netip.Addr{netip.MustParseAddr("192.0.2.99")}
	})
	live := r.box.body
	r.box.body = rollout.Absent() // of the new place
	r.box.newHost["192.0.2.99"] = live
	old := rollout.Records("192.0.2.20")
	r.box.behind = &old // the name leads to the old place still
	if p := r.next(); p.Gate.Open || !r.box.body.Exists {
		t.Fatalf("the test needs a move that hangs: %s", reasons(p.Gate))
	}
	r.box.records[host+" A"], r.box.behind = old, nil // and was put back there
	r.set(func(s *rollout.Settings) { s.RUA = append(s.RUA, "mailto:more@corp.test") })
	for range 2 {
		r.box.clock.wind(time.Minute)
		r.next()
	}
	end := r.load()
	last := end.Plans[len(end.Plans)-1].Plan
	if _, unfinished := end.Unfinished(); unfinished || len(end.Plans) < 2 || r.box.records[host+" A"].Records[0] != "192.0.2.99" {
		t.Fatalf("the policy did not move: %v", last.Edits)
	}
	for _, e := range last.Edits {
		if e.Kind == rollout.Policy {
			t.Fatalf("the test needs a last plan that writes no body: %v", last.Edits)
		}
	}
	if _, err := r.engine.Create(ctx, "other.test", hasty(), adopting, nil); err != nil {
		t.Errorf("a place that was left is still held: %v", err)
	}
	there := hasty()
	there.Host.Place = "/srv/elsewhere"
	var held *rollout.TakenError
	if _, err := r.engine.Create(ctx, "third.test", there, adopting, nil); !errors.As(err, &held) {
		t.Errorf("the place that the policy moved to: %v", err)
	}
}
