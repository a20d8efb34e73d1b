package main

import (
	"slices"
	"strings"
	"testing"
)

// TestAcceptanceSubcommands takes a domain from nothing to the longest max_age by
// subcommands alone. Each gate is first seen closed, for a fault of a real server
// that belay names, and after each phase the servers are asked whether belay says
// the truth.
func TestAcceptanceSubcommands(t *testing.T) {
	b := openTestbed(t)
	b.turn("dns.sh", "addr", "mta-sts", "-") // belay is to publish the address, too
	b.turn("mx-mode.sh", "mx2", "expired")

	b.begin("--host-address", policyHost1, "--max-age", "31557600")
	b.stands("check-mx")
	b.held("M09", "mx2.corp.test")
	b.stands("check-mx")
	b.turn("mx-mode.sh", "mx2", "valid")
	b.goesOn("publish-dns")
	b.stands("publish-dns")

	publishesWhereBothServersFollow(b)
	hostsBeforeItAnnounces(b)
	reviewsUntilAllIsWell(b)
	enforcesNoBrokenHost(b)
	raisesRungByRung(b)
	holdsAndWatches(b)
}

// publishesWhereBothServersFollow is phase 2: a record that only one name server
// has is not live, and the other one is waited for by name.
func publishesWhereBothServersFollow(b *testbed) {
	b.Helper()
	b.turn("ns2-mode.sh", "lag")
	step := b.start("next", domain, "--yes")
	b.until("ns1 has both records", func() bool {
		return b.dig(ns1, reportName, "TXT") != "" && b.dig(ns1, hostName, "A") == policyHost1
	})
	if got := b.dig(ns2, reportName, "TXT"); got != "" {
		b.Fatalf("ns2 should lag, and has %s", got)
	}
	b.until("the receipts are in the journal", func() bool {
		s := b.status()
		return s.Phase == "publish-dns" && !s.Gate.Open && slices.ContainsFunc(s.Gate.Reasons, func(r reasonSaid) bool { return r.Code == "unfinished" })
	})
	b.until("it is said which server lags", func() bool {
		return strings.Contains(unbroken(step.out.String()), "ns2.corp.test [127.0.0.3] still has nothing")
	})
	b.turn("ns2-mode.sh", "sync")
	step.end()
	if b.status().Phase != "host-policy" { // its own patience ended first
		b.goesOn("host-policy")
	}
	for _, server := range []string{ns1, ns2} {
		if got := b.dig(server, reportName, "TXT"); got != `"v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"` {
			b.Errorf("%s has %s at %s", server, got, reportName)
		}
		if got := b.dig(server, hostName, "A"); got != policyHost1 {
			b.Errorf("%s has %s at %s", server, got, hostName)
		}
	}
	b.turn("dns.sh", "flush")
	b.stands("host-policy")
}

// hostsBeforeItAnnounces is phase 3: while the body does not answer as it must,
// its id is kept back.
func hostsBeforeItAnnounces(b *testbed) {
	b.Helper()
	b.turn("policy-mode.sh", "notfound")
	step := b.start("next", domain, "--json", "--yes")
	for _, fault := range hostFaults {
		b.turn("policy-mode.sh", fault.mode)
		b.finds(fault.code, hostName)
		if got := b.dig(ns1, stsName, "TXT"); got != "" {
			b.Fatalf("the policy host is broken (%s), and an id is announced: %s", fault.mode, got)
		}
	}
	b.turn("policy-mode.sh", "ok")
	n := b.arrives(step, "review-reports")
	if len(n.Edits) > 0 && (n.Edits[0].Kind != "policy" || n.Edits[1].Name != stsName) {
		b.Errorf("the body comes before its id: %+v", n.Edits)
	}
	if s := b.stands("review-reports"); s.Mode != "testing" || s.MaxAge != 86400 {
		b.Errorf("want testing for a day: %+v", s)
	}
}

// hostFaults are ways in which a policy host is broken, and what belay calls them.
var hostFaults = []struct{ mode, code string }{
	{"notfound", "H05"}, {"redirect", "H04"}, {"badtype", "H06"}, {"expired", "H03"},
}

