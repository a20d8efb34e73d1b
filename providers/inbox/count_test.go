package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"belay/rollout"
)

// says is a report store that says the same of every report.
type says struct {
	*shelf
	taken rollout.Taken
}

func (s says) AddReports(_ context.Context, rs []rollout.ReceivedReport) ([]rollout.Taken, error) {
	return slices.Repeat([]rollout.Taken{s.taken}, len(rs)), nil
}

func TestReportsAreCountedByWhatBecameOfThem(t *testing.T) {
	signer := newSigner(t, "sender.test")
	content := map[string]string{}
	const n = rollout.MostDiffering + 2
	for i := range n {
		content[fmt.Sprint(i, ".eml")] = signer.sign(t, mailOf(t, reportOf(fmt.Sprint("r", i), "corp.test")), time.Time{})
	}
	dir := files(t, content)
	for _, row := range []struct {
		taken                                 rollout.Taken
		fresh, duplicates, differing, dropped int
	}{
		{rollout.TakenNew, n, 0, 0, 0},
		{rollout.TakenDuplicate, 0, n, 0, 0},
		{rollout.TakenDiffers, 0, n, n, 0},
		{rollout.TakenDropped, 0, 0, 0, n},
	} {
		im := importer(nil, signer.lookup).with(says{&shelf{}, row.taken})
		im.Workers = 1
		got, err := im.Import(t.Context(), []string{dir}, nil)
		if err != nil || got.Reports != n || got.New != row.fresh || got.Duplicates != row.duplicates || got.Differing != row.differing || got.Dropped != row.dropped || got.Verified != row.fresh+row.duplicates {
			t.Errorf("%s: %+v, %v", row.taken, got, err)
		}
		if len(got.DifferingReports) != min(row.differing, rollout.MostDiffering) {
			t.Fatalf("%s: %d are named", row.taken, len(got.DifferingReports))
		}
		for i, d := range got.DifferingReports {
			if d.Reporter != "sender.test" || d.Domain != "corp.test" || d.ReportID != fmt.Sprint("r", i) || d.Path == "" || d.Ends.IsZero() {
				t.Errorf("named as %+v", d)
			}
		}
		fresh, err := im.Posted(t.Context(), "https", []byte(reportOf("1", "corp.test")))
		if fresh != (row.fresh > 0) || errors.Is(err, ErrDropped) != (row.dropped > 0) || err != nil && row.dropped == 0 {
			t.Errorf("%s, posted: fresh %t, %v", row.taken, fresh, err)
		}
	}
}
