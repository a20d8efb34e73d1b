package steps_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/finding"
)

// typed is a record as an operator's hand left it.
type typed struct {
	name, typ string
	values    []string
}

// Each mistake of the hand is told by its name, while the record that is waited
// for is not there, with what to correct; made rightly, nothing is told.
func TestSeeNamesMistakesOfTheHand(t *testing.T) {
	const (
		sts     = "v=STSv1; id=20261102T080000Z;"
		reports = "v=TLSRPTv1; rua=mailto:tls@corp.test"
	)
	record := byHand("_mta-sts.corp.test", "TXT", nil, sts)
	bumped := byHand("_mta-sts.corp.test", "TXT", []string{"v=STSv1; id=1;"}, sts)
	rpt := byHand("_smtp._tls.corp.test", "TXT", nil, reports)
	host := byHand("mta-sts.corp.test", "A", nil, "192.0.2.20")
	vendor := byHand("mta-sts.corp.test", "CNAME", nil, "policy.control.test")
	for _, row := range []struct {
		shows string
		edit  rollout.Edit
		typed []typed
		code  finding.Code
		says  string // in the title or the mend
	}{
		{"the zone's name doubled", record, []typed{{"_mta-sts.corp.test.corp.test", "TXT", []string{sts}}}, "D04", "stands at _mta-sts.corp.test.corp.test"},
		{"the zone's name doubled, of reports", rpt, []typed{{"_smtp._tls.corp.test.corp.test", "TXT", []string{reports}}}, "D04", "senders look at _smtp._tls.corp.test"},
		{"the zone's name doubled, of the host", host, []typed{{"mta-sts.corp.test.corp.test", "A", []string{"192.0.2.20"}}}, "D04", "the policy host is mta-sts.corp.test"},
		{"quotes in the value", record, []typed{{"_mta-sts.corp.test", "TXT", []string{`"` + sts + `"`}}}, "D03", "again without quotes"},
		{"typographic quotes", record, []typed{{"_mta-sts.corp.test", "TXT", []string{"“" + sts + "”"}}}, "D03", "again without quotes"},
		{"a backslash before each semicolon", record, []typed{{"_mta-sts.corp.test", "TXT", []string{strings.ReplaceAll(sts, ";", `\;`)}}}, "D03", "without a backslash before ;"},
		{"spaces before the value", record, []typed{{"_mta-sts.corp.test", "TXT", []string{"  " + sts}}}, "D03", "without spaces"},
		{"spaces behind the value", rpt, []typed{{"_smtp._tls.corp.test", "TXT", []string{reports + "  "}}}, "D03", "without spaces"},
		{"quotes and spaces", record, []typed{{"_mta-sts.corp.test", "TXT", []string{`" ` + sts + `"`}}}, "D03", "without quotes and without spaces"},
		{"TXT at mta-sts", record, []typed{{"mta-sts.corp.test", "TXT", []string{sts}}}, "T08", "stands at mta-sts.corp.test;"},
		{"TXT at the apex", record, []typed{{"corp.test", "TXT", []string{sts}}}, "T08", "stands at corp.test;"},
		{"an underscore for the hyphen", record, []typed{{"_mta_sts.corp.test", "TXT", []string{sts}}}, "T08", "stands at _mta_sts.corp.test"},
		{"an underscore for the dot", rpt, []typed{{"_smtp_tls.corp.test", "TXT", []string{reports}}}, "R01", "stands at _smtp_tls.corp.test"},
		{"the name of the thing", rpt, []typed{{"_tlsrpt.corp.test", "TXT", []string{reports}}}, "R01", "stands at _tlsrpt.corp.test"},
		{"one record in the other's place", rpt, []typed{{"_mta-sts.corp.test", "TXT", []string{reports}}}, "R01", "senders look at _smtp._tls.corp.test"},
		{"the host under the record's label", host, []typed{{"_mta-sts.corp.test", "A", []string{"192.0.2.20"}}}, "H01", "Move the record to mta-sts.corp.test"},
		{"a CNAME left behind", record, []typed{{"_mta-sts.corp.test", "CNAME", []string{"old.control.test."}}}, "D06", "Delete the CNAME at _mta-sts.corp.test"},
		{"an address left where a CNAME must stand", vendor, []typed{{"mta-sts.corp.test", "A", []string{"192.0.2.20"}}}, "D06", "Delete the A record"},
		{"the type SPF", record, []typed{{"_mta-sts.corp.test", "SPF", []string{`"` + sts + `"`}}}, "D01", "must be TXT"},
		{"an address as TXT", host, []typed{{"mta-sts.corp.test", "TXT", []string{"192.0.2.20"}}}, "D01", "create the same value with the type A"},
		{"an address as CNAME", host, []typed{{"mta-sts.corp.test", "CNAME", []string{"192.0.2.20."}}}, "D01", "must be A"},
		{"the zone's name behind the target", vendor, []typed{{"mta-sts.corp.test", "CNAME", []string{"policy.control.test.corp.test."}}}, "D04", "with a dot at its end: policy.control.test."},
		{"the new record beside the old one", bumped, []typed{{"_mta-sts.corp.test", "TXT", []string{sts, "v=STSv1; id=1;"}}}, "D05", "Delete the old record"},
	} {
		t.Run(row.shows, func(t *testing.T) {
			l, looker := openLab(t, lab.Options{})
			for _, typ := range []string{"A", "AAAA", "CNAME"} {
				set(t, l, "mta-sts.corp.test", typ)
			}
			if before := mistakesSeen(t, looker, row.edit); len(before) > 0 {
				t.Fatalf("before anything was typed: %v", before)
			}
			for _, r := range row.typed {
				set(t, l, r.name, r.typ, r.values...)
			}
			told := mistakesSeen(t, looker, row.edit)
			if !slices.ContainsFunc(told, func(f finding.Finding) bool {
				return f.Code == row.code && f.Severity == finding.Fail && f.Fix != "" && strings.Contains(f.Title+" "+f.Fix, row.says)
			}) {
				t.Errorf("want %s with %q, got %v", row.code, row.says, told)
			}
			for _, r := range row.typed {
				set(t, l, r.name, r.typ)
			}
			set(t, l, row.edit.Name, row.edit.Type, row.edit.After.Records...)
			if after := mistakesSeen(t, looker, row.edit); len(after) > 0 {
				t.Errorf("made rightly: %v", after)
			}
		})
	}
}

