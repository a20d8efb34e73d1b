package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A report that misses what it must say departs from the RFC in other ways too:
// those findings must not say that it can be used.
func TestARejectedReportIsNowhereCalledUsable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run("lint", "report", file)
	said := strings.Join(strings.Fields(r.out), " ")
	if r.status != exitFails || !strings.Contains(said, "no report that can be used") || !strings.Contains(said, "V18") {
		t.Fatalf("exit %d, %s", r.status, r.out)
	}
	if strings.Contains(said, "The report can be used") {
		t.Errorf("the report is rejected and called usable: %s", r.out)
	}
}
