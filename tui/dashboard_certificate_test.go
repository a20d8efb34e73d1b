package tui

import (
	"testing"
	"time"

	"belay/rollout"
)

// TestTheDashboardTellsOfACertificateThatBelayKeeps: days left, and what proves the last
// renewal.
func TestTheDashboardTellsOfACertificateThatBelayKeeps(t *testing.T) {
	e := standIn(published(rollout.RaiseMaxAge, "enforce", 86400), waitingGate(), rollout.Plan{})
	for domain, r := range e.rollouts {
		r.Certificate = &rollout.HostCertificate{
			Host: "mta-sts." + domain, Issuer: "Test CA", Serial: "0b", Replaced: "0a", NotBefore: now(), NotAfter: now().Add(61*rollout.Day + time.Hour),
			Obtained: now(), Shown: now(), At: []string{"192.0.2.1"},
		}
		e.rollouts[domain] = r
	}
	drive(t, e, 160, 40).sees("certificate by Test CA, ends in 61 days; renewed", "serial 0a to 0b, seen from outside at 192.0.2.1")
	drive(t, e, 80, 24).sees("certificate by Test CA, ends in 61 days")
}
