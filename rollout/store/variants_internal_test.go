package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
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

// TestAFloodOfVariantsIsNotReadForEachNewOne, nor for the one that is proven by another:
// an import of many would never end.
func TestAFloodOfVariantsIsNotReadForEachNewOne(t *testing.T) {
	day := time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC)
	about := func(standing rollout.Standing, submitter string, good int64) rollout.ReceivedReport {
		return rollout.ReceivedReport{
			Report: tlsrpt.Report{OrganizationName: "Sender", ReportID: "1", Start: day, End: day.Add(rollout.Day - time.Second),
				Policies: []tlsrpt.Policy{{Type: tlsrpt.STS, Domain: "corp.test", Successful: good}}},
			Standing: standing, Submitter: submitter, Source: "/mail", Path: "/mail/1", Raw: []byte(fmt.Sprint(standing, good)), Received: day,
		}
	}
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var flood []rollout.ReceivedReport
	for i := range int64(rollout.MostVariants) {
		flood = append(flood, about(rollout.Unsigned, "sender.test", i), about(rollout.Pending, "sender.test", i))
	}
	if _, err := s.AddReports(t.Context(), flood); err != nil {
		t.Fatal(err)
	}
	own := about(rollout.Verified, "sender.test", 500)
	own.Signer = "sender.test"
	other := about(rollout.Verified, "evil.test", 500)
	other.Signer = "evil.test"
	for _, row := range []struct {
		name string
		of   rollout.ReceivedReport
		want int
	}{
		{"one more unsigned", about(rollout.Unsigned, "sender.test", 500), 0},
		{"an unsigned one again", about(rollout.Posted, "sender.test", 7), 1},
		{"one more pending", about(rollout.Pending, "sender.test", 500), 0},
		{"a pending one again", about(rollout.Pending, "sender.test", 7), 1},
		{"another's own", other, 0},
		{"its own, which takes the place of all", own, rollout.MostVariants},
	} {
		a := arrive(row.of, keptMail{digest: sha256.Sum256(row.of.Raw)})
		err := s.write(t.Context(), "look", func(tx *sql.Tx) error {
			b := s.newBatch(context.Background(), tx)
			defer b.close()
			same, err := b.sameKey(rowOf(a, a.shares[0]))
			if err == nil && len(same) != row.want {
				t.Errorf("%s: %d are read, want %d", row.name, len(same), row.want)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
