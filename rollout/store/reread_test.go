package store_test

import (
	"slices"
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
	if k := kept[0].Reports[0]; k.Domain != "corp.test" || k.Standing != rollout.Verified {
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
		changed, err := s.Reread(ctx, first, rollout.Reading{Reports: row.reports, Whole: true})
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

// TestRereadCountsNothingTwice: what came twice in one mail, or in a mail with others,
// counts as it did, and says nothing else than before.
func TestRereadCountsNothingTwice(t *testing.T) {
	together := func(id string, change ...func(*rollout.ReceivedReport)) rollout.ReceivedReport {
		return report(id, append(change, func(r *rollout.ReceivedReport) { r.Path, r.Raw = "/var/mail/tls/new/mail", []byte("one mail") })...)
	}
	for _, row := range []struct {
		name  string
		mail  []rollout.ReceivedReport
		mails int
	}{
		{"the same report twice", []rollout.ReceivedReport{together("1"), together("1")}, 1},
		{"the same twice, unsigned", []rollout.ReceivedReport{together("1", unsigned), together("1", unsigned)}, 1},
		{"the same twice, pending", []rollout.ReceivedReport{together("1", pending), together("1", pending)}, 1},
		{"one key, two contents, unsigned", []rollout.ReceivedReport{together("1", unsigned), together("1", unsigned, sessions(7))}, 1},
		{"two reports in one mail", []rollout.ReceivedReport{together("1"), together("2")}, 1},
		{"one in a mail of its own too", []rollout.ReceivedReport{report("1"), together("1"), together("2")}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			if _, err := s.AddReports(t.Context(), row.mail); err != nil {
				t.Fatal(err)
			}
			before := said(t, s, "corp.test", time.Time{})
			kept, err := s.KeptMails(t.Context(), "", 0, 10)
			if err != nil || len(kept) != row.mails {
				t.Fatalf("%d mails are kept, error %v; want %d", len(kept), err, row.mails)
			}
			var read []rollout.ReceivedReport
			for _, r := range row.mail {
				if string(r.Raw) == "one mail" {
					read = append(read, r)
				}
			}
			last := kept[len(kept)-1].ID
			if changed, err := s.Reread(t.Context(), last, rollout.Reading{Reports: read, Whole: true}); err != nil || changed {
				t.Errorf("read the same: changed %t, error %v", changed, err)
			}
			if after := said(t, s, "corp.test", time.Time{}); after != before {
				t.Errorf("sums were\n%s and are\n%s", before, after)
			}
			// The parser reads better: each report says one session more.
			more := slices.Clone(read)
			for i := range more {
				p := more[i].Report.Policies[0]
				p.Successful++
				more[i].Report.Policies = []tlsrpt.Policy{p}
			}
			if changed, err := s.Reread(t.Context(), last, rollout.Reading{Reports: more, Whole: true}); err != nil || !changed {
				t.Errorf("read better: changed %t, error %v", changed, err)
			}
			if changed, err := s.Reread(t.Context(), last, rollout.Reading{Reports: read, Whole: true}); err != nil || !changed {
				t.Errorf("read as before: changed %t, error %v", changed, err)
			}
			if after := said(t, s, "corp.test", time.Time{}); after != before {
				t.Errorf("there and back, sums were\n%s and are\n%s", before, after)
			}
		})
	}
}

// TestWhatCannotBeReadTodayStays: of a mail with several reports some are read and
// something is not. What stood stays, but where what was read takes its place; what
// would count beside it waits until the whole can be read.
func TestWhatCannotBeReadTodayStays(t *testing.T) {
	in := func(change ...func(*rollout.ReceivedReport)) []func(*rollout.ReceivedReport) {
		return append(change, func(r *rollout.ReceivedReport) { r.Path, r.Raw = "/mail/1", []byte("one mail") })
	}
	one, two := report("1", in(unsigned)...), report("2", in(unsigned, sessions(50))...)
	twoOther := report("2", in(unsigned, sessions(7))...) // of the same key
	strange := report("3", in(unsigned, sessions(1000))...)
	elsewhere := report("4", in(unsigned, func(r *rollout.ReceivedReport) {
		r.Report.Policies = slices.Clone(r.Report.Policies)
		r.Report.Policies[0].Domain = "other.test"
	})...)
	better := report("1", in(unsigned, sessions(120))...)
	reports := func(rs ...rollout.ReceivedReport) []rollout.ReceivedReport { return rs }
	for _, row := range []struct {
		name    string
		mail    []rollout.ReceivedReport
		read    []rollout.ReceivedReport
		changed bool
		sums    string
	}{
		{"one of two is read as before", reports(one, two), reports(one), false, "unsigned  2 150"},
		{"one of two is read better", reports(one, two), reports(better), true, "unsigned  2 170"},
		{"one comes under another id: it may be the one that stands", reports(one, two), reports(one, strange), false, "unsigned  2 150"},
		{"one of two with one key", reports(two, twoOther), reports(twoOther), false, "unsigned  2 57"},
		{"all that stood and more", reports(one), reports(one, strange), true, "unsigned  2 1100"},
		{"about another domain alone", reports(one), reports(elsewhere), true, "unsigned  1 100"},
		{"the one that stood came twice", reports(one), reports(one, one), false, "unsigned  1 100"},
		{"nothing", reports(one, two), nil, false, "unsigned  2 150"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			take(t, s, row.mail...)
			kept, err := s.KeptMails(t.Context(), "", 0, 10)
			if err != nil || len(kept) != 1 {
				t.Fatalf("%d mails are kept, error %v", len(kept), err)
			}
			if changed, err := s.Reread(t.Context(), kept[0].ID, rollout.Reading{Reports: row.read}); err != nil || changed != row.changed {
				t.Errorf("changed %t, error %v", changed, err)
			}
			if sums := brief(t, s); sums != row.sums {
				t.Errorf("sums are %q, want %q", sums, row.sums)
			}
		})
	}
}

// TestWhatWasSettledMeanwhileStaysSettled: a mail is listed, its signature is judged,
// and only then what was read of it comes.
func TestWhatWasSettledMeanwhileStaysSettled(t *testing.T) {
	s := open(t, t.TempDir())
	listed := report("1", pending)
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{listed}); err != nil {
		t.Fatal(err)
	}
	kept, err := s.KeptMails(t.Context(), "", 0, 10)
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %+v, error %v", kept, err)
	}
	if err := s.SettlePending(t.Context(), kept[0].ID, rollout.Verified, "google.com"); err != nil {
		t.Fatal(err)
	}
	read := report("1", pending, sessions(120))
	if changed, err := s.Reread(t.Context(), kept[0].ID, rollout.Reading{Reports: []rollout.ReceivedReport{read}, Whole: true}); err != nil || !changed {
		t.Errorf("changed %t, error %v", changed, err)
	}
	if sums := brief(t, s); sums != "verified google.com 1 120" {
		t.Errorf("sums are %q", sums)
	}
}
