package sender

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// TestWhatPostfixMakesOfAPolicy: the resolver reads bodies that the RFC does not know,
// and Postfix gets what it made of them.
func TestWhatPostfixMakesOfAPolicy(t *testing.T) {
	good := body("enforce", "mx1.corp.test")
	for _, row := range []struct {
		name, body, charset string
		want                answer
		ok                  bool
	}{
		{"a good one", good, "", answer{secure: true, patterns: []string{"mx1.corp.test"}}, true},
		{"testing", body("testing", "mx1.corp.test"), "", answer{}, true},
		{"none needs no mx", body("none"), "", answer{}, true},
		{"enforce without mx", body("enforce"), "", answer{}, false},
		{"a blank line and a comment", "# ours\r\n\r\n" + good, "", answer{secure: true, patterns: []string{"mx1.corp.test"}}, true},
		{"the last mode counts", good + "mode: testing\r\n", "", answer{}, true},
		{"lines ended by carriage returns", strings.ReplaceAll(good, "\r\n", "\r"), "", answer{secure: true, patterns: []string{"mx1.corp.test"}}, true},
		{"max_age with a sign", strings.Replace(good, "86400", "+86_400", 1), "", answer{secure: true, patterns: []string{"mx1.corp.test"}}, true},
		{"max_age of two years", strings.Replace(good, "86400", "63115200", 1), "", answer{}, false},
		{"max_age that no number holds", strings.Replace(good, "86400", "99999999999999999999", 1), "", answer{}, false},
		{"max_age below nothing", strings.Replace(good, "86400", "-1", 1), "", answer{}, false},
		{"no version", strings.Replace(good, "version", "Version", 1), "", answer{}, false},
		{"a mode nobody knows", body("Enforce", "mx1.corp.test"), "", answer{}, false},
		{"a space before the colon", strings.Replace(good, "mode:", "mode :", 1), "", answer{}, false},
		{"an umlaut, no charset", good + "note: grün\r\n", "", answer{}, false},
		{"an umlaut in UTF-8", good + "note: grün\r\n", "utf-8", answer{secure: true, patterns: []string{"mx1.corp.test"}}, true},
		{"no UTF-8 where it says so", good + "note: gr\xfcn\r\n", "utf-8", answer{}, false},
		{"a wildcard loses its asterisk", body("enforce", "*.corp.test"), "", answer{secure: true, patterns: []string{".corp.test"}}, true},
		{"a port counts as one more pattern", body("enforce", "mx1.corp.test:25"), "", answer{secure: true, patterns: []string{"mx1.corp.test", "25"}}, true},
		{"two hosts in a line garble it", body("enforce", "mx1.corp.test, mx2.corp.test"), "", answer{garbled: true}, true},
		{"nothing but an asterisk garbles it", body("enforce", "*"), "", answer{garbled: true}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, ok := answerFrom(row.body, row.charset)
			if ok != row.ok || got.secure != row.want.secure || got.garbled != row.want.garbled || strings.Join(got.patterns, " ") != strings.Join(row.want.patterns, " ") {
				t.Errorf("%+v, %v; want %+v, %v", got, ok, row.want, row.ok)
			}
			if (got.why != "") != got.garbled {
				t.Errorf("it says why: %q", got.why)
			}
		})
	}
}

