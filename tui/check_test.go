package tui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// lookEvents are what a look tells that meets an expired certificate.
func lookEvents() []rollout.Event {
	expired := finding.New("M09", "mx2.corp.test [192.0.2.12]", "certificate expired 3 days ago")
	return []rollout.Event{
		{Kind: rollout.Asking, Subject: "ns1.corp.test [192.0.2.53]", Text: "_mta-sts.corp.test TXT"},
		{Kind: rollout.Asking, Subject: "ns1.corp.test [192.0.2.53]", Text: "corp.test MX"},
		{Kind: rollout.Answered, Subject: "ns1.corp.test [192.0.2.53]", Text: "corp.test MX: 10 mx1.corp.test", Took: 3 * time.Millisecond},
		{Kind: rollout.Answered, Subject: "ns1.corp.test [192.0.2.53]", Text: "_mta-sts.corp.test TXT: nothing", Took: 2 * time.Millisecond},
		{Kind: rollout.Asking, Subject: "mx1.corp.test [192.0.2.11]", Text: "STARTTLS on port 25"},
		{Kind: rollout.Asking, Subject: "mx2.corp.test [192.0.2.12]", Text: "STARTTLS on port 25"},
		{Kind: rollout.Answered, Subject: "mx2.corp.test [192.0.2.12]", Text: "TLS 1.3, certificate expired", Took: 12 * time.Millisecond, Severity: finding.Fail},
		{Kind: rollout.Asking, Subject: "mta-sts.corp.test [192.0.2.20]", Text: "GET https://mta-sts.corp.test/.well-known/mta-sts.txt"},
		{Kind: rollout.Concluded, Subject: expired.Subject, Finding: &expired},
	}
}

func TestFindingsStreamInGroupedWorstFirst(t *testing.T) {
	var talk talk
	var found []finding.Finding
	for _, ev := range lookEvents() {
		talk.take(ev)
		if ev.Finding != nil {
			found = append(found, *ev.Finding)
		}
	}
	groups := stream(&talk, found)
	var shown []string
	for _, g := range groups {
		for _, r := range g.rows {
			shown = append(shown, g.title+": "+string(r.severity)+" "+r.who+": "+r.said)
		}
	}
	want := []string{
		"MX hosts: fail mx2.corp.test [192.0.2.12]: TLS 1.3, certificate expired",
		"MX hosts: pass mx1.corp.test [192.0.2.11]: asking STARTTLS on port 25",
		"DNS: pass ns1.corp.test [192.0.2.53]: 2 questions answered",
		"Policy host: pass mta-sts.corp.test [192.0.2.20]: asking GET https://mta-sts.corp.test/.well-known/mta-sts.txt",
	}
	if !slices.Equal(shown, want) {
		t.Errorf("it streams\n%s\nwant\n%s", strings.Join(shown, "\n"), strings.Join(want, "\n"))
	}
	if fs := groups[0].rows[0].findings; len(fs) != 1 || fs[0].Code != "M09" {
		t.Errorf("below mx2 stand %v", fs)
	}
}

// TestAnswersFindTheirQuestions: however they overtake each other.
func TestAnswersFindTheirQuestions(t *testing.T) {
	var talk talk
	for _, ev := range lookEvents() {
		talk.take(ev)
	}
	for name, want := range map[string]string{"_mta-sts.corp.test TXT": "nothing", "corp.test MX": "10 mx1.corp.test"} {
		i := slices.IndexFunc(talk.exchanges, func(e exchange) bool { return e.asked == name })
		if got := talk.exchanges[i]; got.said != want || !got.answered {
			t.Errorf("%s was answered %q, want %q", name, got.said, want)
		}
	}
	got := talk.about(row{who: "_mta-sts.corp.test", said: "TXT not there"})
	if len(got) != 1 || got[0].said != "nothing" {
		t.Errorf("the record rests on %v", got)
	}
	if got := talk.about(row{who: "mx2.corp.test", said: "20  192.0.2.11   TLS 1.3"}); len(got) != 0 {
		t.Errorf("another address rests on %v", got)
	}
	for range 2 * mostTalk {
		talk.take(rollout.Event{Kind: rollout.Asking, Subject: "ns1", Text: "x A"})
	}
	if len(talk.exchanges) > mostTalk {
		t.Errorf("%d exchanges are kept", len(talk.exchanges))
	}
}

// TestARowOfTheCheckOpens to what was asked, what was answered and how to mend it.
func TestARowOfTheCheckOpens(t *testing.T) {
	e := manyDomains()
	e.events = lookEvents()
	d := drive(t, e, 120, 40).press("c").typeIn("corp.test").press("enter").sees("verdict: FAIL")
	d.press("enter").sees("asked", "STARTTLS on port 25", "answered", "TLS 1.3, certificate expired", "12 ms", "Renew it and reload the MTA")
}

func TestWhatIsWellHasNoMendToCopy(t *testing.T) {
	d := drive(t, manyDomains(), 120, 40).press("c").typeIn("corp.test").press("enter").sees("verdict: FAIL")
	d.press("end").press("c")
	if len(d.copied) > 0 {
		t.Errorf("copied %q", d.copied)
	}
	d.sees("Nothing is to be mended")
}

// TestWhatFailedIsReadFirst: whoever opens a row that is not well reads the exchange
// that failed before what DNS was asked on the way there.
func TestWhatFailedIsReadFirst(t *testing.T) {
	const host, at = "mta-sts.corp.test", "mta-sts.corp.test [192.0.2.20]"
	var talk talk
	for _, ev := range []rollout.Event{
		{Kind: rollout.Asking, Subject: "ns1.corp.test [192.0.2.53]", Text: host + " A"},
		{Kind: rollout.Answered, Subject: "ns1.corp.test [192.0.2.53]", Text: host + " A: 192.0.2.20", Severity: finding.Pass},
		{Kind: rollout.Asking, Subject: at, Text: "TLS 1.2 on port 443"},
		{Kind: rollout.Answered, Subject: at, Text: "TLS 1.2 on port 443: TLS 1.2", Severity: finding.Pass},
		{Kind: rollout.Asking, Subject: at, Text: "GET https://" + host + "/.well-known/mta-sts.txt"},
		{Kind: rollout.Answered, Subject: at, Text: "status: 404 Not Found", Severity: finding.Fail},
	} {
		talk.take(ev)
	}
	for severity, want := range map[finding.Severity][]string{
		finding.Fail: {"GET https://" + host + "/.well-known/mta-sts.txt", "TLS 1.2 on port 443", host + " A"},
		finding.Pass: {host + " A", "TLS 1.2 on port 443", "GET https://" + host + "/.well-known/mta-sts.txt"},
	} {
		var asked []string
		for _, e := range talk.about(row{who: host, said: "192.0.2.20  answers", severity: severity}) {
			asked = append(asked, e.asked)
		}
		if !slices.Equal(asked, want) {
			t.Errorf("of a row that is %s there is read %q, want %q", severity, asked, want)
		}
	}
}
