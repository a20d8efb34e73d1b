package steps_test

import (
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// No resolver is asked about a name at which nothing stands, also where a wildcard
// answers for it: it would remember what it heard when the record is there.
func TestResolversAreNotAskedAboutAWildcard(t *testing.T) {
	const host, rpt = "mta-sts.corp.test", "_smtp._tls.corp.test"
	reports := "v=TLSRPTv1; rua=mailto:tls@corp.test"
	for _, row := range []struct {
		shows     string
		zone      [][3]string
		name, typ string
		asked     bool
	}{
		{"a wildcard alias without such a record", [][3]string{{"*.corp.test", "CNAME", "mx1.corp.test"}}, rpt, "TXT", false},
		{"a wildcard alias with such a record", [][3]string{{"*.corp.test", "CNAME", "mx1.corp.test"}}, host, "A", false},
		{"a wildcard text", [][3]string{{"*.corp.test", "TXT", "v=spf1 -all"}}, rpt, "TXT", false},
		{"a record over a wildcard", [][3]string{{"*.corp.test", "TXT", "v=spf1 -all"}, {rpt, "TXT", reports}}, rpt, "TXT", true},
		{"a record that holds what the wildcard does", [][3]string{{"*.corp.test", "A", "192.0.2.12"}, {host, "A", "192.0.2.12"}}, host, "A", true},
		{"an alias over a wildcard", [][3]string{{"*.corp.test", "CNAME", "mx1.corp.test"}, {host, "CNAME", "mx2.corp.test"}}, host, "A", true},
		{"an alias of its own", [][3]string{{host, "CNAME", "mx2.corp.test"}}, host, "A", true},
	} {
		t.Run(row.shows, func(t *testing.T) {
			l, looker := openLab(t, lab.Options{})
			for _, typ := range []string{"A", "AAAA", "CNAME"} {
				set(t, l, host, typ)
			}
			for _, r := range row.zone {
				set(t, l, r[0], r[1], r[2])
			}
			seen, ok := lookAt(t, looker, "corp.test", rollout.Ledger{}).Name(row.name, row.typ)
			if !ok || len(seen.Recursive) > 0 != row.asked {
				t.Errorf("the resolvers' answers about %s %s are %+v", row.name, row.typ, seen.Recursive)
			}
		})
	}
}
