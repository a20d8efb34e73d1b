package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// weeks is a rollout that lives through the lab's days: once a day belay next,
// then the mail of that day.
type weeks struct {
	*box
	messages int // that the senders have in a day
}

// TestRolloutOverLabWeeks walks a rollout with the clean times that ship, a day at
// a time, past senders that look up, fetch, cache, deliver and report. Every gate
// opens when the rules say and not a day before or after, and no sender refuses or
// defers a message but for what the test itself broke.
func TestRolloutOverLabWeeks(t *testing.T) {
	const day = rollout.Day
	w := startWeeks(t)
	mx2 := "mx2." + w.Domain()

	// Phases 1 to 3 take a day each.
	for _, phase := range []rollout.Phase{rollout.CheckMX, rollout.PublishDNS, rollout.HostPolicy} {
		if p := w.next(exitGood); p.PhaseBefore != phase || !p.Moved {
			t.Fatalf("%s: from %s to %s, moved %t; want to leave %s", w.today(), p.PhaseBefore, p.Phase, p.Moved, phase)
		}
		if phase != rollout.HostPolicy {
			w.quietDay()
		}
	}

	// Testing: four days of nothing, then mx2, which senders try first, shows an
	// expired certificate for two days. They deliver all the same, and report it.
	tested := w.Now()
	for range 4 {
		w.waits(rollout.ReviewReports, tested, 14*day)
	}
	w.set("mx2.expired", true)
	for range 2 {
		w.quietDay()
		if p := w.next(exitFails); !closedBy(p.Gate, "M09") || !p.Gate.Until.IsZero() {
			t.Fatalf("%s: an expired certificate does not hold the gate for good: %+v", w.today(), p.Gate)
		}
	}
	w.set("mx2.expired", false)
	mended := w.Now().Add(day) // the look that will find it so
	w.waitsUntil(rollout.ReviewReports, mended, 14*day)
	w.leaves(rollout.ReviewReports, rollout.Enforce)

	// Enforce: one night mx2 is broken and mended again between two looks. Only
	// reports tell of it, and the clean time begins where that day ends.
	w.publishes(rollout.TestingMaxAge)
	enforced := w.Now()
	for range 2 {
		w.waits(rollout.Enforce, enforced, 7*day)
	}
	w.set("mx2.expired", true)
	night := w.pass()
	w.set("mx2.expired", false)
	if len(night.Refused) == 0 || slices.ContainsFunc(night.Refused, func(r lab.Refusal) bool { return r.MX != mx2 }) || len(night.Undelivered) > 0 {
		t.Fatalf("%s: under enforce senders should have passed mx2 by, and delivered elsewhere: %+v", w.today(), night)
	}
	w.stays(rollout.Enforce, night.Day.Add(day), 7*day)
	w.waitsUntil(rollout.Enforce, night.Day.Add(day), 7*day)
	w.leaves(rollout.Enforce, rollout.RaiseMaxAge)

	// Each rung after its own clean time; the last one also waits until mx1's
	// certificate was seen to renew.
	w.publishes(rollout.WeekMaxAge)
	w.set("mx1.no-renewal", true)
	w.waitsUntil(rollout.RaiseMaxAge, w.Now(), 14*day)
	w.leaves(rollout.RaiseMaxAge, rollout.RaiseMaxAge)
	w.publishes(rollout.MonthMaxAge)
	for until := w.Now().Add(14 * day); w.Now().Before(until); {
		w.quietDay()
		if p := w.next(exitFails); p.Moved || !closedBy(p.Gate, rollout.ReasonRenewal) || closedBy(p.Gate, rollout.ReasonSoak) != w.Now().Before(until) {
			t.Fatalf("%s: no certificate of mx1 was seen to renew: %+v", w.today(), p)
		}
	}
	w.set("mx1.no-renewal", false)
	w.quietDay()
	w.leaves(rollout.RaiseMaxAge, rollout.RaiseMaxAge)
	w.publishes(rollout.LongestMaxAge)

	for range 3 {
		if r := w.status(); r.Phase != rollout.Holding || r.Rung != rollout.LongestMaxAge {
			t.Fatalf("%s: %s at %d, want to be holding", w.today(), r.Phase, r.Rung)
		}
		w.quietDay()
		w.next(exitGood)
	}
}

// startWeeks starts the rollout and its lab. Senders try mx2 first, so that they
// meet what is wrong with it.
func startWeeks(t *testing.T) *weeks {
	t.Helper()
	b := newBox(t, lab.Options{})
	if err := b.SetRRset(b.Domain(), "MX", 3600, "10 mx2."+b.Domain(), "20 mx1."+b.Domain()); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"new", b.Domain(), "--dns", "rfc2136", "--host", "webroot:" + b.WebRoot(), "--max-age", "31557600",
		"--rua", "mailto:" + lab.ReportMailbox + "@" + b.Domain(), "--inbox", b.Inbox(),
	}
	for _, a := range b.PolicyAddresses() {
		args = append(args, "--host-address", a.String())
	}
	for _, sender := range b.KnownSenders() {
		args = append(args, "--sender", sender)
	}
	b.must(exitGood, args...)
	return &weeks{box: b, messages: 9}
}

func (w *weeks) today() string { return w.Now().Format(time.DateTime) }

func (w *weeks) set(fault string, on bool) {
	w.t.Helper()
	if err := w.Set(fault, on); err != nil {
		w.t.Fatal(err)
	}
}

