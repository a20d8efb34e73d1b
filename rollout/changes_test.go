package rollout_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// seenWell is a whole look at corp.test with nothing wrong.
func seenWell() rollout.Evidence {
	return rollout.Evidence{
		Domain: "corp.test", At: day(1),
		Record: rollout.RecordSeen{Valid: true, ID: "1"},
		Policy: rollout.PolicySeen{Valid: true, Policy: mtasts.Policy{Mode: mtasts.Testing, MaxAge: 86400, MX: []string{"mx1.corp.test", "mx2.corp.test"}},
			Addresses: []rollout.PolicyAddress{{Answered: true, Certificate: &rollout.Certificate{Fingerprint: "p", NotAfter: day(20)}}}},
		MX: []rollout.MXHost{{Host: "mx1.corp.test", Preference: 10, Addresses: []rollout.MXAddress{
			{Certificates: []rollout.Certificate{{Fingerprint: "a", NotAfter: day(20)}}}, {Certificates: []rollout.Certificate{{Fingerprint: "a", NotAfter: day(20)}}}}}},
	}
}

func TestChangesBetweenTwoLooks(t *testing.T) {
	expired := func(ip string) finding.Finding {
		return finding.Finding{Code: "M09", Severity: finding.Fail, Subject: "mx1.corp.test [" + ip + "]", Title: "certificate expired"}
	}
	unseen := finding.Finding{Code: "M09", Severity: finding.Warn, Unknown: true, Subject: "mx1.corp.test [192.0.2.1]", Title: "no route"}
	found := func(fs ...finding.Finding) func(*rollout.Evidence) {
		return func(e *rollout.Evidence) { e.Findings = fs }
	}
	whole := func(*rollout.Evidence) {}
	cut := func(f func(*rollout.Evidence)) func(*rollout.Evidence) {
		return func(e *rollout.Evidence) { f(e); e.Cut = "the time was over" }
	}
	type edit = func(*rollout.Evidence)
	for name, row := range map[string]struct {
		before, after edit
		want          []string
	}{
		"nothing": {whole, whole, nil},
		"a failure at two addresses is new": {whole, found(expired("192.0.2.1"), expired("2001:db8::1")),
			[]string{"fail new: mx1.corp.test [192.0.2.1, 2001:db8::1]: certificate expired"}},
		"a failure is gone":                 {found(expired("192.0.2.1")), whole, []string{"pass gone: mx1.corp.test [192.0.2.1]: certificate expired"}},
		"the same failure in other words":   {found(expired("192.0.2.1")), found(finding.Finding{Code: "M09", Severity: finding.Fail, Subject: "mx1.corp.test [192.0.2.1]", Title: "expired 4 days ago"}), nil},
		"what could not be seen fails":      {found(unseen), found(expired("192.0.2.1")), []string{"fail new: mx1.corp.test [192.0.2.1]: certificate expired"}},
		"what cannot be seen is new":        {whole, found(unseen), []string{"unknown new: mx1.corp.test [192.0.2.1]: no route"}},
		"what is only told is no change":    {whole, found(finding.Finding{Code: "M20", Severity: finding.Info, Subject: "corp.test"}), nil},
		"a cut look has lost nothing":       {found(expired("192.0.2.1")), cut(func(e *rollout.Evidence) { *e = rollout.Evidence{Domain: "corp.test"} }), nil},
		"what a cut look missed is not new": {cut(whole), found(expired("192.0.2.1")), nil},
		"an MX host came, another went": {whole, func(e *rollout.Evidence) { e.MX = []rollout.MXHost{{Host: "mx3.corp.test", Preference: 5}} },
			[]string{"warn mx3.corp.test is an MX host now, preference 5", "warn mx1.corp.test is no MX host any more"}},
		"name servers that do not answer take no MX host away": {whole, func(e *rollout.Evidence) {
			e.MX, e.Names = nil, []rollout.NameSeen{{Name: "corp.test", Type: "MX", Sightings: []rollout.Sighting{{Err: "timeout"}}}}
		}, nil},
		"another id":  {whole, func(e *rollout.Evidence) { e.Record.ID = "2" }, []string{"warn _mta-sts.corp.test announces id 2 now, and announced 1"}},
		"no id":       {whole, func(e *rollout.Evidence) { e.Record = rollout.RecordSeen{} }, []string{"warn _mta-sts.corp.test announced id 1 and announces none now"}},
		"a first id":  {func(e *rollout.Evidence) { e.Record = rollout.RecordSeen{} }, whole, []string{"warn _mta-sts.corp.test announces id 1 now"}},
		"hostile ids": {whole, func(e *rollout.Evidence) { e.Record.ID = "2\x1b[2J" }, []string{"warn _mta-sts.corp.test announces id 2 now, and announced 1"}},
		"another policy": {whole, func(e *rollout.Evidence) {
			e.Policy.Policy = mtasts.Policy{Mode: mtasts.Enforce, MaxAge: 604800, MX: []string{"mx1.corp.test"}}
		}, []string{"warn mta-sts.corp.test serves another policy now: mode enforce, was testing; max_age 604800, was 86400; mx mx1.corp.test, was mx1.corp.test mx2.corp.test"}},
		"the same policy in another order": {whole, func(e *rollout.Evidence) { e.Policy.Policy.MX = []string{"mx2.corp.test", "mx1.corp.test"} }, nil},
		"no policy":                        {whole, func(e *rollout.Evidence) { e.Policy.Valid = false }, []string{"warn mta-sts.corp.test served a valid policy in testing and serves none now"}},
		"a policy at last": {func(e *rollout.Evidence) { e.Policy.Valid = false }, whole,
			[]string{"warn mta-sts.corp.test serves a valid policy now: mode testing, max_age 86400, mx mx1.corp.test mx2.corp.test"}},
		"a policy host without a route from here has lost nothing": {whole, func(e *rollout.Evidence) {
			e.Policy = rollout.PolicySeen{Addresses: []rollout.PolicyAddress{{IP: netip.MustParseAddr("2001:db8::20"), NoRoute: true}}}
		}, nil},
		"a certificate was renewed at both addresses": {whole, func(e *rollout.Evidence) {
			for i := range e.MX[0].Addresses {
				e.MX[0].Addresses[i].Certificates = []rollout.Certificate{{Fingerprint: "b", NotAfter: day(28)}}
			}
		}, []string{"pass mx1.corp.test has renewed its certificate, good until " + day(28).Format(time.RFC3339)}},
		"one that senders refuse is no renewal": {whole, func(e *rollout.Evidence) {
			e.Policy.Addresses[0].Certificate = &rollout.Certificate{Fingerprint: "b", NotAfter: day(28)}
			failing(e, "H03", "mta-sts.corp.test")
		}, []string{"fail new: mta-sts.corp.test: it fails", "info mta-sts.corp.test shows another certificate, good until " + day(28).Format(time.RFC3339)}},
		"an older certificate came back": {whole, func(e *rollout.Evidence) {
			e.Policy.Addresses[0].Certificate = &rollout.Certificate{Fingerprint: "q", NotAfter: day(10)}
		}, []string{"info mta-sts.corp.test shows another certificate, good until " + day(10).Format(time.RFC3339)}},
		"the worst comes first": {found(unseen), func(e *rollout.Evidence) {
			e.Record.ID, e.Findings = "2", []finding.Finding{{Code: "M05", Severity: finding.Fail, Subject: "mx1.corp.test", Title: "refused"}}
		}, []string{"fail new: mx1.corp.test: refused", "warn _mta-sts.corp.test announces id 2 now, and announced 1", "pass gone: mx1.corp.test [192.0.2.1]: no route"}},
	} {
		before, after := seenWell(), seenWell()
		row.before(&before)
		row.after(&after)
		var got []string
		for _, c := range rollout.Changes(before, after) {
			got = append(got, string(c.Severity)+" "+c.Text)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s:\n%q\nwant\n%q", name, got, row.want)
		}
	}
}

