package dns_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/rollout"
)

// servers are what two name servers answer, or why nobody does.
type servers struct {
	values [2]rollout.Value
	err    error
}

func (s servers) See(_ context.Context, e rollout.Edit, _ rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	if s.err != nil {
		return rollout.Value{}, rollout.Evidence{}, s.err
	}
	var seen rollout.Evidence
	for i, v := range s.values {
		seen.Sightings = append(seen.Sightings, rollout.Sighting{
			Where: []string{"ns1.corp.test", "ns2.corp.test"}[i], IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}),
			Value: v, TTL: 600, Answered: true,
		})
	}
	v, _ := rollout.Agreed(seen.Sightings)
	return v, seen, nil
}

func both(v rollout.Value) servers { return servers{values: [2]rollout.Value{v, v}} }

func openManual(t *testing.T, s dns.Seer) dns.Account {
	t.Helper()
	a, err := dns.Open("manual", nil, dns.Options{Domain: domain, Seer: s, Finder: zoneIs(domain)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestManualApply(t *testing.T) {
	old, now, other := rollout.Records(sts1), rollout.Records(sts2), rollout.Records("other")
	e := edit("_mta-sts", "TXT", list(sts1), list(sts2))
	for _, tc := range []struct {
		shows   string
		seen    servers
		outcome rollout.Outcome
		stale   bool
	}{
		{"not made yet", both(old), rollout.Waiting, false},
		{"made everywhere", both(now), rollout.Found, false},
		{"on its way", servers{values: [2]rollout.Value{now, old}}, rollout.Waiting, false},
		{"somebody made another change", both(other), rollout.Refused, true},
		{"somebody made another change at one server", servers{values: [2]rollout.Value{old, other}}, rollout.Refused, true},
		{"nobody answers: the note is given all the same", servers{err: errors.New("timed out")}, rollout.Waiting, false},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			r, err := openManual(t, tc.seen).Apply(ctx(t), e)
			if r.Outcome != tc.outcome || errors.Is(err, rollout.ErrStale) != tc.stale || (err != nil) != tc.stale {
				t.Fatalf("outcome %s, %v", r.Outcome, err)
			}
			if tc.outcome == rollout.Waiting && r.Detail != dns.Instructions(e) {
				t.Errorf("detail is %q", r.Detail)
			}
		})
	}
	if r, err := openManual(t, both(old)).Apply(ctx(t), rollout.Edit{Kind: rollout.Record, Name: domain, Type: "MX"}); r.Outcome != rollout.Refused || !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("an MX record: %s, %v", r.Outcome, err)
	}
}

func TestManualReadsTheNameServers(t *testing.T) {
	e := edit("_mta-sts", "TXT", nil, nil)
	h, err := openManual(t, both(rollout.Records(sts1))).Read(ctx(t), e)
	if err != nil || h.Value.String() != sts1 || h.TTL != 600 || h.Zone != domain || h.Err != "" {
		t.Errorf("%+v, %v", h, err)
	}
	h, err = openManual(t, servers{values: [2]rollout.Value{rollout.Records(sts1), {}}}).Read(ctx(t), e)
	if err != nil || h.Value.Exists || !strings.Contains(h.Err, "ns2.corp.test has nothing") {
		t.Errorf("where they differ: %+v, %v", h, err)
	}
}

func TestInstructions(t *testing.T) {
	for _, tc := range []struct {
		shows string
		e     rollout.Edit
		want  string
	}{
		{"create a TXT", edit("_smtp._tls", "TXT", nil, list(rpt)), `Create this record in the zone corp.test:
  name   _smtp._tls   (in full _smtp._tls.corp.test)
  type   TXT
  TTL    300
  value  v=TLSRPTv1; rua=mailto:a@corp.test
As zone-file lines:
  _smtp._tls.corp.test. 300 IN TXT "v=TLSRPTv1; rua=mailto:a@corp.test"`},
		{"change a CNAME", edit("mta-sts", "CNAME", list("a.example"), list("b.example")), `Change this record in the zone corp.test; nothing else may stay at the name with this type:
  name   mta-sts   (in full mta-sts.corp.test)
  type   CNAME
  TTL    300
  old    a.example
  value  b.example
As zone-file lines:
  mta-sts.corp.test. 300 IN CNAME b.example.`},
		{"delete an address", edit("mta-sts", "A", list("192.0.2.1"), nil), `Delete this record in the zone corp.test:
  name   mta-sts   (in full mta-sts.corp.test)
  type   A
  value  192.0.2.1`},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			if got := dns.Instructions(tc.e); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}
