package inbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// samples is the folder of reports that real senders wrote, which is no part of
// the repository.
func samples(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("BELAY_SAMPLES")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "tlsrpt-samples")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no report samples at %s; set BELAY_SAMPLES to their folder", dir)
	}
	return dir
}

func TestSamplesAreReadWithNothingLost(t *testing.T) {
	dir := samples(t)
	everybody := func(name string, _ tlsrpt.PolicyType) (string, bool) { return name, name != "" }
	store := &shelf{}
	im := &Importer{Store: store, Owner: everybody, Clock: stopped(noon)}
	got, err := im.Import(t.Context(), []string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	type sums struct {
		submitter        string
		policies         int
		success, failure int64
		details          int
	}
	want := map[string]sums{
		"01-google-2022-mox.eml":                    {"google.com", 1, 3, 0, 0},
		"02-microsoft-2023-mox.eml":                 {"microsoft.com", 1, 2, 0, 0},
		"04-mailru-2024-parsedmarc.json":            {"mail.ru", 1, 0, 1, 2},
		"05-google-2024-failures-parsedmarc.json":   {"example.com", 1, 0, 3, 2},
		"06-rfc8460-mxhost-string.json":             {"company-x.example", 1, 5326, 303, 3},
		"10-stalwart-2026-null-contact.json":        {"refluxstop.de", 1, 1, 0, 0},
		"11-google-2020-policy-string-with-CR.json": {"google.com", 1, 1, 0, 0},
		"14-google-2026-failure-isseis.eml":         {"google.com", 1, 4523, 2, 1},
	}
	for _, r := range store.kept {
		name := filepath.Base(r.Path)
		success, failure := sessions(r.Report)
		is := sums{r.Submitter, len(r.Report.Policies), success, failure, 0}
		for _, p := range r.Report.Policies {
			is.details += len(p.Failures)
		}
		if w, ok := want[name]; !ok || is != w {
			t.Errorf("%s: read %+v, want %+v", name, is, w)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s was not read", name)
	}
	// A report that names no policy domain can be nobody's.
	nobodys := filepath.Join(dir, "07-postfix-tlsrpt-reporter-2025-missing-policy-domain.json")
	for _, s := range got.Skipped {
		if s.Path != nobodys {
			t.Errorf("skipped %s: %s", s.Path, s.Why)
		}
	}
	if !slices.ContainsFunc(store.kept, func(r rollout.ReceivedReport) bool { return filepath.Ext(r.Path) == ".eml" }) {
		t.Error("no mail among the samples")
	}
}
