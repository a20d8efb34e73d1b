package store

import (
	"crypto/sha256"
	"encoding/json"
	"os"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// TestWhatAnEarlierVersionStoredIsRecognised: it took the digest of what a report says
// over JSON, and stored that compressed.
func TestWhatAnEarlierVersionStoredIsRecognised(t *testing.T) {
	day := time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC)
	r := rollout.ReceivedReport{
		Report: tlsrpt.Report{OrganizationName: "Sender", ReportID: "1", Start: day, End: day.Add(rollout.Day - time.Second), Policies: []tlsrpt.Policy{{
			Type: tlsrpt.STS, Domain: "corp.test", Strings: []string{"version: STSv1"}, Successful: 100, Failed: 3,
			Failures: []tlsrpt.Failure{{Type: tlsrpt.CertificateExpired, ReceivingMX: "mx1.corp.test", Sessions: 3}},
		}}},
		Standing: rollout.Unsigned, Submitter: "sender.test", Source: "/mail", Path: "/mail/1", Raw: []byte("mail"), Received: day.Add(36 * time.Hour), Arrived: day.Add(30 * time.Hour),
	}
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{r}); err != nil {
		t.Fatal(err)
	}
	sh := shares(r)[0]
	digested, err := json.Marshal(sh.days)
	if err != nil {
		t.Fatal(err)
	}
	late(sh.days, r.Arrived)
	stored, err := json.Marshal(sh.days)
	if err != nil {
		t.Fatal(err)
	}
	content := sha256.Sum256(digested)
	if _, err := s.db.Exec("UPDATE reports SET content = ?, summary = ?", content[:], s.pack.EncodeAll(stored, nil)); err != nil {
		t.Fatal(err)
	}
	if changed, err := s.Reread(t.Context(), 1, rollout.Reading{Reports: []rollout.ReceivedReport{r}, Whole: true}); err != nil || changed {
		t.Errorf("read again: changed %t, error %v", changed, err)
	}
	r.Source, r.Raw = "/other", []byte("the same in another mail")
	if taken, err := s.AddReports(t.Context(), []rollout.ReceivedReport{r}); err != nil || taken[0] != rollout.TakenDuplicate {
		t.Errorf("by another path: %v, error %v", taken, err)
	}
}
