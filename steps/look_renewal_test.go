package steps

import (
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// TestPoliciesThatOutlastCertificates: what the ledger tells of a certificate's
// renewal decides how much there is to fear of a long max_age.
func TestPoliciesThatOutlastCertificates(t *testing.T) {
	const day = rollout.Day
	now := time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC)
	body := func(mode string, mx string) string {
		return "version: STSv1\r\nmode: " + mode + "\r\nmx: " + mx + "\r\nmax_age: 2592000\r\n"
	}
	// from is the ledger of a rollout whose first policy was live so long ago.
	from := func(ago time.Duration, mx string) rollout.Ledger {
		first := rollout.NewLedgerEntry(body("testing", mx), now.Add(-ago))
		first.IDs, first.Live, first.Until = []string{"1"}, now.Add(-ago), now.Add(-day)
		latest := rollout.NewLedgerEntry(body("enforce", "mx1.corp.test"), now.Add(-day))
		latest.IDs, latest.Live = []string{"2"}, now.Add(-day)
		return rollout.Ledger{first, latest}
	}
	// leaf is a certificate by its age and by the time that it has left.
	leaf := func(age, left time.Duration) rollout.Certificate {
		return rollout.Certificate{NotBefore: now.Add(-age), NotAfter: now.Add(left)}
	}
	long := from(100*day, "mx1.corp.test")
	for _, row := range []struct {
		name   string
		ledger rollout.Ledger
		mode   mtasts.Mode
		leaves []rollout.Certificate
		want   finding.Severity // empty for no finding
	}{
		{"no rollout", nil, mtasts.Enforce, []rollout.Certificate{leaf(61*day, 29*day)}, finding.Warn},
		{"no rollout, in testing", nil, mtasts.Testing, []rollout.Certificate{leaf(61*day, 29*day)}, ""},
		{"no rollout, it lasts", nil, mtasts.Enforce, []rollout.Certificate{leaf(59*day, 31*day)}, ""},
		{"due yesterday", from(50*day, "mx1.corp.test"), mtasts.Enforce, []rollout.Certificate{leaf(61*day, 29*day)}, finding.Info},
		{"due a week ago", from(50*day, "mx1.corp.test"), mtasts.Enforce, []rollout.Certificate{leaf(67*day, 23*day)}, finding.Warn},
		{"due a week ago, of a year", from(50*day, "mx1.corp.test"), mtasts.Enforce, []rollout.Certificate{leaf(342*day, 23*day)}, finding.Warn},
		{"of a week, issued before the rollout and not due", from(2*day, "mx1.corp.test"), mtasts.Enforce, []rollout.Certificate{leaf(3*day, 4*day)}, finding.Info},
		{"renewed since the rollout began", long, mtasts.Enforce, []rollout.Certificate{leaf(3*day, 4*day)}, ""},
		{"renewed, and overdue beside it", long, mtasts.Enforce, []rollout.Certificate{leaf(3*day, 4*day), leaf(110*day, 20*day)}, finding.Warn},
		{"renewed since the rollout began, and the next overdue", from(400*day, "mx1.corp.test"), mtasts.Enforce, []rollout.Certificate{leaf(68*day, 22*day)}, finding.Warn},
		{"issued since, for a host that came later", from(50*day, "mx2.corp.test"), mtasts.Enforce, []rollout.Certificate{leaf(day/2, 6*day)}, ""},
		{"issued before the policy covered the host", from(50*day, "mx2.corp.test"), mtasts.Enforce, []rollout.Certificate{leaf(67*day, 23*day)}, finding.Warn},
		{"ended", long, mtasts.Enforce, []rollout.Certificate{leaf(200*day, -day)}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := &look{ledger: row.ledger, e: rollout.Evidence{At: now, MX: []rollout.MXHost{{Host: "mx1.corp.test"}},
				Policy: rollout.PolicySeen{Valid: true, Policy: mtasts.Policy{Mode: row.mode, MaxAge: 2592000}}}}
			for _, c := range row.leaves {
				k.e.MX[0].Addresses = append(k.e.MX[0].Addresses, rollout.MXAddress{Certificates: []rollout.Certificate{c}})
			}
			got := finding.Severity("")
			found := k.outlasting()
			if len(found) > 0 {
				got = found[0].Severity
			}
			if got != row.want || len(found) > 1 {
				t.Errorf("%v, want %q", found, row.want)
			}
		})
	}
}