// What belay saw when it was here last is compared with the first look of an act.
func TestAnActSaysWhatChangedSinceTheLookBefore(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	created := r.box.clock.Now()
	r.box.clock.wind(48 * time.Hour)
	r.box.faults = []finding.Finding{finding.New("M09", "mx1.corp.test", "certificate expired")}
	p := r.next()
	if p.Since == nil || !p.Since.At.Equal(created) || len(p.Since.Changes) != 1 || p.Since.Changes[0].Text != "new: mx1.corp.test: certificate expired" {
		t.Fatalf("next: %+v", p.Since)
	}
	r.box.clock.wind(time.Minute)
	r.box.faults = nil
	proposal, err := r.engine.Propose(t.Context(), domain, nil)
	if err != nil || proposal.Since == nil || len(proposal.Since.Changes) != 1 || proposal.Since.Changes[0].Text != "gone: mx1.corp.test: certificate expired" {
		t.Fatalf("propose: %v, %+v", err, proposal.Since)
	}
}

func TestReasonsOfOneHostAreGrouped(t *testing.T) {
	expired := func(ip string) rollout.Reason {
		return rollout.Reason{Code: "M09", Subject: "mx2.corp.test [" + ip + "]", Text: "certificate expired", Fix: "Renew it."}
	}
	drift := rollout.Reason{Code: rollout.ReasonDrift, Subject: "_mta-sts.corp.test", Text: "reads otherwise", Fix: "belay restore puts it back"}
	found := drift
	found.Code, found.Fix = "O12", "Restore or adopt."
	final := expired("192.0.2.13")
	final.Final = true
	var got []string
	for _, r := range rollout.Grouped([]rollout.Reason{expired("192.0.2.12"), found, expired("2001:db8::12"), drift, final}) {
		got = append(got, r.Code+" "+r.Subject)
	}
	want := []string{"M09 mx2.corp.test [192.0.2.12, 2001:db8::12]", "drift _mta-sts.corp.test", "M09 mx2.corp.test [192.0.2.13]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
