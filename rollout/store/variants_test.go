package store_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"belay/rollout"
	"belay/rollout/store"
)

// variants are so many reports of one key, each of which says something else.
func variants(n int, change ...func(*rollout.ReceivedReport)) []rollout.ReceivedReport {
	var rs []rollout.ReceivedReport
	for i := range n {
		rs = append(rs, report("1", append(change, sessions(int64(1000+i)), inMail(fmt.Sprint("variant ", i)))...))
	}
	return rs
}

// taken is what becomes of rs, of how many each.
func taken(t *testing.T, s *store.Store, rs ...rollout.ReceivedReport) map[rollout.Taken]int {
	t.Helper()
	got, err := s.AddReports(t.Context(), rs)
	if err != nil {
		t.Fatal(err)
	}
	n := map[rollout.Taken]int{}
	for _, as := range got {
		n[as]++
	}
	return n
}

// TestVariantsOfOneReportStayBounded where nothing proves them: a few of each source are
// kept, and nobody's proof is kept out by them.
func TestVariantsOfOneReportStayBounded(t *testing.T) {
	const n, d, drop = rollout.TakenNew, rollout.TakenDuplicate, rollout.TakenDropped
	most := rollout.MostVariants
	for _, step := range []int{1000, 30} {
		t.Run(fmt.Sprintf("%d at once", step), func(t *testing.T) {
			s := open(t, t.TempDir())
			in := func(rs ...rollout.ReceivedReport) map[rollout.Taken]int {
				all := map[rollout.Taken]int{}
				for some := range slices.Chunk(rs, step) {
					for as, n := range taken(t, s, some...) {
						all[as] += n
					}
				}
				return all
			}
			for _, row := range []struct {
				name    string
				reports []rollout.ReceivedReport
				want    map[rollout.Taken]int
			}{
				{"of one source", variants(most+5, unsigned), map[rollout.Taken]int{n: most, drop: 5}},
				{"the same again", variants(most+5, unsigned), map[rollout.Taken]int{d: most, drop: 5}},
				{"otherwise unproven", []rollout.ReceivedReport{report("1", modified, sessions(1)), report("1", posted, sessions(2))}, map[rollout.Taken]int{drop: 2}},
				{"of another source", variants(most+5, unsigned, from("/trusted"))[most:], map[rollout.Taken]int{n: 5}},
				{"of another key", []rollout.ReceivedReport{report("2", unsigned)}, map[rollout.Taken]int{n: 1}},
				{"pending", variants(most+5, pending), map[rollout.Taken]int{n: most + 5}},
				{"pending, the same again", variants(most+5, pending), map[rollout.Taken]int{d: most + 5}},
				{"signed by another", []rollout.ReceivedReport{report("1", by("evil.test"))}, map[rollout.Taken]int{n: 1}},
				{"signed", []rollout.ReceivedReport{report("1")}, map[rollout.Taken]int{rollout.TakenReplaced: 1}},
				{"none of its submitter's beside it", variants(most+5, unsigned), map[rollout.Taken]int{d: most + 5}},
			} {
				if got := in(row.reports...); !maps.Equal(got, row.want) {
					t.Fatalf("%s: %v, want %v", row.name, got, row.want)
				}
			}
		})
	}
}

// TestSettledVariantsStayBounded: it is not known what they are before their signature
// could be verified, and none is dropped till then.
func TestSettledVariantsStayBounded(t *testing.T) {
	s := open(t, t.TempDir())
	extra := 5
	taken(t, s, variants(rollout.MostVariants+extra, pending)...)
	waiting, err := s.PendingReports(t.Context(), 0, 1000)
	if err != nil || len(waiting) != rollout.MostVariants+extra {
		t.Fatalf("%d are pending, %v", len(waiting), err)
	}
	last := len(waiting) - 1
	for i, p := range waiting {
		standing, signer := rollout.Unsigned, ""
		if i == last {
			standing, signer = rollout.Verified, "evil.test" // of another than its submitter
		}
		if err := s.SettlePending(t.Context(), p.ID, standing, signer); err != nil {
			t.Fatal(err)
		}
	}
	reports := map[rollout.Standing]int{}
	for _, d := range days(t, s, "corp.test") {
		reports[d.Standing] += d.Reports
	}
	if reports[rollout.Unsigned] > rollout.MostVariants || reports[rollout.Verified] != 1 || reports[rollout.Pending] != 0 {
		t.Errorf("%v, want %d unsigned and one verified", reports, rollout.MostVariants)
	}
}

// TestReadingAMailAgainKeepsNoMoreVariantsThanBefore, and drops none that is kept.
func TestReadingAMailAgainKeepsNoMoreVariantsThanBefore(t *testing.T) {
	s := open(t, t.TempDir())
	mail := variants(rollout.MostVariants+10, unsigned)
	for i := range mail {
		mail[i].Raw = []byte("one mail")
	}
	taken(t, s, mail...)
	kept, err := s.KeptMails(t.Context(), "corp.test", 0, 10)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d mails are kept, %v", len(kept), err)
	}
	if changed, err := s.Reread(t.Context(), kept[0].ID, rollout.Reading{Reports: mail, Whole: true}); err != nil || changed {
		t.Errorf("changed %t, %v: %s", changed, err, brief(t, s))
	}
}