// What a provider's API wrote is not searched for mistakes of a hand, nor what is
// to be deleted.
func TestSeeLooksForMistakesOfTheHandOnly(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	set(t, l, "_mta_sts.corp.test", "TXT", "v=STSv1; id=2;")
	by := byHand("_mta-sts.corp.test", "TXT", nil, "v=STSv1; id=2;")
	if got := mistakesSeen(t, looker, by); len(got) != 1 {
		t.Fatalf("by hand: %v", got)
	}
	by.Account = "rfc2136"
	if got := mistakesSeen(t, looker, by); len(got) != 0 {
		t.Errorf("through a provider: %v", got)
	}
}

func byHand(name, typ string, before []string, after ...string) rollout.Edit {
	return rollout.Edit{Kind: rollout.Record, Account: "manual", Zone: "corp.test", Name: name, Type: typ,
		Before: rollout.Records(before...), After: rollout.Records(after...), TTL: 300}
}

// mistakesSeen are the findings of one look at the edit, but for servers that
// disagree.
func mistakesSeen(t *testing.T, looker interface {
	See(context.Context, rollout.Edit, rollout.Sink) (rollout.Value, rollout.Evidence, error)
}, e rollout.Edit) []finding.Finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, seen, err := looker.See(ctx, e, nil)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(seen.Findings, func(f finding.Finding) bool { return f.Code == "D02" })
}
