package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
)

func TestNewRefusesWithOneSentence(t *testing.T) {
	b := newBox(t, lab.Options{Extra: []string{"other.test"}})
	for _, tc := range []struct {
		shows, says string
		status      int
		args        []string
	}{
		{"a domain that does not exist", "does not exist in DNS", exitRefused,
			[]string{"new", "nothere.test", "--dns", "manual", "--host", "manual", "--rua", "mailto:a@nothere.test"}},
		{"no report address where there is no record", "needs --rua", exitCannot,
			[]string{"new", "corp.test", "--dns", "manual", "--host", "manual"}},
		{"a credential that is missing", "CLOUDFLARE_API_TOKEN", exitCannot,
			[]string{"new", "corp.test", "--dns", "cloudflare", "--host", "manual", "--rua", "mailto:a@corp.test"}},
		{"a named account with variables of its own", "RFC2136_NAMESERVER_WORK", exitCannot,
			[]string{"new", "corp.test", "--dns", "rfc2136", "--account", "work", "--host", "manual", "--rua", "mailto:a@corp.test"}},
		{"a web root that is not there", "does not exist", exitCannot,
			[]string{"new", "corp.test", "--dns", "rfc2136", "--host", "webroot:" + b.WebRoot() + "/no", "--rua", "mailto:a@corp.test"}},
		{"a target nobody may publish", "target max_age", exitCannot,
			[]string{"new", "corp.test", "--dns", "rfc2136", "--host", "manual", "--rua", "mailto:a@corp.test", "--max-age", "60"}},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			r := b.must(tc.status, tc.args...)
			if !strings.Contains(r.err, tc.says) || strings.Count(strings.TrimSpace(r.err), "\n") > 1 {
				t.Errorf("it says %q, want %q", r.err, tc.says)
			}
		})
	}
	b.start()
	b.must(exitRefused, "new", "corp.test", "--dns", "manual", "--host", "manual", "--rua", "mailto:a@corp.test")
	r := b.must(exitRefused, "new", "other.test", "--dns", "rfc2136", "--host", "webroot:"+b.WebRoot(), "--rua", "mailto:a@other.test")
	if !strings.Contains(r.err, "corp.test serves its policy") {
		t.Errorf("a taken place is refused with %s", r.err)
	}
}

func TestWrongKeyIsOneSentenceWithoutTheSecret(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.env["RFC2136_TSIG_SECRET"] = "d3Jvbmcta2V5LXdyb25nLWtleS13cm9uZy1rZXk="
	r := b.must(exitCannot, "new", b.Domain(), "--dns", "rfc2136", "--host", "webroot:"+b.WebRoot(), "--rua", "mailto:a@corp.test")
	if strings.Contains(r.err, "d3Jvbmcta2V5") || !strings.Contains(r.err, "TSIG") && !strings.Contains(r.err, "key") {
		t.Errorf("it says %s", r.err)
	}
}

func TestAHeldLockIsStatus3AndHoldsUpNobodyWhoLooks(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	release := b.lock(b.Domain(), "ann@mail")
	r := b.must(exitRefused, "next", b.Domain(), "--yes")
	if !strings.Contains(r.err, "ann@mail") {
		t.Errorf("it does not say who works: %s", r.err)
	}
	b.must(exitGood, "check", b.Domain())
	b.must(exitGood, "status", b.Domain())
	release()
	b.must(exitGood, "next", b.Domain(), "--yes")
}

