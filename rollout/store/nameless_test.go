package store

import (
	"os"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// TestAReportWithoutAnIDIsRecognisedInAnEarlierStore, which knew it by its period alone.
func TestAReportWithoutAnIDIsRecognisedInAnEarlierStore(t *testing.T) {
	day := time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC)
	about := func(good int64) rollout.ReceivedReport {
		return rollout.ReceivedReport{
			Report: tlsrpt.Report{OrganizationName: "Sender", Start: day, End: day.Add(rollout.Day - time.Second),
				Policies: []tlsrpt.Policy{{Type: tlsrpt.STS, Domain: "corp.test", Successful: good}}},
			Standing: rollout.Verified, Signer: "sender.test", Submitter: "sender.test", Source: "/mail", Path: "/mail/1", Raw: []byte("mail"), Received: day.Add(36 * time.Hour),
		}
	}
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{about(5)}); err != nil {
		t.Fatal(err)
	}
	for _, back := range []string{"UPDATE reports SET report_id = ''", "DROP INDEX mails_pending_by_digest", "DELETE FROM goose_db_version WHERE version_id >= 8"} {
		if _, err := s.db.Exec(back); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	taken, err := s.AddReports(t.Context(), []rollout.ReceivedReport{about(5), about(6)})
	if err != nil || taken[0] != rollout.TakenDuplicate || taken[1] != rollout.TakenNew {
		t.Errorf("%v, %v", taken, err)
	}
}
