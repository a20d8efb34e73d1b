package serve

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// keeping is Certificates that tell of renewals.
type keeping struct {
	Certificates
	states []rollout.HostCertificate
}

func (k keeping) States() []rollout.HostCertificate { return k.states }

type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

func TestMetricsTellOfRenewalsThatDidNotCome(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	s := New(Options{Clock: stopped(now), Certificates: keeping{states: []rollout.HostCertificate{
		{Host: "mta-sts.a.test", NotBefore: now.Add(-10 * day), NotAfter: now.Add(80 * day), Obtained: now.Add(-10 * day), RenewAt: now.Add(50 * day)},
		{Host: "mta-sts.b.test", NotBefore: now.Add(-80 * day), NotAfter: now.Add(10 * day), Obtained: now.Add(-80 * day), RenewAt: now.Add(-20 * day),
			Trouble: &rollout.CertificateTrouble{Kind: "rateLimited", Tries: 7}},
		{Host: "mta-sts.c.test", Trouble: &rollout.CertificateTrouble{Tries: 1}},
	}}})
	var w exposition
	s.certificateMetrics(&w)
	for _, line := range []string{
		`belay_serve_certificate_attempts_failed{host="mta-sts.b.test",kind="rateLimited"} 7`,
		`belay_serve_certificate_attempts_failed{host="mta-sts.c.test",kind=""} 1`,
		`belay_serve_certificate_renewal_due_timestamp_seconds{host="mta-sts.a.test"} 1797811200`,
		`belay_serve_certificates_late 1`,
	} {
		if !strings.Contains(w.String(), line+"\n") {
			t.Errorf("the metrics lack %s:\n%s", line, w.String())
		}
	}
	if strings.Contains(w.String(), `obtained_timestamp_seconds{host="mta-sts.c.test"}`) {
		t.Error("a certificate that is not there was obtained")
	}
}
