package rollout_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

func delegated() rollout.Settings {
	s := hasty()
	s.HostAddresses = nil
	s.Delegate = rollout.Delegation{Vendor: "Valimail", Record: "{domain}._mta-sts.vali.email", Reports: "{domain}._smtptlsrpt.vali.email", Host: "policy.mta-vali.email"}
	return s
}

// diffOf are a plan's edits as lines, with what each needs.
func diffOf(p rollout.Plan) []string {
	var out []string
	for _, e := range p.Edits {
		line := e.ID + " " + e.String()
		if len(e.Needs) > 0 {
			line += " after " + strings.Join(e.Needs, ",")
		}
		out = append(out, line)
	}
	return out
}

// planned is phase 2's plan for what a box holds.
func planned(t *testing.T, s rollout.Settings, records ...[]string) rollout.Plan {
	t.Helper()
	r := newRig(t)
	for _, x := range records {
		r.box.set(x[0], x[1], x[2:]...)
	}
	p, err := rollout.Rollout{Domain: domain, Phase: rollout.PublishDNS, Settings: s}.PublishRecords(r.looked(), start)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	return p
}

// looked is a look with all places read.
func (r *rig) looked() rollout.Evidence {
	seen := r.box.seen(domain)
	for _, q := range []string{"_mta-sts TXT", "_mta-sts CNAME", "_smtp._tls TXT", "_smtp._tls CNAME", "mta-sts A", "mta-sts AAAA", "mta-sts CNAME"} {
		name, typ, _ := strings.Cut(q, " ")
		held, _ := r.box.Read(context.Background(), rollout.Edit{Kind: rollout.Record, Account: "rfc2136", Name: name + "." + domain, Type: typ})
		seen.Held = append(seen.Held, held)
	}
	return seen
}

func TestDelegationIsThreeAliases(t *testing.T) {
	for _, row := range []struct {
		shows   string
		records [][]string
		want    []string
	}{
		{"nothing stands there", nil, []string{
			"1 + mta-sts.corp.test CNAME  policy.mta-vali.email",
			"2 + _smtp._tls.corp.test CNAME  corp.test._smtptlsrpt.vali.email",
			"3 + _mta-sts.corp.test CNAME  corp.test._mta-sts.vali.email after 1",
		}},
		{"each name has something in the way, which goes by an edit of its own",
			[][]string{{"_mta-sts." + domain, "TXT", "v=STSv1; id=1;"}, {"_smtp._tls." + domain, "TXT", "v=TLSRPTv1; rua=mailto:a@b.test"}, {"mta-sts." + domain, "A", "192.0.2.9"}}, []string{
				"1 - mta-sts.corp.test A  192.0.2.9",
				"2 + mta-sts.corp.test CNAME  policy.mta-vali.email after 1",
				"3 - _smtp._tls.corp.test TXT  v=TLSRPTv1; rua=mailto:a@b.test",
				"4 + _smtp._tls.corp.test CNAME  corp.test._smtptlsrpt.vali.email after 3",
				"5 - _mta-sts.corp.test TXT  v=STSv1; id=1; after 1,2",
				"6 + _mta-sts.corp.test CNAME  corp.test._mta-sts.vali.email after 1,2,5",
			}},
		{"an alias to somebody else is changed",
			[][]string{{"mta-sts." + domain, "CNAME", "policy.mta-vali.email"}, {"_smtp._tls." + domain, "CNAME", "corp.test._smtptlsrpt.vali.email"}, {"_mta-sts." + domain, "CNAME", "old.vendor.test"}}, []string{
				"1 ~ _mta-sts.corp.test CNAME  old.vendor.test -> corp.test._mta-sts.vali.email",
			}},
		{"all is as it should be",
			[][]string{{"mta-sts." + domain, "CNAME", "policy.mta-vali.email"}, {"_smtp._tls." + domain, "CNAME", "corp.test._smtptlsrpt.vali.email"}, {"_mta-sts." + domain, "CNAME", "corp.test._mta-sts.vali.email"}}, nil},
	} {
		t.Run(row.shows, func(t *testing.T) {
			if got := diffOf(planned(t, delegated(), row.records...)); !slices.Equal(got, row.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(row.want, "\n"))
			}
		})
	}
	notes := strings.Join(planned(t, delegated()).Notes, " ")
	if !strings.Contains(notes, "add mailto:tlsrpt@corp.test there") || !strings.Contains(notes, "cannot order them") {
		t.Errorf("the plan does not say what it leaves to the vendor: %s", notes)
	}
}

