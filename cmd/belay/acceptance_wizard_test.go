//go:build unix

package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestAcceptanceWizard walks the same way in the terminal: the operator knows
// nothing of belay and does what the window says. What it says is compared with
// what the servers say after each phase.
func TestAcceptanceWizard(t *testing.T) {
	b := openTestbed(t)
	b.turn("dns.sh", "addr", "mta-sts", "-")
	b.turn("mx-mode.sh", "mx2", "expired")

	w := startsInTheForm(b)
	w.shows("Gate: closed", "Mend mx2.corp.test")
	b.stands("check-mx")
	w.quits()
	// Nobody waits weeks for a test: without clean times only faults hold a gate.
	b.does(0, append([]string{"set", domain, "--max-age", "31557600"}, atOnce...)...)

	w = b.opens(domain)
	w.shows("Gate: closed", "Mend mx2.corp.test")
	b.turn("mx-mode.sh", "mx2", "valid")
	w.press("look again")
	w.shows("The gate is open")
	w.press("go on to 2 Publish DNS")
	w.shows("[2 Publish DNS]", "This is all that would be changed")
	b.stands("publish-dns")

	publishesOnScreen(w)
	hostsOnScreen(w)
	reviewsOnScreen(w)
	enforcesOnScreen(w)
	raisesOnScreen(w)
	w.quits()
	w.shows("corp.test: Holding, enforce", "Journal: belay log corp.test") // what stays in the scrollback
}

// startsInTheForm answers what a new rollout needs to know.
func startsInTheForm(b *testbed) *window {
	b.Helper()
	w := b.opens()
	w.shows("No rollout yet")
	w.press("new")
	w.shows("new rollout")
	w.at("Domain")
	w.write(domain)
	w.press("next")
	w.shows("zone corp.test at ns1.corp.test, ns2.corp.test")
	w.chooses("DNS", "RFC 2136")
	w.press("next")
	w.shows("empty: from $RFC2136_TSIG_SECRET")
	w.chooses("Policy host", "Web root")
	w.at("Directory")
	w.write(b.webroot())
	w.at("mta-sts points to")
	w.write(policyHost1)
	w.at("Try these answers")
	w.press("do it")
	w.shows("What was reached", "can be written")
	w.at("Start the rollout")
	w.press("do it")
	w.shows("[1 Check MX hosts]")
	return w
}

// applies accepts the plan that the window shows: it says which key, and asks for
// the domain.
func (w *window) applies(question string) {
	w.Helper()
	w.press(`apply \d+ edits?`)
	w.shows(question, "Type the domain to go on")
	w.write(domain)
	w.press("go on")
}

// arrivedIn waits until the window shows the rollout in this phase, with nothing
// under way, and asks the servers.
func (w *window) arrivedIn(strip, phase string) statusSaid {
	w.Helper()
	w.shows(strip)
	s := w.stands(phase)
	if s.PolicyID != "" {
		w.shows(s.Mode+", max_age ", "id "+s.PolicyID)
	}
	return s
}

// gets waits until a plan that waited for a server has come to its end. Where the
// wizard's own patience ended first, it says which key takes the plan up again.
func (w *window) gets(end string) {
	w.Helper()
	const again = "go on with the plan"
	shown := w.await(end, func(shown string) bool {
		_, offered := keyFor(shown, again)
		return offered || strings.Contains(unbroken(shown), end)
	})
	if _, offered := keyFor(shown, again); offered {
		w.press(again)
	}
	w.shows(end)
}

// publishesOnScreen is phase 2, with a name server that lags at first.
func publishesOnScreen(w *window) {
	w.Helper()
	w.turn("ns2-mode.sh", "lag")
	w.applies("Publish 2 edits for corp.test?")
	w.shows("Carrying out the plan")
	w.until("ns1 has both records", func() bool {
		return w.dig(ns1, reportName, "TXT") != "" && w.dig(ns1, hostName, "A") == policyHost1
	})
	w.shows("127.0.0.3") // who is asked, and has not followed
	if s := w.status(); s.Phase != "publish-dns" || s.Gate.Open {
		w.Fatalf("ns2 lags, and the gate is open: %+v", s)
	}
	w.turn("ns2-mode.sh", "sync")
	w.gets("this is 3 Host the policy now")
	w.turn("dns.sh", "flush")
	w.arrivedIn("[3 Host the policy]", "host-policy")
	for _, server := range []string{ns1, ns2} {
		if got := w.dig(server, reportName, "TXT"); got != `"v=TLSRPTv1; rua=mailto:tls-reports@corp.test;"` {
			w.Errorf("%s has %s at %s", server, got, reportName)
		}
	}
}

