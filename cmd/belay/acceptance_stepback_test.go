package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAcceptanceStepBackWithOneAddressDead: an address that answers nothing does
// not hold the emergency exit up, for a sender there keeps its cache anyway.
func TestAcceptanceStepBackWithOneAddressDead(t *testing.T) {
	b := openTestbed(t)
	b.turn("web-addr.sh", "2", "ok")
	b.turn("dns.sh", "addr", "mta-sts", policyHost1, policyHost2)
	b.addresses = []string{policyHost1, policyHost2}
	before := b.enforced("--host-address", policyHost1, "--host-address", policyHost2)

	b.turn("web-addr.sh", "2", "down")
	b.addresses = []string{policyHost1}
	b.stepsBack(before)
}

// TestAcceptanceStepBackWithANameServerDead: neither does a name server.
func TestAcceptanceStepBackWithANameServerDead(t *testing.T) {
	b := openTestbed(t)
	before := b.enforced()

	b.turn("ns2-mode.sh", "down")
	b.does(0, "step-back", domain, "--yes")
	after := b.status()
	if got := b.dig(ns1, stsName, "TXT"); got != announced(after.PolicyID) || after.PolicyID == before.PolicyID {
		t.Errorf("belay says id %s, it was %s, and ns1 answers %s", after.PolicyID, before.PolicyID, got)
	}
	b.turn("ns2-mode.sh", "sync")
	b.until("ns2 has caught up", func() bool { return b.dig(ns2, stsName, "TXT") == announced(after.PolicyID) })
	b.stands("review-reports")
}

// stepsBack takes the emergency exit, and asks the servers whether it led to
// testing under a new id.
func (b *testbed) stepsBack(before statusSaid) {
	b.Helper()
	b.does(0, "step-back", domain, "--yes")
	after := b.stands("review-reports")
	if after.Mode != "testing" || after.MaxAge > 86400 || after.PolicyID == before.PolicyID {
		b.Errorf("want testing for a day at most under a new id, it was %s: %+v", before.PolicyID, after)
	}
}

// TestAcceptanceStepBackWithTheHostGone: no sender can be told before a host works.
// belay says so, says until when senders may enforce, and moves the host.
func TestAcceptanceStepBackWithTheHostGone(t *testing.T) {
	b := openTestbed(t)
	b.turn("dns.sh", "addr", "mta-sts", "-")
	before := b.enforced("--host-address", policyHost1)

	b.turn("policy-mode.sh", "gone")
	for range 2 {
		began := time.Now()
		b.tellsNobody(said[nextSaid](b, b.does(1, "step-back", domain, "--yes", "--json")), began)
	}
	if s := b.status(); s.Mode != "enforce" || s.PolicyID != before.PolicyID || b.dig(ns1, stsName, "TXT") != announced(before.PolicyID) {
		t.Errorf("an id was announced for which no host answers: %+v", s)
	}
	if !b.enforces() {
		t.Error("the sender forgot the policy that it holds")
	}

	// The way out that belay offers: another host, at another address.
	elsewhere := filepath.Join(b.run, "www", "elsewhere")
	if err := os.MkdirAll(filepath.Join(elsewhere, ".well-known"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere) })
	b.turn("web-addr.sh", "1", "down")
	b.turn("policy-mode.sh", "ok")
	b.turn("web-addr.sh", "2", elsewhere)
	b.does(0, "set", domain, "--host", "webroot:"+elsewhere, "--host-address", policyHost2)
	b.addresses = []string{policyHost2}
	b.stepsBack(before)
	for _, server := range []string{ns1, ns2} {
		if got := b.dig(server, hostName, "A"); got != policyHost2 {
			t.Errorf("%s says that the policy host is at %s", server, got)
		}
	}
}

// tellsNobody fails unless belay, asked at began or a little later, says that no sender
// can be told, until when one may hold the policy, and how the host is moved.
func (b *testbed) tellsNobody(n nextSaid, began time.Time) {
	b.Helper()
	reason := b.closedBy(n.Gate, "host", hostName)
	until := func(now time.Time) string { return now.UTC().Add(24 * time.Hour).Format("2006-01-02") }
	if !strings.Contains(reason.Text, "no sender can be told") || !strings.Contains(reason.Text, until(began)) && !strings.Contains(reason.Text, until(time.Now())) {
		b.Errorf("step back does not say that no sender can be told, or not until %s: %s", until(began), reason.Text)
	}
	if !strings.Contains(reason.Fix, "belay set "+domain+" --host") {
		b.Errorf("step back does not offer to move the host: %s", reason.Fix)
	}
}