// belay writes no policy over a vendor's: where the vendor has the record, what it
// announces is adopted, and the id that it changes itself is drift.
func TestAVendorsPolicyIsAdoptedAndNotWritten(t *testing.T) {
	r := newRig(t)
	r.box.set("corp.test._mta-sts.vali.email", "TXT", "v=STSv1; id=vendor1;")
	r.box.set("corp.test._smtptlsrpt.vali.email", "TXT", "v=TLSRPTv1; rua=mailto:v@vali.email")
	r.create(delegated())
	r.to(rollout.HostPolicy)
	if got := r.box.records["_mta-sts."+domain+" CNAME"]; got.String() != "corp.test._mta-sts.vali.email" {
		t.Fatalf("the record is not delegated: %s", got)
	}
	_, err := r.engine.Next(context.Background(), domain, rollout.Consent{Given: true}, nil)
	if !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), "Valimail keeps the policy and its id") {
		t.Fatalf("phase 3 says %v", err)
	}
	r.box.vendor("v=STSv1; id=vendor1;", testingBody)
	p, err := r.engine.Propose(context.Background(), domain, nil)
	if err != nil || p.Drift == nil || len(p.Drift.Adopt) == 0 {
		t.Fatalf("the vendor's policy is not offered: %+v, %v", p.Drift, err)
	}
	if _, err := r.engine.Adopt(context.Background(), domain, "published at the vendor", adopting, nil); err != nil {
		t.Fatal(err)
	}
	if now := r.load(); now.Phase != rollout.ReviewReports {
		t.Errorf("adopted it stands in %s", now.Phase)
	}
	r.box.clock.wind(time.Minute)
	if p, err = r.engine.Propose(context.Background(), domain, nil); err != nil || p.Drift != nil {
		t.Errorf("what was adopted is drift: %+v, %v", p.Drift, err)
	}
	r.box.vendor("v=STSv1; id=vendor2;", testingBody)
	if p, err = r.engine.Propose(context.Background(), domain, nil); err != nil || p.Drift == nil {
		t.Errorf("another id of the vendor's is no drift: %v", err)
	}
}

const testingBody = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 86400\r\n"

func TestDelegationIsChecked(t *testing.T) {
	for shows, change := range map[string]func(*rollout.Settings){
		"a target that is no name":           func(s *rollout.Settings) { s.Delegate.Record = "not a name" },
		"a target of one label":              func(s *rollout.Settings) { s.Delegate.Host = "localhost" },
		"addresses beside a vendor's host":   func(s *rollout.Settings) { s.HostAddresses = testSettings().HostAddresses },
		"a name beside a vendor's host":      func(s *rollout.Settings) { s.HostCNAME = "www.corp.test" },
		"nobody to whom it is delegated":     func(s *rollout.Settings) { s.Delegate.Vendor = "" },
		"a TTL that no rollout can wait for": func(s *rollout.Settings) { s.TTL = 7 * 86400 },
	} {
		s := delegated()
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&s)
		if s.Validate() == nil {
			t.Errorf("%s is taken", shows)
		}
	}
}

// What stands is repaired, added to or adopted, as a plan that shows every step.
func TestRecordsAreRepairedByPlans(t *testing.T) {
	reports, host := "_smtp._tls."+domain, []string{"mta-sts." + domain, "A", "192.0.2.20"}
	for _, row := range []struct {
		shows   string
		records [][]string
		want    []string
		note    string
	}{
		{"two reporting records become one with every address", [][]string{host, {reports, "TXT", "v=TLSRPTv1; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:c@d.test", "spf is elsewhere"}}, []string{
			"1 ~ _smtp._tls.corp.test TXT  spf is elsewhere | v=TLSRPTv1; rua=mailto:a@b.test | v=TLSRPTv1; rua=mailto:c@d.test -> spf is elsewhere | v=TLSRPTv1; rua=mailto:a@b.test,mailto:c@d.test,mailto:tlsrpt@corp.test;",
		}, "2 records at _smtp._tls.corp.test begin with v=TLSRPTv1"},
		{"a list is added to", [][]string{host, {reports, "TXT", "v=TLSRPTv1; rua=mailto:a@b.test"}}, []string{
			"1 ~ _smtp._tls.corp.test TXT  v=TLSRPTv1; rua=mailto:a@b.test -> v=TLSRPTv1; rua=mailto:a@b.test,mailto:tlsrpt@corp.test",
		}, ""},
		{"an alias in the way goes by an edit of its own", [][]string{host, {reports, "CNAME", "old.vendor.test"}}, []string{
			"1 - _smtp._tls.corp.test CNAME  old.vendor.test",
			"2 + _smtp._tls.corp.test TXT  v=TLSRPTv1; rua=mailto:tlsrpt@corp.test; after 1",
		}, ""},
		{"an alias at the host makes room for the address", [][]string{{"mta-sts." + domain, "CNAME", "www.corp.test"}, {reports, "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test"}}, []string{
			"1 - mta-sts.corp.test CNAME  www.corp.test",
			"2 + mta-sts.corp.test A  192.0.2.20 after 1",
		}, ""},
	} {
		t.Run(row.shows, func(t *testing.T) {
			p := planned(t, testSettings(), row.records...)
			if got := diffOf(p); !slices.Equal(got, row.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(row.want, "\n"))
			}
			if !strings.Contains(strings.Join(p.Notes, " "), row.note) {
				t.Errorf("the notes %q do not say %q", p.Notes, row.note)
			}
		})
	}
}

