package lab_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/world"

	"github.com/libdns/libdns"
	"github.com/libdns/rfc2136"
	"github.com/miekg/dns"
)

func provider(l *lab.Lab) *rfc2136.Provider {
	name, algorithm, secret := l.TSIG()
	return &rfc2136.Provider{KeyName: name, KeyAlg: algorithm, Key: secret, Server: l.NameServer(0)}
}

func TestLibdnsWritesThroughThePrimary(t *testing.T) {
	l := build(t, lab.Options{})
	p := provider(l)
	before := l.Serial("corp.test")
	var stages []string
	l.OnUpdate(func(stage string, names []string) {
		stages = append(stages, fmt.Sprintf("%s %v %d", stage, names, len(l.Records("_mta-sts.corp.test", "TXT"))))
	})
	txt := libdns.TXT{Name: "_mta-sts", TTL: 5 * time.Minute, Text: "v=STSv1; id=1;"}
	for range 2 {
		if _, err := p.SetRecords(soon(t), "corp.test.", []libdns.Record{txt}); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.Records("_mta-sts.corp.test", "TXT"); !slices.Equal(got, []string{"v=STSv1; id=1;"}) {
		t.Errorf("stands: %q", got)
	}
	if got := l.Writes()["_mta-sts.corp.test"]; got != 2 {
		t.Errorf("%d writes counted, want 2", got)
	}
	if got := l.Serial("corp.test"); got != before+1 {
		t.Errorf("one change and its repetition took the serial from %d to %d", before, got)
	}
	want := []string{"before [_mta-sts.corp.test] 0", "after [_mta-sts.corp.test] 1", "before [_mta-sts.corp.test] 1", "after [_mta-sts.corp.test] 1"}
	if !slices.Equal(stages, want) {
		t.Errorf("the hook saw %q", stages)
	}
	records, err := p.GetRecords(soon(t), "corp.test.")
	if err != nil || len(records) < 10 {
		t.Errorf("zone transfer: %d records, %v", len(records), err)
	}
	l.RefuseTransfers(true)
	if _, err := p.GetRecords(soon(t), "corp.test."); err == nil {
		t.Error("a refused transfer succeeded")
	}
}

func TestUpdatesThatAreNotGrantedChangeNothing(t *testing.T) {
	l := build(t, lab.Options{})
	good := provider(l)
	wrongSecret, wrongName, secondary := *good, *good, *good
	wrongSecret.Key = "AAAA"
	wrongName.KeyName = "stranger"
	secondary.Server = l.NameServer(1)
	mta := libdns.TXT{Name: "_mta-sts", TTL: time.Minute, Text: "x"}
	for what, try := range map[string]struct {
		p    *rfc2136.Provider
		zone string
		rec  libdns.Record
	}{
		"the MX records":     {good, "corp.test.", libdns.MX{Name: "@", Preference: 1, Target: "evil.test."}},
		"a type not granted": {good, "corp.test.", libdns.Address{Name: "_mta-sts", IP: netip.MustParseAddr("192.0.2.1")}},
		"a name not granted": {good, "corp.test.", libdns.TXT{Name: "other", Text: "x"}},
		"a zone not here":    {good, "elsewhere.test.", mta},
		"a wrong secret":     {&wrongSecret, "corp.test.", mta},
		"an unknown key":     {&wrongName, "corp.test.", mta},
		"a secondary's zone": {&secondary, "corp.test.", mta},
	} {
		if _, err := try.p.AppendRecords(soon(t), try.zone, []libdns.Record{try.rec}); err == nil {
			t.Errorf("%s: was written", what)
		}
	}
	if got := l.Writes(); len(got) != 0 {
		t.Errorf("writes counted: %v", got)
	}
}

func TestAddressBesideAliasIsPassedOverInSilence(t *testing.T) {
	l := build(t, lab.Options{})
	if err := l.SetRRset("mta-sts.corp.test", "CNAME", 300, "policy.host.test"); err != nil {
		t.Fatal(err)
	}
	rec := libdns.Address{Name: "mta-sts", TTL: time.Minute, IP: netip.MustParseAddr("192.0.2.20")}
	if _, err := provider(l).AppendRecords(soon(t), "corp.test.", []libdns.Record{rec}); err != nil {
		t.Fatal(err)
	}
	if a, c := l.Records("mta-sts.corp.test", "A"), l.Records("mta-sts.corp.test", "CNAME"); len(a) != 0 || len(c) != 1 {
		t.Errorf("A %v, CNAME %v", a, c)
	}
}

func TestPrerequisitesHoldAnUpdateBack(t *testing.T) {
	l := build(t, lab.Options{})
	if err := l.SetRRset("_mta-sts.corp.test", "TXT", 300, "old"); err != nil {
		t.Fatal(err)
	}
	old := &dns.TXT{Hdr: dns.RR_Header{Name: "_mta-sts.corp.test.", Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 300}, Txt: []string{"old"}}
	stale := dns.Copy(old).(*dns.TXT)
	stale.Txt = []string{"older"}
	fresh := dns.Copy(old).(*dns.TXT)
	fresh.Txt = []string{"new"}
	name, algorithm, secret := l.TSIG()
	for _, row := range []struct {
		what    string
		require func(*dns.Msg)
		rcode   int
		stands  string
	}{
		{"RRset is another", func(m *dns.Msg) { m.Used([]dns.RR{stale}) }, dns.RcodeNXRrset, "old"},
		{"RRset must not be", func(m *dns.Msg) { m.RRsetNotUsed([]dns.RR{old}) }, dns.RcodeYXRrset, "old"},
		{"name must not be", func(m *dns.Msg) { m.NameNotUsed([]dns.RR{old}) }, dns.RcodeYXDomain, "old"},
		{"name must be", func(m *dns.Msg) {
			other := dns.Copy(old)
			other.Header().Name = "none.corp.test."
			m.NameUsed([]dns.RR{other})
		}, dns.RcodeNameError, "old"},
		{"RRset is as expected", func(m *dns.Msg) { m.Used([]dns.RR{old}) }, dns.RcodeSuccess, "new"},
	} {
		m := new(dns.Msg)
		m.SetUpdate("corp.test.")
		row.require(m)
		m.RemoveRRset([]dns.RR{old})
		m.Insert([]dns.RR{fresh})
		m.SetTsig(dns.Fqdn(name), dns.Fqdn(algorithm), 300, world.Deadline(0).Unix())
		client := dns.Client{Net: "tcp", TsigSecret: map[string]string{dns.Fqdn(name): secret}}
		got, _, err := client.ExchangeContext(soon(t), m, l.NameServer(0))
		if err != nil {
			t.Fatalf("%s: %v", row.what, err)
		}
		if got.Rcode != row.rcode {
			t.Errorf("%s: %s", row.what, dns.RcodeToString[got.Rcode])
		}
		if stands := l.Records("_mta-sts.corp.test", "TXT"); !slices.Equal(stands, []string{row.stands}) {
			t.Errorf("%s: stands %q, want %q", row.what, stands, row.stands)
		}
	}
}

func TestALostUpdateChangesNothing(t *testing.T) {
	l := build(t, lab.Options{})
	lost := make(chan bool, 10)
	l.OnUpdate(func(stage string, _ []string) {
		switch stage {
		case "before":
			l.LoseUpdates(true)
		case "lost":
			lost <- true
		}
	})
	txt := libdns.TXT{Name: "_mta-sts", TTL: time.Minute, Text: "x"}
	ctx, cancel := contextFor(50 * time.Millisecond)
	defer cancel()
	if _, err := provider(l).SetRecords(ctx, "corp.test.", []libdns.Record{txt}); err == nil {
		t.Error("a lost update was answered")
	}
	if got := l.Records("_mta-sts.corp.test", "TXT"); len(got) != 0 || len(l.Writes()) != 0 {
		t.Errorf("a lost update was applied: %q", got)
	}
	select {
	case <-lost:
	case <-soon(t).Done():
		t.Error("the hook was not told of it")
	}
	l.OnUpdate(nil)
	l.LoseUpdates(false)
	if _, err := provider(l).SetRecords(soon(t), "corp.test.", []libdns.Record{txt}); err != nil {
		t.Errorf("updates arrive again: %v", err)
	}
}

func TestDeletionsLeaveTheRest(t *testing.T) {
	l := build(t, lab.Options{})
	stands := func(values ...string) {
		t.Helper()
		if got := l.Records("mta-sts.corp.test", "A"); !slices.Equal(got, values) {
			t.Errorf("stands %v, want %v", got, values)
		}
	}
	address := func(ip string) libdns.Record {
		return libdns.Address{Name: "mta-sts", TTL: time.Minute, IP: netip.MustParseAddr(ip)}
	}
	must := func(_ []libdns.Record, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := provider(l)
	must(p.SetRecords(soon(t), "corp.test.", []libdns.Record{address("192.0.2.20"), address("192.0.2.21"), address("192.0.2.22")}))
	must(p.DeleteRecords(soon(t), "corp.test.", []libdns.Record{address("192.0.2.21"), address("192.0.2.99")}))
	stands("192.0.2.20", "192.0.2.22")
	must(p.DeleteRecords(soon(t), "corp.test.", []libdns.Record{libdns.RR{Name: "mta-sts", Type: "A"}}))
	stands()
}
