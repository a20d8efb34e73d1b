package rollout_test

import (
	"testing"
	"time"

	"belay/rollout"
)

func TestImportProgressInALine(t *testing.T) {
	for _, row := range []struct {
		name  string
		far   rollout.ImportProgress
		width int
		want  string
	}{
		{"a bar, the rate and the time left", rollout.ImportProgress{Done: 500, Total: 2000, New: 480, After: 2 * time.Second}, 79,
			"[######------------------] 500 of 2000 read, 480 new, 250 a second, 6 s left"},
		{"a shorter bar where there is less room", rollout.ImportProgress{Done: 500, Total: 2000, New: 480, After: 2 * time.Second}, 60,
			"[##------] 500 of 2000 read, 480 new, 250 a second, 6 s left"},
		{"none where there is none", rollout.ImportProgress{Done: 500, Total: 2000, New: 480, After: 2 * time.Second}, 58,
			"500 of 2000 read, 480 new, 250 a second, 6 s left"},
		{"no more than there is room for", rollout.ImportProgress{Done: 500, Total: 2000, New: 480, After: 2 * time.Second}, 11, "500 of 2000"},
		{"many minutes", rollout.ImportProgress{Done: 500, Total: 500_000, New: 5, After: 2 * time.Second}, 79,
			"[------------------------] 500 of 500000 read, 5 new, 250 a second, 33 min left"},
		{"nearly over", rollout.ImportProgress{Done: 1999, Total: 2000, After: 2 * time.Second}, 0, ""},
		{"over", rollout.ImportProgress{Done: 2000, Total: 2000, After: 2 * time.Second}, 79, "[########################] 2000 of 2000 read, 0 new, 1000 a second"},
		{"nobody knows how many there are", rollout.ImportProgress{Done: 7, Total: 7, Open: true, After: time.Second}, 79, "7 read, 0 new, 7 a second"},
		{"not begun", rollout.ImportProgress{}, 79, "[------------------------] 0 of 0 read, 0 new, 0 a second"},
	} {
		if got := row.far.Line(row.width); got != row.want || len(got) > row.width {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
	if got := (rollout.ImportProgress{Done: 1999, Total: 2000, After: 2 * time.Second}).Words(); got != "1999 of 2000 read, 0 new, 1000 a second, less than 1 s left" {
		t.Errorf("%q", got)
	}
}