// What an alias leads to is read as senders read it: its addresses are kept when the
// record comes home, and where it has ours already, nothing is to be done.
func TestReportsBehindAnAlias(t *testing.T) {
	r := newRig(t)
	r.box.set("_smtp._tls."+domain, "CNAME", "old.vendor.test")
	r.box.set("mta-sts."+domain, "A", "192.0.2.20")
	seen := r.looked()
	at := func(raw string, rua ...string) []string {
		seen.TLSRPT = rollout.TLSRPTSeen{Raw: raw, Valid: true, RUA: rua}
		p, err := rollout.Rollout{Domain: domain, Phase: rollout.PublishDNS, Settings: testSettings()}.PublishRecords(seen, start)
		if err != nil {
			t.Fatal(err)
		}
		return diffOf(p)
	}
	want := []string{"1 - _smtp._tls.corp.test CNAME  old.vendor.test", "2 + _smtp._tls.corp.test TXT  v=TLSRPTv1; rua=mailto:v@vendor.test,mailto:tlsrpt@corp.test after 1"}
	if got := at("v=TLSRPTv1; rua=mailto:v@vendor.test", "mailto:v@vendor.test"); !slices.Equal(got, want) {
		t.Errorf("the vendor's address is lost: %q", got)
	}
	if got := at("v=TLSRPTv1; rua=mailto:v@vendor.test,mailto:tlsrpt@corp.test", "mailto:v@vendor.test", "mailto:tlsrpt@corp.test"); len(got) > 0 {
		t.Errorf("what has our address is changed: %q", got)
	}
}

// Several records that announce are one plan away from one, with an id of its own.
func TestSeveralAnnouncementsAreRepaired(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	name := "_mta-sts." + domain
	first := r.box.records[name+" TXT"].Records[0]
	r.box.set(name, "TXT", first, "v=STSv1; id=somebodyelses;", "kept")
	r.box.clock.wind(time.Minute)
	p, err := r.engine.Propose(context.Background(), domain, nil)
	if err != nil || p.Drift == nil {
		t.Fatalf("two announcements are no drift: %v", err)
	}
	plan := p.Drift.Restore
	if len(plan.Edits) != 1 || len(plan.Edits[0].After.Records) != 2 || !slices.Contains(plan.Edits[0].After.Records, "kept") || plan.Edits[0].PolicyID == "" {
		t.Fatalf("the repair is %q", diffOf(plan))
	}
	if !strings.Contains(strings.Join(plan.Notes, " "), "2 records at _mta-sts.corp.test begin with v=STSv1") {
		t.Errorf("the plan does not say why: %q", plan.Notes)
	}
	if _, err := r.engine.ProposeRestore(context.Background(), domain, nil); err != nil {
		t.Fatal(err)
	}
}

func TestTTLIsKeptUnlessTheOperatorAgrees(t *testing.T) {
	plan := func(s rollout.Settings, before string, ttl, least uint32) (uint32, []string) {
		r := newRig(t)
		if before != "" {
			r.box.set("_smtp._tls."+domain, "TXT", before)
		}
		r.box.set("mta-sts."+domain, "A", "192.0.2.20")
		seen := r.looked()
		for i := range seen.Held {
			seen.Held[i].LeastTTL = least
			if seen.Held[i].Name == "_smtp._tls."+domain && before != "" && seen.Held[i].Type == "TXT" {
				seen.Held[i].TTL = ttl
			}
		}
		p, err := rollout.Rollout{Domain: domain, Phase: rollout.PublishDNS, Settings: s}.PublishRecords(seen, start)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Edits) == 0 {
			return 0, p.Notes
		}
		return p.Edits[0].TTL, p.Notes
	}
	const foreign = "v=TLSRPTv1; rua=mailto:a@b.test"
	agreed := testSettings()
	agreed.TTL = 120
	for _, row := range []struct {
		shows      string
		s          rollout.Settings
		before     string
		ttl, least uint32
		want       uint32
		note       bool
	}{
		{"a new record is short-lived", testSettings(), "", 0, 0, 300, false},
		{"a new record is as short-lived as the provider takes", testSettings(), "", 0, 3600, 3600, false},
		{"an existing TTL is kept", testSettings(), foreign, 7200, 0, 7200, false},
		{"the operator agreed to another", agreed, foreign, 7200, 0, 120, true},
		{"what was agreed to does not go below the provider's floor", agreed, foreign, 7200, 600, 600, true},
		{"a record that is right is no edit, whatever its TTL", agreed, "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test", 7200, 0, 0, false},
	} {
		t.Run(row.shows, func(t *testing.T) {
			got, notes := plan(row.s, row.before, row.ttl, row.least)
			if got != row.want || row.note != strings.Contains(strings.Join(notes, " "), "the TTL of _smtp._tls.corp.test TXT becomes") {
				t.Errorf("TTL %d, want %d; notes %q", got, row.want, notes)
			}
		})
	}
}

// vendor makes the box answer by way of the aliases, as a vendor does.
func (b *box) vendor(record, body string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alias = record
	served := rollout.Body(body)
	b.served = &served
}