func TestManualEditsArePrintedAndSettledByLooking(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.must(exitGood, "new", b.Domain(), "--dns", "manual", "--host", "webroot:"+b.WebRoot(), "--host-address", "192.0.2.20",
		"--rua", "mailto:tlsrpt@corp.test")
	b.to(rollout.PublishDNS)
	r := b.must(exitFails, "next", b.Domain(), "--yes")
	if !strings.Contains(r.out, "Create this record in the zone corp.test") || !strings.Contains(r.out, "waiting for") {
		t.Errorf("what is to be done was not printed:\n%s", r.out)
	}
	for _, x := range [][]string{{"_smtp._tls.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"}, {"mta-sts.corp.test", "A", "192.0.2.20"}} {
		if err := b.SetRRset(x[0], x[1], 300, x[2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Wind(time.Hour); err != nil {
		t.Fatal(err)
	}
	// An accepted plan needs no second consent.
	if r := b.must(exitGood, "next", b.Domain()); !strings.Contains(r.out, "3 Host the policy") {
		t.Errorf("it did not go on:\n%s", r.out)
	}
}

func TestDecisionsAreJournaled(t *testing.T) {
	b := newBox(t, lab.Options{})
	if err := b.Set("mx2.expired", true); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.next(exitFails)
	b.must(exitGood, "override", b.Domain(), "--reason", "mx2 is replaced tomorrow")
	b.next(exitGood)
	b.must(exitRefused, "mended", b.Domain(), "--at", "2099-01-01T00:00:00Z")
	b.must(exitCannot, "mended", b.Domain(), "--at", "yesterday")
	b.must(exitGood, "mended", b.Domain())
	b.must(exitRefused, "dismiss", b.Domain(), "nobody.test/certificate-expired/mx1.corp.test", "--reason", "x")
	b.must(exitGood, "reports", "trust", b.Domain(), "small.test", "--reason", "a customer's server")
	b.must(exitGood, "set", b.Domain(), "--min-reporters", "1", "--soak", "max-age=3d", "--held-before", "86400", "--sender", "sender.test", "--authserv-id", "MX1.corp.test")
	b.must(exitCannot, "set", b.Domain(), "--authserv-id", "mx1; dkim=pass")
	log := b.must(exitGood, "log", b.Domain(), "--json").out
	var kinds []string
	for line := range strings.Lines(log) {
		var e rollout.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds = append(kinds, string(e.Kind))
		if e.Kind == rollout.Set && (e.Settings.Soak.BeforeRung(604800) != 3*rollout.Day || *e.Settings.HeldBefore != 86400 || len(e.Settings.AuthservID) != 1 || e.Settings.AuthservID[0] != "mx1.corp.test" || e.Settings.MinReporters != 1) {
			t.Errorf("settings are %+v", e.Settings)
		}
	}
	if got := strings.Join(kinds, " "); got != "created override moved mended trusted set" {
		t.Errorf("the journal has %s", got)
	}
	out := b.must(exitGood, "status", b.Domain()).out
	if !strings.Contains(out, "mx2 is replaced tomorrow") {
		t.Errorf("the override is not shown:\n%s", out)
	}
	if log := b.must(exitGood, "log", b.Domain()).out; !strings.Contains(out, "Authentication-Results of mx1.corp.test") || !strings.Contains(log, "authserv-id mx1.corp.test (was none)") {
		t.Errorf("neither status nor log may leave out whom the operator believes:\n%s%s", out, log)
	}
	b.must(exitGood, "forget", b.Domain())
	b.must(exitCannot, "status", b.Domain())
}

func TestReportsOfTheLabOpenTheGate(t *testing.T) {
	b := newBox(t, lab.Options{})
	args := []string{}
	for _, sender := range b.KnownSenders() {
		args = append(args, "--sender", sender)
	}
	b.start(append(args, "--soak", "testing=2d", "--soak", "silent=28d")...)
	b.to(rollout.ReviewReports)
	if p := b.next(exitFails); p.Gate.Open {
		t.Fatal("the gate opened without a report")
	}
	for range 4 {
		if _, err := b.PassDay(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p := b.next(exitGood)
	if p.Phase != rollout.Enforce {
		t.Fatalf("after four clean days it is in %s: %+v", p.Phase, p.Gate)
	}
	var s reportsShape
	out := b.must(exitGood, "reports", "show", b.Domain(), "--json").out
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Days) == 0 || len(s.Reporters) < 2 || s.Forecast.Sessions == 0 || s.Forecast.Refused != 0 {
		t.Errorf("the reports say %s", out)
	}
	if want := "none of " + many(s.Forecast.Sessions, "session"); !strings.Contains(strings.ReplaceAll(s.Forecast.Text, ",", ""), want) || p.Gate.Forecast == "" {
		t.Errorf("the forecast says %q, the gate read %q", s.Forecast.Text, p.Gate.Forecast)
	}
	if r := s.Reporters[0]; !r.Counted || r.Days < 2 || r.Of < r.Days || r.Timed == 0 || r.Late <= 0 || len(r.Holds) != 1 || !r.Holds[0].Present {
		t.Errorf("of the first reporter it says %+v", r)
	}
	exportedAsShown(t, b, s)
	again := b.must(exitGood, "reports", "import", b.Inbox(), "--json").out
	var sum rollout.Intake
	if err := json.Unmarshal([]byte(again), &sum); err != nil || sum.New != 0 || sum.Duplicates == 0 || sum.Verified == 0 {
		t.Errorf("a second import says %s (%v)", again, err)
	}
}

func TestExportIsReadyToCopy(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.ReviewReports)
	out := b.must(exitGood, "export", b.Domain()).out
	for _, want := range []string{
		"mode: testing", `_mta-sts.corp.test. 300 IN TXT "v=STSv1; id=` + b.status().PolicyID + `;"`,
		"mta-sts.corp.test. 300 IN A 192.0.2.20", "server_name mta-sts.corp.test;",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestUndoOfARecord(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.HostPolicy)
	b.settled()
	b.must(exitGood, "undo", b.Domain(), "--yes")
	if got := b.Records("mta-sts.corp.test", "A"); len(got) != 0 {
		t.Errorf("mta-sts still points at %v", got)
	}
	b.must(exitRefused, "forget", b.Domain()) // something was published
}