// hostsOnScreen is phase 3, with a policy host that does not serve the file at
// first.
func hostsOnScreen(w *window) {
	w.Helper()
	w.turn("policy-mode.sh", "notfound")
	w.applies("Publish the policy of corp.test in testing?")
	w.shows("Carrying out the plan", "404")
	if got := w.dig(ns1, stsName, "TXT"); got != "" {
		w.Fatalf("the policy host answers 404, and an id is announced: %s", got)
	}
	w.turn("policy-mode.sh", "ok")
	w.gets("this is 4 Review reports now")
	w.arrivedIn("[4 Review reports]", "review-reports")
}

// reviewsOnScreen is phase 4, with an MX host without STARTTLS at first, over
// which no key leads.
func reviewsOnScreen(w *window) {
	w.Helper()
	w.shows("The gate is open")
	w.turn("mx-mode.sh", "mx1", "no-starttls")
	w.press("look again")
	shown := w.shows("Gate: closed", "Mend mx1.corp.test")
	if key, offered := keyFor(shown, "go on anyway"); offered {
		w.Errorf("%s leads over a broken MX host:\n%s", key, shown)
	}
	w.stands("review-reports")
	w.turn("mx-mode.sh", "mx1", "valid")
	w.press("look again")
	w.shows("The gate is open")
	w.press("go on to 5 Enforce")
	w.shows("[5 Enforce]", "This is all that would be changed")
	w.stands("enforce")
}

// enforcesOnScreen is phase 5, with an MX host that breaks after the plan was
// shown.
func enforcesOnScreen(w *window) {
	w.Helper()
	w.turn("mx-mode.sh", "mx2", "wrongname")
	w.applies("Switch corp.test to enforce?")
	w.shows("Nothing moved", "Gate: closed")
	if s := w.stands("enforce"); s.Mode != "testing" {
		w.Fatalf("a broken MX host was enforced: %+v", s)
	}
	w.turn("mx-mode.sh", "mx2", "valid")
	w.press("look again")
	w.shows("This is all that would be changed", "nothing fails")
	w.applies("Switch corp.test to enforce?")
	w.shows("this is 6 Raise max_age now")
	if s := w.arrivedIn("[6 Raise max_age]", "raise-max-age"); s.Mode != "enforce" || s.MaxAge != 86400 {
		w.Errorf("want enforce for a day: %+v", s)
	}
}

// raisesOnScreen is phase 6: two rungs, and the last when every certificate was
// seen to renew.
func raisesOnScreen(w *window) {
	w.Helper()
	for _, rung := range []uint32{604800, 2592000} {
		w.shows("This is all that would be changed", fmt.Sprintf("+ max_age: %d", rung))
		w.applies("Raise max_age of corp.test to")
		w.shows("2 edits made and read back")
		if s := w.arrivedIn("[6 Raise max_age]", "raise-max-age"); s.MaxAge != rung {
			w.Errorf("want rung %d: %+v", rung, s)
		}
	}
	w.shows("Gate: closed")
	w.reads("has not been seen to renew during this rollout")
	w.turn("renew.sh")
	w.press("look again")
	w.shows("The gate is open")
	w.press("go on to max_age .*")
	w.shows("This is all that would be changed", "+ max_age: 31557600")
	w.applies("Raise max_age of corp.test to")
	w.shows("The target is reached")
	if s := w.arrivedIn("[Holding]", "holding"); s.MaxAge != 31557600 || s.Mode != "enforce" {
		w.Errorf("want the longest max_age: %+v", s)
	}
}