// reviewsUntilAllIsWell is phase 4: a broken policy host and a broken MX hold it,
// and no word of the operator's opens the way to enforcing them.
func reviewsUntilAllIsWell(b *testbed) {
	b.Helper()
	for _, fault := range hostFaults {
		b.turn("policy-mode.sh", fault.mode)
		b.held(fault.code, hostName)
	}
	b.turn("policy-mode.sh", "ok")
	b.turn("mx-mode.sh", "mx1", "no-starttls")
	if reason := b.held("M07", "mx1.corp.test"); !reason.Final {
		b.Errorf("a broken MX can be overridden on the way to enforce: %+v", reason)
	}
	b.does(3, "override", domain, "--reason", "we mend it tomorrow")
	b.held("M07", "mx1.corp.test")
	b.turn("mx-mode.sh", "mx1", "valid")
	before := b.serial()
	b.goesOn("enforce")
	if b.serial() != before {
		b.Error("moving on through a gate changed the zone")
	}
	if s := b.stands("enforce"); s.Mode != "testing" {
		b.Errorf("the mode changed before it was accepted: %+v", s)
	}
}

// enforcesNoBrokenHost is phase 5: what broke since the gate opened holds the plan
// that would enforce it.
func enforcesNoBrokenHost(b *testbed) {
	b.Helper()
	b.turn("mx-mode.sh", "mx2", "wrongname")
	if reason := b.held("M11", "mx2.corp.test"); !reason.Final {
		b.Errorf("a broken MX can be overridden before enforce: %+v", reason)
	}
	b.does(3, "override", domain, "--reason", "nobody sends there anyway")
	b.held("M11", "mx2.corp.test")
	b.stands("enforce")
	b.turn("mx-mode.sh", "mx2", "valid")
	b.goesOn("raise-max-age")
	if s := b.stands("raise-max-age"); s.Mode != "enforce" || s.MaxAge != 86400 {
		b.Errorf("want enforce for a day: %+v", s)
	}
}

// raisesRungByRung is phase 6: three rungs, the last of them only when every
// certificate was seen to renew.
func raisesRungByRung(b *testbed) {
	b.Helper()
	b.turn("policy-mode.sh", "untrusted")
	b.held("H03", hostName)
	b.turn("policy-mode.sh", "ok")
	b.goesOn("raise-max-age")
	if s := b.stands("raise-max-age"); s.MaxAge != 604800 || s.Mode != "enforce" {
		b.Fatalf("want the first rung: %+v", s)
	}
	n := b.next(0)
	if s := b.stands("raise-max-age"); s.MaxAge != 2592000 || s.Mode != "enforce" {
		b.Fatalf("want the second rung: %+v", s)
	}
	for _, host := range []string{"mx1.corp.test", hostName} {
		b.closedBy(n.Gate, "renewal", host)
		b.held("renewal", host)
	}
	b.turn("renew.sh")
	b.goesOn("raise-max-age") // the gate into the last rung
	if s := b.stands("raise-max-age"); s.MaxAge != 2592000 {
		b.Fatalf("the rung was published before its step: %+v", s)
	}
	b.goesOn("holding")
	if s := b.stands("holding"); s.MaxAge != 31557600 || s.Mode != "enforce" {
		b.Fatalf("want the longest max_age: %+v", s)
	}
}

// holdsAndWatches is what comes after: next only looks, and tells by its exit
// status.
func holdsAndWatches(b *testbed) {
	b.Helper()
	before := b.serial()
	b.next(0)
	b.does(0, "check", domain)
	b.turn("mx-mode.sh", "mx1", "down")
	b.next(1)
	if f := b.finds("M05", "mx1.corp.test"); f.Severity != "fail" {
		b.Errorf("a dead MX host fails: %+v", f)
	}
	b.turn("mx-mode.sh", "mx1", "valid")
	b.next(0)
	if b.serial() != before {
		b.Error("looking changed the zone")
	}
	b.stands("holding")
}
