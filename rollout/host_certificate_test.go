package rollout_test

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

func TestACertificateTellsWhatLooksCannotKnow(t *testing.T) {
	const day = rollout.Day
	now := time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC)
	// lives is a certificate of ninety days that has left, due when thirty are.
	lives := func(left time.Duration) rollout.HostCertificate {
		end := now.Add(left)
		return rollout.HostCertificate{Host: "mta-sts.corp.test", Issuer: "Test CA", Serial: "0b", NotBefore: end.Add(-90 * day), NotAfter: end,
			RenewAt: end.Add(-30 * day), Obtained: end.Add(-90 * day)}
	}
	trouble := &rollout.CertificateTrouble{At: now, Since: now.Add(-5 * day), Tries: 9, Kind: "rateLimited", Said: "rateLimited: too many", Mend: "Wait.", Next: now.Add(time.Hour)}
	with := func(c rollout.HostCertificate, t *rollout.CertificateTrouble) rollout.HostCertificate {
		c.Trouble = t
		return c
	}
	for name, row := range map[string]struct {
		c    rollout.HostCertificate
		says []string // parts of the one finding's title and detail; none where there is none
	}{
		"well":                               {lives(60 * day), nil},
		"due since an hour":                  {lives(30*day - time.Hour), nil},
		"one attempt failed, in time":        {with(lives(30*day-time.Hour), trouble), nil},
		"late, and nobody has said why":      {lives(20 * day), []string{"ends in 20 days and was not renewed, which was due on 2026-11-12", "has not said why"}},
		"late, by the CA's refusal":          {with(lives(6*day), trouble), []string{"ends in 6 days", "Tried 9 times since 2026-11-17T08:00:00Z", "rateLimited: too many", "tried again at 2026-11-22T09:00:00Z"}},
		"ended":                              {with(lives(-2*day), trouble), []string{"ended 2 days ago"}},
		"never obtained, nothing tried yet":  {rollout.HostCertificate{Host: "mta-sts.corp.test"}, nil},
		"never obtained, and refused so far": {rollout.HostCertificate{Host: "mta-sts.corp.test", Trouble: trouble}, []string{"could not get a certificate for mta-sts.corp.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			found := row.c.Findings(now)
			if len(found) != min(len(row.says), 1) {
				t.Fatalf("found %v", found)
			}
			for _, part := range row.says {
				if f := found[0]; f.Code != "O05" || !strings.Contains(f.Title+" "+f.Detail, part) {
					t.Errorf("%s: %s\n%s\ndoes not say %q", f.Code, f.Title, f.Detail, part)
				}
			}
		})
	}

	renewed := lives(89 * day)
	renewed.Replaced, renewed.Shown, renewed.At, renewed.Obtained = "0a\x1b[2J", now, []string{"192.0.2.1"}, now
	line := renewed.Line(now)
	if want := "by Test CA, ends in 89 days; renewed 2026-11-22, serial "; !strings.HasPrefix(line, want) || !strings.HasSuffix(line, "to 0b, seen from outside at 192.0.2.1; renewal due 2027-01-20") || strings.Contains(line, "\x1b") {
		t.Errorf("the line is %q", line)
	}
}