func TestWhatPostfixMakesOfARecord(t *testing.T) {
	for _, row := range []struct {
		name    string
		records []string
		want    bool
	}{
		{"a good one", []string{"v=STSv1; id=1;"}, true},
		{"an id with hyphens", []string{"v=STSv1; id=2026-03-01;"}, true},
		{"no id", []string{"v=STSv1; ident=1;"}, false},
		{"two", []string{"v=STSv1; id=1;", "v=STSv1; id=2;"}, false},
		{"one beside a record of another kind", []string{"v=STSv1; id=1;", "v=spf1 -all"}, true},
		{"one beside a later version", []string{"v=STSv1; id=1;", "v=STSv10; id=2;"}, false},
		{"a later version alone", []string{"v=STSv10; id=2;"}, false},
		{"a space before the semicolon", []string{"v=STSv1 ; id=1;"}, true},
		{"small letters", []string{"v=stsv1; id=1;"}, false},
		{"none", nil, false},
	} {
		if got := resolverTakes(row.records); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

// TestWherePostfixDoesOtherwise: each view says what Postfix does, to whom it
// delivers and why.
func TestWherePostfixDoesOtherwise(t *testing.T) {
	broken := func(body string) rollout.Evidence {
		return fault(seen(body, mx("mx1.corp.test", 10, "mx1.corp.test")), "M09", "mx1.corp.test", "expired")
	}
	good := body("enforce", "mx1.corp.test")
	late := broken(good)
	late.Policy.Addresses[0].Took = 5 * time.Second
	hyphens := broken(good)
	hyphens.Record = rollout.RecordSeen{Raw: "v=STSv1; id=2026-03-01;", ID: "2026-03-01"}
	lost := broken(good)
	lost.Policy.Addresses[0].Err, lost.Policy.Addresses[0].Body = "type: text/html", ""
	lost.Policy.Valid, lost.Policy.Body = false, ""
	strange := seen(body("enforce", "mx1.corp.test", "mx2.corp.test"), mx("mx1.corp.test", 10, "mx2.corp.test"), mx("mx2.corp.test", 20, "mx2.corp.test"))
	blank := broken(good + "\r\n")
	for _, row := range []struct {
		name    string
		e       rollout.Evidence
		outcome Outcome
		postfix Outcome
		to      string
		why     string
	}{
		{"nothing else than the RFC", broken(good), Defer, "", "", ""},
		{"a policy that is none by the RFC", blank, Deliver, Defer, "", "takes the policy"},
		{"an id that is none by the RFC", hyphens, Deliver, Defer, "", "takes the policy"},
		{"a policy that comes late", late, Defer, Deliver, "mx1.corp.test", "gives up after 4s"},
		{"one that nobody takes", lost, Deliver, "", "", ""},
		{"MX hosts in a line", seen(body("enforce", "mx1.corp.test, mx2.corp.test"), mx("mx1.corp.test", 10, "mx1.corp.test")), Deliver, Defer, "", "cannot read them"},
		{"the certificate of another host, and the mail goes to the first", fault(strange, "M11", "mx1.corp.test", "for mx2"), Deliver, "", "mx1.corp.test", "compares"},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := view(t, Views(row.e, nil, now), Published)
			if v.Outcome != row.outcome || v.Postfix != row.postfix || v.PostfixTo != row.to || !strings.Contains(v.PostfixWhy, row.why) || (v.PostfixWhy == "") != (row.why == "") {
				t.Errorf("%s; Postfix %q to %q: %q; want %s; %q to %q: %q", v.Outcome, v.Postfix, v.PostfixTo, v.PostfixWhy, row.outcome, row.postfix, row.to, row.why)
			}
		})
	}
}

// TestSendersMeetOneNameServer: where servers announce different ids, a sender meets
// one of them, and fetches the policy.
func TestSendersMeetOneNameServer(t *testing.T) {
	e := two("enforce")
	e.Record.Valid = false // they disagree
	e.Names = []rollout.NameSeen{{Name: mtasts.RecordName(e.Domain), Type: "TXT", Sightings: []rollout.Sighting{
		{Answered: true, Value: rollout.Records("v=STSv1; id=1;")},
		{Answered: true, Value: rollout.Records("v=STSv1; id=2;")},
		{Answered: false},
	}}}
	if v := view(t, Views(e, nil, now), Published); v.Policy == nil || v.Policy.Mode != mtasts.Enforce {
		t.Errorf("goes by %v: %s", v.Policy, v.About)
	}
	for i := range e.Names[0].Sightings {
		e.Names[0].Sightings[i].Value = rollout.Records("v=STSv1; id=;")
	}
	if v := view(t, Views(e, nil, now), Published); v.Policy != nil {
		t.Errorf("no server announces a policy that counts, and it goes by %v", v.Policy)
	}
}

// FuzzWhatPostfixMakesOfAPolicy: whatever is served, reading it ends, and what
// Postfix is to match holds nothing that ends an attribute.
func FuzzWhatPostfixMakesOfAPolicy(f *testing.F) {
	f.Add(body("enforce", "mx1.corp.test", "*.corp.test"), "utf-8")
	f.Add("version: STSv1\rmode: enforce\rmx: a, b\rmax_age: 1", "")
	f.Fuzz(func(t *testing.T, body, charset string) {
		got, ok := answerFrom(body, charset)
		if !ok && (got.secure || got.garbled) {
			t.Errorf("%+v of what is no policy", got)
		}
		if strings.ContainsAny(strings.Join(got.patterns, ""), ", \t\r\n:") {
			t.Errorf("patterns %q", got.patterns)
		}
	})
}
