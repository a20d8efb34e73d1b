package steps_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// publish puts a policy, its host's addresses, its record and the reporting
// record in place, as a finished rollout has them.
func publish(t testing.TB, l *lab.Lab, body, id string) {
	t.Helper()
	host := mtasts.PolicyHost(l.Domain())
	for _, ip := range l.PolicyAddresses() {
		typ := "A"
		if ip.Is6() {
			typ = "AAAA"
		}
		if err := l.SetRRset(host, typ, 300, ip.String()); err != nil {
			t.Fatal(err)
		}
	}
	serve(t, l, body)
	set(t, l, mtasts.RecordName(l.Domain()), "TXT", "v=STSv1; id="+id+";")
	set(t, l, "_smtp._tls."+l.Domain(), "TXT", "v=TLSRPTv1; rua=mailto:tls@control.test;")
}

func set(t testing.TB, l *lab.Lab, name, typ string, values ...string) {
	t.Helper()
	if err := l.SetRRset(name, typ, 300, values...); err != nil {
		t.Fatal(err)
	}
}

func serve(t testing.TB, l *lab.Lab, body string) {
	t.Helper()
	file := filepath.Join(l.WebRoot(), ".well-known", "mta-sts.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

const testingBody = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 86400\r\n"

// A rollout in order has no finding worse than information.
func TestLookAtAPublishedDomain(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	publish(t, l, testingBody, "1")
	e := lookAt(t, looker, l.Domain(), nil)
	if e.Verdict() == finding.Fail || e.Verdict() == finding.Warn || e.Verdict() == finding.Unknown {
		report(t, e)
		t.Errorf("verdict is %s", e.Verdict())
	}
	if !e.Record.Valid || e.Record.ID != "1" || e.Record.TTL != 300 {
		t.Errorf("record: %+v", e.Record)
	}
	if !e.TLSRPT.Valid || len(e.TLSRPT.RUA) != 1 {
		t.Errorf("reporting record: %+v", e.TLSRPT)
	}
	if !e.Policy.Valid || !e.Policy.Agree || e.Policy.Body != testingBody || len(e.Policy.Addresses) != 2 {
		t.Errorf("policy: %+v", e.Policy)
	}
	for _, m := range e.MX {
		if m.PolicyMatch != m.Host || len(m.Addresses) != 2 {
			t.Errorf("MX host: %+v", m)
		}
	}
}

// Each fault of the lab is found under its code, at the host it is at.
func TestLookFindsFaults(t *testing.T) {
	rows := []struct {
		fault   string
		code    finding.Code
		sev     finding.Severity
		subject string
		unknown bool
	}{
		{"mx2.expired", "M09", finding.Fail, "mx2.corp.test [192.0.2.12]", false},
		{"mx2.wrong-name", "M11", finding.Fail, "mx2.corp.test [2001:db8::12]", false},
		{"mx2.self-signed", "M13", finding.Fail, "mx2.corp.test [192.0.2.12]", false},
		{"mx2.missing-intermediate", "M12", finding.Fail, "mx2.corp.test [192.0.2.12]", false},
		{"mx2.no-starttls", "M07", finding.Fail, "mx2.corp.test [192.0.2.12]", false},
		{"mx2.unreachable", "M05", finding.Fail, "mx2.corp.test [192.0.2.12]", false},
		{"mx2.refused", "M05", finding.Fail, "mx2.corp.test [192.0.2.12]", false},
		{"mx2.no-ipv6", "M06", finding.Fail, "mx2.corp.test [2001:db8::12]", false},
		{"mx2.expired", "M17", finding.Warn, "mx2.corp.test", false},
		{"policy.expired", "H03", finding.Fail, "mta-sts.corp.test [192.0.2.20]", false},
		{"policy.wrong-name", "H03", finding.Fail, "mta-sts.corp.test [192.0.2.20]", false},
		{"policy.self-signed", "H03", finding.Fail, "mta-sts.corp.test [192.0.2.20]", false},
		{"policy.missing-intermediate", "H03", finding.Fail, "mta-sts.corp.test [192.0.2.20]", false},
		{"policy.404", "H05", finding.Fail, "mta-sts.corp.test [192.0.2.20]", false},
		{"policy.redirect", "H04", finding.Fail, "mta-sts.corp.test [192.0.2.20]", false},
		{"policy.type", "H06", finding.Fail, "mta-sts.corp.test [192.0.2.20]", false},
		{"policy.slow", "H07", finding.Warn, "mta-sts.corp.test [192.0.2.20]", false},
		{"policy.ipv6-unreachable", "H02", finding.Fail, "mta-sts.corp.test [2001:db8::20]", false},
		{"policy.unreachable", "H17", finding.Fail, "mta-sts.corp.test [192.0.2.20]", false},
		{"ns2.dead", "D02", finding.Warn, "ns2.corp.test", true},
		{"network.no-ipv6", "M04", finding.Warn, "mx1.corp.test [2001:db8::11]", true},
		{"network.no-ipv6", "H17", finding.Warn, "mta-sts.corp.test [2001:db8::20]", true},
		{"network.no-ipv6", "D02", finding.Info, "ns1.corp.test [2001:db8::2]", false},
		{"network.no-port-25", "M04", finding.Warn, "mx1.corp.test [192.0.2.11]", true},
	}
	// Silent hosts take their time, so each fault has a lab of its own and all
	// are looked at together.
	looks := map[string]*rollout.Evidence{}
	var looking sync.WaitGroup
	for _, row := range rows {
		if looks[row.fault] != nil {
			continue
		}
		l, looker := openLab(t, lab.Options{})
		l.SetSlowness(2100 * time.Millisecond)
		publish(t, l, testingBody, "1")
		if err := l.Set(row.fault, true); err != nil {
			t.Fatal(err)
		}
		e := new(rollout.Evidence)
		looks[row.fault] = e
		looking.Go(func() {
			var err error
			if *e, err = looker.Look(t.Context(), l.Domain(), nil, nil); err != nil {
				t.Errorf("%s: %v", row.fault, err)
			}
		})
	}
	looking.Wait()
	for _, row := range rows {
		t.Run(row.fault+" is "+string(row.code), func(t *testing.T) {
			e := *looks[row.fault]
			for _, f := range e.Findings {
				if f.Code == row.code && f.Severity == row.sev && f.Subject == row.subject && f.Unknown == row.unknown {
					if row.unknown && e.Verdict() != finding.Unknown {
						t.Errorf("verdict is %s", e.Verdict())
					}
					return
				}
			}
			report(t, e)
			t.Errorf("no %s %s at %s", row.sev, row.code, row.subject)
		})
	}
}

// A lagging name server is a disagreement, and an edit is not seen while it lags.
func TestLaggingNameServer(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	publish(t, l, testingBody, "1")
	if err := l.Set("ns2.lagging", true); err != nil {
		t.Fatal(err)
	}
	name := mtasts.RecordName(l.Domain())
	set(t, l, name, "TXT", "v=STSv1; id=2;")
	set(t, l, l.Domain(), "MX", "10 mx1.corp.test.", "20 mx3.corp.test.")
	e := lookAt(t, looker, l.Domain(), nil)
	if !has(e, "D02", finding.Fail) || !has(e, "M22", finding.Warn) || e.Record.Valid || len(e.MX) != 3 {
		report(t, e)
		t.Errorf("the servers disagree, the record is %+v", e.Record)
	}
	edit := rollout.Edit{Kind: rollout.Record, Name: name, Type: "TXT", After: rollout.Records("v=STSv1; id=2;")}
	value, seen, err := looker.See(t.Context(), edit, nil)
	if err != nil {
		t.Fatal(err)
	}
	if value.Equal(edit.After) || len(seen.Sightings) != 4 {
		t.Errorf("seen %v by %+v", value, seen.Sightings)
	}
	if err := l.Set("ns2.lagging", false); err != nil {
		t.Fatal(err)
	}
	if value, _, err = looker.See(t.Context(), edit, nil); err != nil || !value.Equal(edit.After) {
		t.Errorf("after it caught up: %v, %v", value, err)
	}
}

// A policy is seen at every address of its host; an address that is dead is
// silent, one that serves something else has the absent value.
func TestSeePolicy(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	publish(t, l, testingBody, "1")
	edit := rollout.Edit{Kind: rollout.Policy, Name: mtasts.PolicyURL(l.Domain()), Type: "policy", After: rollout.Body(testingBody)}
	value, seen, err := looker.See(t.Context(), edit, nil)
	if err != nil || !value.Equal(edit.After) || len(seen.Sightings) != 2 {
		t.Fatalf("see %v, %v, %+v", value, err, seen.Sightings)
	}
	if err := l.Set("policy.404", true); err != nil {
		t.Fatal(err)
	}
	value, seen, err = looker.See(t.Context(), edit, nil)
	if err != nil || value.Exists {
		t.Errorf("of a 404 %v, %v is seen", value, err)
	}
	for _, s := range seen.Sightings {
		if !s.Answered || s.Err == "" {
			t.Errorf("a 404 is an answer: %+v", s)
		}
	}
	l.Set("policy.404", false)
	at := []string{l.PolicyAddresses()[0].String()}
	if value, _, err = looker.SeeAt(t.Context(), edit, at, nil); err != nil || !value.Equal(edit.After) {
		t.Errorf("at %v: %v, %v", at, value, err)
	}
}
