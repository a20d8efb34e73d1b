package rollout

import (
	"net/netip"
	"testing"

	"belay/rollout/mtasts"
)

// One record is one reason, whoever still has what; who answered alike stands
// together, and of a record that the operator makes nothing is promised but a look.
func TestWhatIsNotLiveIsOneReasonARecord(t *testing.T) {
	at := func(where, ip string, v Value, err string) Sighting {
		return Sighting{Where: where, IP: netip.MustParseAddr(ip), Answered: true, Value: v, Err: err}
	}
	old := Records("192.0.2.20")
	edit := Edit{ID: "a", Kind: Record, Account: "manual", Name: "mta-sts.corp.test", Type: "A", Before: old, After: Records("192.0.2.21")}
	mine := edit
	mine.Account = "rfc2136"
	body := Edit{ID: "b", Kind: Policy, Account: "manual/host", Name: mtasts.PolicyURL("corp.test"), After: Body("version: STSv1\n")}
	const hand, next = "make the change where the zone is kept; belay next looks for it", "belay next looks again; nothing is written twice"
	for name, row := range map[string]struct {
		edit      Edit
		seen      []Sighting
		text, fix string
	}{
		"every server alike": {edit, []Sighting{at("ns1.corp.test", "192.0.2.1", old, ""), at("ns1.corp.test", "2001:db8::1", old, ""), at("ns2.corp.test", "192.0.2.2", old, "")},
			`mta-sts.corp.test A: ns1.corp.test [192.0.2.1, 2001:db8::1], ns2.corp.test [192.0.2.2] still have "192.0.2.20", where "192.0.2.21" is wanted`, hand},
		"one has it": {mine, []Sighting{at("ns1.corp.test", "192.0.2.1", mine.After, ""), at("ns2.corp.test", "192.0.2.2", Absent(), "")},
			`mta-sts.corp.test A: ns2.corp.test [192.0.2.2] still has nothing, where "192.0.2.21" is wanted`, next},
		"two answers": {mine, []Sighting{at("ns1.corp.test", "192.0.2.1", old, ""), at("ns2.corp.test", "192.0.2.2", Absent(), "")},
			`mta-sts.corp.test A: ns1.corp.test [192.0.2.1] still has "192.0.2.20"; ns2.corp.test [192.0.2.2] still has nothing, where "192.0.2.21" is wanted`, next},
		"a body that fails": {body, []Sighting{at("mta-sts.corp.test", "192.0.2.20", Absent(), "HTTP 404")},
			mtasts.PolicyURL("corp.test") + ": mta-sts.corp.test [192.0.2.20]: HTTP 404", "publish the body; belay next looks for it"},
		"nobody could be asked": {edit, nil, "no server that could be asked from here shows mta-sts.corp.test A", hand},
	} {
		closed := notLive(row.edit, row.seen).Closed()
		if len(closed) != 1 || closed[0].Text != row.text || closed[0].Fix != row.fix {
			t.Errorf("%s: %+v", name, closed)
		}
	}
}
