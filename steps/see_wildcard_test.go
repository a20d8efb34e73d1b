package steps_test

import (
	"context"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
)

// What a wildcard answers does not stand at the name: a removal is live when the
// record itself is gone at every server, also where it held what the wildcard does.
func TestSeeTellsARecordFromAWildcard(t *testing.T) {
	type rrset struct{ name, typ, value string }
	const host, rpt, record = "mta-sts.corp.test", "_smtp._tls.corp.test", "_mta-sts.corp.test"
	spf, reports := "v=spf1 -all", "v=TLSRPTv1; rua=mailto:tls@corp.test"
	gone := func(name, typ, was string) rollout.Edit {
		return rollout.Edit{Kind: rollout.Record, Zone: "corp.test", Name: name, Type: typ, Before: rollout.Records(was)}
	}
	made := func(name, typ, value string) rollout.Edit {
		return rollout.Edit{Kind: rollout.Record, Zone: "corp.test", Name: name, Type: typ, After: rollout.Records(value)}
	}
	for _, row := range []struct {
		shows string
		zone  []rrset
		edit  rollout.Edit
		want  rollout.Value
		live  bool
	}{
		{"no wildcard, and removed", nil, gone(host, "A", "192.0.2.20"), rollout.Absent(), true},
		{"removed, and a wildcard answers", []rrset{{"*.corp.test", "A", "192.0.2.12"}}, gone(host, "A", "192.0.2.20"), rollout.Absent(), true},
		{"removed, and it held what the wildcard does", []rrset{{"*.corp.test", "A", "192.0.2.20"}}, gone(host, "A", "192.0.2.20"), rollout.Absent(), true},
		{"still there beside a wildcard", []rrset{{"*.corp.test", "A", "192.0.2.12"}, {host, "A", "192.0.2.20"}}, gone(host, "A", "192.0.2.20"), rollout.Records("192.0.2.20"), false},
		{"still there with what the wildcard holds", []rrset{{"*.corp.test", "A", "192.0.2.20"}, {host, "A", "192.0.2.20"}}, gone(host, "A", "192.0.2.20"), rollout.Records("192.0.2.20"), false},
		{"an alias removed below a wildcard alias", []rrset{{"*.corp.test", "CNAME", "mx1.corp.test"}}, gone(host, "CNAME", "mx2.corp.test"), rollout.Absent(), true},
		{"the record's alias taken from a vendor", []rrset{{"*.corp.test", "CNAME", "mx1.corp.test"}}, gone(record, "CNAME", "sts.control.test"), rollout.Absent(), true},
		{"two labels below the wildcard", []rrset{{"*.corp.test", "TXT", spf}}, gone(rpt, "TXT", reports), rollout.Absent(), true},
		{"a wildcard of the labels between", []rrset{{"*._tls.corp.test", "TXT", spf}}, gone(rpt, "TXT", reports), rollout.Absent(), true},
		{"removed, and the wildcard leads out by an alias", []rrset{{"*.corp.test", "CNAME", "mx1.corp.test"}}, gone(rpt, "TXT", reports), rollout.Absent(), true},
		{"not made yet, and a wildcard answers", []rrset{{"*.corp.test", "TXT", spf}}, made(rpt, "TXT", reports), rollout.Absent(), false},
		{"made over a wildcard", []rrset{{"*.corp.test", "TXT", spf}, {rpt, "TXT", reports}}, made(rpt, "TXT", reports), rollout.Records(reports), true},
		{"wanted, and a wildcard answers so", []rrset{{"*.corp.test", "A", "192.0.2.20"}}, made(host, "A", "192.0.2.20"), rollout.Records("192.0.2.20"), true},
	} {
		t.Run(row.shows, func(t *testing.T) {
			l, looker := openLab(t, lab.Options{})
			for _, typ := range []string{"A", "AAAA", "CNAME"} {
				set(t, l, host, typ)
			}
			for _, r := range row.zone {
				set(t, l, r.name, r.typ, r.value)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			value, seen, err := looker.See(ctx, row.edit, nil)
			if err != nil || !value.Equal(row.want) || rollout.Live(row.edit, seen.Sightings) != row.live {
				t.Errorf("saw %s, live %v, %v; want %s, live %v\n%+v", value, rollout.Live(row.edit, seen.Sightings), err, row.want, row.live, seen.Sightings)
			}
		})
	}
}
