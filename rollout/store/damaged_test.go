package store

import (
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// TestADamagedMailHoldsUpNoOther: what came before and behind it is handed out, and it
// itself without its bytes.
func TestADamagedMailHoldsUpNoOther(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	day := time.Date(2026, 6, 14, 0, 0, 0, 0, time.UTC)
	for _, id := range []string{"1", "2", "3"} {
		if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{{
			Report: tlsrpt.Report{
				OrganizationName: "Sender", ReportID: id, Start: day, End: day.Add(24*time.Hour - time.Second),
				Policies: []tlsrpt.Policy{{Type: tlsrpt.STS, Domain: "corp.test", Successful: 10}},
			},
			Standing: rollout.Pending, Path: "/mail/" + id, Raw: []byte("mail " + id), Received: day.Add(36 * time.Hour),
		}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.db.ExecContext(t.Context(), "UPDATE mails SET raw = substr(raw, 1, length(raw) - 1) WHERE path = '/mail/2'"); err != nil {
		t.Fatal(err)
	}
	kept, err := s.KeptMails(t.Context(), "", 0, 10)
	if err != nil || len(kept) != 3 || string(kept[0].Raw) != "mail 1" || kept[1].Raw != nil || string(kept[2].Raw) != "mail 3" {
		t.Errorf("kept: %+v, error %v", kept, err)
	}
	waiting, err := s.PendingReports(t.Context(), 0, 10)
	if err != nil || len(waiting) != 3 || string(waiting[0].Raw) != "mail 1" || waiting[1].Raw != nil || string(waiting[2].Raw) != "mail 3" {
		t.Errorf("pending: %+v, error %v", waiting, err)
	}
}
