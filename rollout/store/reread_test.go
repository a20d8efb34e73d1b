package store_test

import (
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
	"belay/rollout/tlsrpt"
)

// TestKeptMailsAreReadAgain puts what a better parser read in the place of what stood
// there, and counts nothing twice.
func TestKeptMailsAreReadAgain(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	day := time.Date(2026, 6, 14, 0, 0, 0, 0, time.UTC)
	about := func(id, domain string, good int64) rollout.ReceivedReport {
		return rollout.ReceivedReport{
			Report: tlsrpt.Report{
				OrganizationName: "Sender", ReportID: id, Start: day, End: day.Add(24*time.Hour - time.Second),
				Policies: []tlsrpt.Policy{{Type: tlsrpt.STS, Domain: domain, Successful: good}},
			},
			Standing: rollout.Verified, Signer: "sender.test", Submitter: "sender.test", Source: "/mail", Path: "/mail/" + id, Raw: []byte("mail " + id), Received: day.Add(36 * time.Hour),
		}
	}
	good := func(domain string) (n int64, reports int) {
		t.Helper()
		days, err := s.ReportDays(ctx, domain, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range days {
			n, reports = n+d.Success, reports+d.Reports
		}
		return n, reports
	}
	if _, err := s.AddReports(ctx, []rollout.ReceivedReport{about("1", "corp.test", 10), about("2", "corp.test", 5), about("3", "other.test", 7)}); err != nil {
		t.Fatal(err)
	}
	kept, err := s.KeptMails(ctx, "corp.test", 0, 10)
	if err != nil || len(kept) != 2 || string(kept[0].Raw) != "mail 1" || len(kept[0].Reports) != 1 {
		t.Fatalf("kept %+v, error %v", kept, err)
	}
	if k := kept[0].Reports[0]; k.Domain != "corp.test" || k.Standing != rollout.Verified || k.Signer != "sender.test" || k.Source != "/mail" {
		t.Errorf("it stands as %+v", k)
	}
	if all, err := s.KeptMails(ctx, "", kept[0].ID, 10); err != nil || len(all) != 2 || string(all[1].Raw) != "mail 3" {
		t.Errorf("behind the first: %+v, error %v", all, err)
	}
	first := kept[0].ID
	for _, row := range []struct {
		name    string
		reports []rollout.ReceivedReport
		changed bool
		good    int64
		count   int
		other   int64
	}{
		{"the same", []rollout.ReceivedReport{about("1", "corp.test", 10)}, false, 15, 2, 7},
		{"other sessions", []rollout.ReceivedReport{about("1", "corp.test", 20)}, true, 25, 2, 7},
		{"the same again", []rollout.ReceivedReport{about("1", "corp.test", 20)}, false, 25, 2, 7},
		{"nothing", nil, false, 25, 2, 7},
		{"about another domain only", []rollout.ReceivedReport{about("1", "more.test", 3)}, true, 25, 2, 7},
		{"another id", []rollout.ReceivedReport{about("1b", "corp.test", 20)}, true, 25, 2, 7},
		{"what came in another mail too", []rollout.ReceivedReport{about("2", "corp.test", 5)}, true, 5, 1, 7},
	} {
		changed, err := s.Reread(ctx, first, row.reports)
		if err != nil || changed != row.changed {
			t.Errorf("%s: changed %t, error %v", row.name, changed, err)
		}
		if n, count := good("corp.test"); n != row.good || count != row.count {
			t.Errorf("%s: %d sessions in %d reports, want %d in %d", row.name, n, count, row.good, row.count)
		}
		if n, _ := good("other.test"); n != row.other {
			t.Errorf("%s: %d sessions of the other domain", row.name, n)
		}
	}
}
