package store_test

import (
	"context"
	"testing"

	"belay/rollout"
)

func TestPacedStoreTakesTheSameAndPausesBeforeEachReport(t *testing.T) {
	batch := []rollout.ReceivedReport{report("1"), report("2"), report("1"), report("3", unsigned)}
	plain, kept := open(t, t.TempDir()), open(t, t.TempDir())
	want, err := plain.AddReports(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	pauses := 0
	taken, err := kept.Paced(func() { pauses++ }).AddReports(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if taken[i] != want[i] {
			t.Errorf("report %d: %s with pauses, %s without", i, taken[i], want[i])
		}
	}
	if got := brief(t, kept); got != brief(t, plain) {
		t.Errorf("sums with pauses:\n%s\nwithout:\n%s", got, brief(t, plain))
	}
	if pauses < len(batch) {
		t.Errorf("%d pauses for %d reports", pauses, len(batch))
	}
}
