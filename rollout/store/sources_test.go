package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/store"
)

// TestAnUnprovenReportIsOfEverySourceItWasFoundIn: it counts once, and whichever of
// its sources is trusted, in whatever order it came.
func TestAnUnprovenReportIsOfEverySourceItWasFoundIn(t *testing.T) {
	for _, row := range []struct {
		name string
		add  []rollout.ReceivedReport
		sums string // standing, reports and sources, one line each
	}{
		{"posted, then mailed", []rollout.ReceivedReport{report("1", posted, from("https")), report("1", unsigned, from("/mail"))}, "https 1 /mail+https"},
		{"mailed, then posted", []rollout.ReceivedReport{report("1", unsigned, from("/mail")), report("1", posted, from("https"))}, "unsigned 1 /mail+https"},
		{"again and again", []rollout.ReceivedReport{report("1", unsigned, from("/b")), report("1", unsigned, from("/a")), report("1", unsigned, from("/b")), report("1", unsigned, from("/c")), report("1", unsigned, from("/a"))},
			"unsigned 1 /a+/b+/c"},
		{"a forged one was posted before", []rollout.ReceivedReport{report("1", posted, from("https"), sessions(7)), report("1", unsigned, from("/mail"))}, "https 1 https | unsigned 1 /mail"},
		{"the reporter's own signature comes last", []rollout.ReceivedReport{report("1", posted, from("https")), report("1", unsigned, from("/mail")), report("1")}, "verified 1 "},
		{"a pending mail in two folders", []rollout.ReceivedReport{report("1", pending, from("/a")), report("1", pending, from("/b"))}, "pending 1 /a+/b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			for _, r := range row.add {
				if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{r}); err != nil {
					t.Fatal(err)
				}
			}
			if got := whence(t, s); got != row.sums {
				t.Errorf("sums are %q, want %q", got, row.sums)
			}
		})
	}
}

// whence are the sums with their sources.
func whence(t *testing.T, s *store.Store) string {
	var lines []string
	for _, d := range days(t, s, "corp.test") {
		lines = append(lines, fmt.Sprintf("%s %d %s", d.Standing, d.Reports, strings.ReplaceAll(d.Source, rollout.SourceSeparator, "+")))
	}
	slices.Sort(lines)
	return strings.Join(lines, " | ")
}

// TestSourcesOfAReportAreBounded: beyond the bound a report stands beside, and is not
// lost.
func TestSourcesOfAReportAreBounded(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range 12 {
		if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{report("1", unsigned, from(fmt.Sprintf("/%02d", i)))}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := whence(t, s), "unsigned 1 /00+/01+/02+/03+/04+/05+/06+/07 | unsigned 1 /08+/09+/10+/11"; got != want {
		t.Errorf("sums are %q, want %q", got, want)
	}
}

// TestASettledReportIsOfEverySourceItWasFoundIn: a pending mail proves to be what was
// found elsewhere.
func TestASettledReportIsOfEverySourceItWasFoundIn(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{report("1", posted, from("https")), report("1", pending, from("/mail"))}); err != nil {
		t.Fatal(err)
	}
	waiting, err := s.PendingReports(t.Context(), 0, 10)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("pending: %+v, %v", waiting, err)
	}
	if err := s.SettlePending(t.Context(), waiting[0].ID, rollout.Unsigned, ""); err != nil {
		t.Fatal(err)
	}
	if got := whence(t, s); got != "https 1 /mail+https" {
		t.Errorf("sums are %q", got)
	}
}