// pass lets a day pass on which nobody's mail is lost, and a forger writes a report
// in a known sender's name.
func (w *weeks) pass() lab.DayResult {
	w.t.Helper()
	w.forge()
	day, err := w.PassDay(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	if day.Delivered != w.messages || len(day.Undelivered) > 0 {
		w.t.Fatalf("%s: %d messages were delivered, want %d; not delivered: %+v", day.Day.Format(time.DateOnly), day.Delivered, w.messages, day.Undelivered)
	}
	for _, mail := range day.Reports {
		if mail.Why != "" {
			w.t.Fatalf("%s: no report from %s: %s", day.Day.Format(time.DateOnly), mail.Sender, mail.Why)
		}
	}
	return day
}

// quietDay is a day on which no sender refuses anything.
func (w *weeks) quietDay() {
	w.t.Helper()
	if day := w.pass(); len(day.Refused) > 0 {
		w.t.Fatalf("%s: senders refused %+v", day.Day.Format(time.DateOnly), day.Refused)
	}
}

// forge puts a report into the inbox that says it is Sender One's about today, by
// the very id that Sender One will give its own: nobody signed it, and by it
// thousands of sessions failed. A second one, from nobody known, is all praise.
func (w *weeks) forge() {
	w.t.Helper()
	day := w.Now().UTC().Truncate(rollout.Day)
	sts := tlsrpt.Policy{Type: tlsrpt.STS, Domain: w.Domain(), Strings: []string{"version: STSv1", "mode: testing"}}
	blame, praise := sts, sts
	blame.Failed = 4000
	blame.Failures = []tlsrpt.Failure{{Type: tlsrpt.CertificateExpired, ReceivingMX: "mx1." + w.Domain(), Sessions: 4000}}
	praise.Successful = 100000
	for from, policy := range map[string]tlsrpt.Policy{"sender-one.test": blame, "praise.test": praise} {
		id := fmt.Sprintf("%s.%s@%s", day.Format("20060102"), w.Domain(), from)
		text, err := tlsrpt.Report{
			OrganizationName: from, Start: day, End: day.Add(rollout.Day - time.Second),
			ContactInfo: "postmaster@" + from, ReportID: id, Policies: []tlsrpt.Policy{policy},
		}.JSON()
		if err != nil {
			w.t.Fatal(err)
		}
		mail := fmt.Appendf(nil, "From: noreply@%s\nTo: tlsrpt@%s\nSubject: %s\nMIME-Version: 1.0\nContent-Type: application/tlsrpt+json\n\n%s\n",
			from, w.Domain(), tlsrpt.Subject{Domain: w.Domain(), Submitter: from, ReportID: id}, text)
		if err := os.WriteFile(filepath.Join(w.Inbox(), "new", "000000."+id), mail, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// waits lets a day pass after which the gate out of phase is closed by time alone:
// until soak has passed since the clean time began.
func (w *weeks) waits(phase rollout.Phase, since time.Time, soak time.Duration) {
	w.t.Helper()
	w.quietDay()
	w.stays(phase, since, soak)
}

// stays is the next that finds the gate of phase closed by time alone.
func (w *weeks) stays(phase rollout.Phase, since time.Time, soak time.Duration) {
	w.t.Helper()
	p := w.next(exitFails)
	if p.Moved || p.Phase != phase || len(p.Edits) > 0 {
		w.t.Fatalf("%s: from %s to %s with %d edits; the gate opens %s after %s", w.today(), p.PhaseBefore, p.Phase, len(p.Edits), soak, since)
	}
	if none := len(p.Gate.Counted) == 0; none && w.Now().Sub(since) <= rollout.Day {
		// Nobody has reported about the time since: in testing, so far, only a
		// longer silence would do.
		if phase == rollout.ReviewReports {
			soak = 28 * rollout.Day
		}
	} else if !slices.Equal(p.Gate.Counted, w.KnownSenders()) {
		w.t.Errorf("%s: the gate counted %v, want %v", w.today(), p.Gate.Counted, w.KnownSenders())
	}
	if opens := since.Add(soak); !p.Gate.Until.Equal(opens) {
		w.t.Errorf("%s: the gate opens at %s, want %s: %+v", w.today(), p.Gate.Until, opens, p.Gate.Reasons)
	}
}

// waitsUntil waits day by day until the day on which the gate opens.
func (w *weeks) waitsUntil(phase rollout.Phase, since time.Time, soak time.Duration) {
	w.t.Helper()
	for w.quietDay(); w.Now().Before(since.Add(soak)); w.quietDay() {
		w.stays(phase, since, soak)
	}
}

// leaves is the next that moves on.
func (w *weeks) leaves(phase, to rollout.Phase) {
	w.t.Helper()
	if p := w.next(exitGood); !p.Moved || p.PhaseBefore != phase || p.Phase != to {
		w.t.Fatalf("%s: from %s to %s, moved %t: %+v", w.today(), p.PhaseBefore, p.Phase, p.Moved, p.Gate)
	}
}

// publishes is a day later the next that brings the policy to enforce and maxAge.
func (w *weeks) publishes(maxAge uint32) {
	w.t.Helper()
	w.quietDay()
	if p := w.next(exitGood); !p.Applied || p.Rung != maxAge {
		w.t.Fatalf("%s: max_age %d, applied %t; want %d: %+v", w.today(), p.Rung, p.Applied, maxAge, p.Gate)
	}
}

func closedBy(g rollout.Gate, code string) bool {
	return slices.ContainsFunc(g.Reasons, func(r rollout.Reason) bool { return r.Code == code })
}
