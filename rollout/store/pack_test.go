package store_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
	"belay/rollout/tlsrpt"
)

// TestPackingChangesNothingThatIsRead states the property: whatever comes, goes
// and is settled, and whenever it is packed, a store reads the same as one that
// never packed anything.
func TestPackingChangesNothingThatIsRead(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 8))
	plain, packed := open(t, t.TempDir()), open(t, t.TempDir())
	both := []*store.Store{plain, packed}
	for round := range 40 {
		var rs []rollout.ReceivedReport
		for range 1 + rnd.IntN(12) {
			rs = append(rs, anyReport(rnd))
		}
		for _, s := range both {
			if _, err := s.AddReports(t.Context(), rs); err != nil {
				t.Fatal(err)
			}
		}
		if rnd.IntN(3) == 0 {
			settle(t, both, rnd.IntN(2) == 0)
		}
		if rnd.IntN(2) == 0 {
			if err := packed.Pack(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, domain := range []string{"corp.test", "other.test"} {
			since := time.Time{}
			if rnd.IntN(2) == 0 {
				since = time.Date(2026, 6, 8+rnd.IntN(6), 0, 0, 0, 0, time.UTC)
			}
			want, got := said(t, plain, domain, since), said(t, packed, domain, since)
			if want != got {
				t.Fatalf("round %d, %s since %s: packed\n%s\nplain\n%s", round, domain, since, got, want)
			}
		}
	}
}

// anyReport is a report of one of few keys, so that many replace one another.
func anyReport(rnd *rand.Rand) rollout.ReceivedReport {
	change := []func(*rollout.ReceivedReport){by(fmt.Sprintf("reporter%d.test", rnd.IntN(3))), unsigned, pending, from("/trusted")}
	r := report(fmt.Sprint(rnd.IntN(9)), change[rnd.IntN(len(change))])
	p := &r.Report.Policies[0]
	p.Successful = int64(rnd.IntN(1000))
	p.Domain = []string{"corp.test", "other.test"}[rnd.IntN(2)]
	if rnd.IntN(2) == 0 {
		p.Failures = append(p.Failures, tlsrpt.Failure{Type: "made-up", ReceivingMX: "mx9.corp.test", ReasonCode: "because ü", Sessions: int64(rnd.IntN(9))})
	}
	p.Strings = [][]string{nil, {"version: STSv1"}, {"version: STSv1", "mode: none"}}[rnd.IntN(3)]
	r.Report.Start = r.Report.Start.AddDate(0, 0, rnd.IntN(6)).Add(time.Duration(rnd.IntN(2)) * time.Hour)
	r.Report.End = r.Report.Start.Add(time.Duration(1+rnd.IntN(30)) * time.Hour)
	if rnd.IntN(2) == 0 {
		r.Arrived = r.Report.End.Add(time.Duration(rnd.IntN(90)) * time.Hour)
	}
	return r
}

// settle settles a pending report of each store in the same way.
func settle(t *testing.T, stores []*store.Store, verifies bool) {
	t.Helper()
	standing, signer := rollout.Unsigned, ""
	if verifies {
		standing, signer = rollout.Verified, "google.com"
	}
	for _, s := range stores {
		waiting, err := s.PendingReports(t.Context(), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range waiting {
			if err := s.SettlePending(t.Context(), p.ID, standing, signer); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// said are the sums about domain, as JSON; sums of one period in any order.
func said(t *testing.T, s *store.Store, domain string, since time.Time) string {
	t.Helper()
	days, err := s.ReportDays(t.Context(), domain, since)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, d := range days {
		line, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		text += string(line) + "\n"
	}
	return text
}

func TestLatenessIsSummedUpByDay(t *testing.T) {
	s := open(t, t.TempDir())
	midnight := time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC)
	arrives := func(id string, at time.Time) rollout.ReceivedReport {
		return report(id, func(r *rollout.ReceivedReport) { r.Arrived = at })
	}
	for _, row := range []struct {
		name  string
		add   []rollout.ReceivedReport
		timed int
		late  time.Duration
	}{
		{"one that does not say", []rollout.ReceivedReport{report("1")}, 0, 0},
		{"six hours after", []rollout.ReceivedReport{arrives("2", midnight.Add(6*time.Hour))}, 1, 6 * time.Hour},
		{"two days after", []rollout.ReceivedReport{arrives("3", midnight.Add(48*time.Hour))}, 2, 54 * time.Hour},
		{"before the end, as clocks differ", []rollout.ReceivedReport{arrives("4", midnight.Add(-time.Minute))}, 3, 54 * time.Hour},
		{"a duplicate that came later", []rollout.ReceivedReport{arrives("2", midnight.Add(900*time.Hour))}, 3, 54 * time.Hour},
	} {
		if _, err := s.AddReports(t.Context(), row.add); err != nil {
			t.Fatal(err)
		}
		ds := days(t, s, "corp.test")
		if len(ds) != 1 || ds[0].Timed != row.timed || ds[0].Late != int64(row.late.Seconds()) {
			t.Errorf("%s: %d timed, %d seconds late, want %d and %s: %+v", row.name, ds[0].Timed, ds[0].Late, row.timed, row.late, ds)
		}
	}
}

func TestWhatAnUnsignedReportCountedIsTakenBackWithItsLateness(t *testing.T) {
	s := open(t, t.TempDir())
	midnight := time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC)
	first := report("1", unsigned, func(r *rollout.ReceivedReport) { r.Arrived = midnight.Add(time.Hour) })
	other := report("2", unsigned, func(r *rollout.ReceivedReport) { r.Arrived = midnight.Add(5 * time.Hour) })
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{first, other, report("1")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range days(t, s, "corp.test") {
		if d.Standing == rollout.Unsigned && (d.Timed != 1 || d.Late != 5*3600) {
			t.Errorf("of the one that is left: %d timed, %d seconds late", d.Timed, d.Late)
		}
	}
}
