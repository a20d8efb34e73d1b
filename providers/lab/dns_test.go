package lab_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"

	"github.com/miekg/dns"
)

// ask puts one question to a server of the lab over its Network.
func ask(t testing.TB, l *lab.Lab, ip, network, name string, typ uint16) *dns.Msg {
	t.Helper()
	conn, err := l.World().Network.Dial(soon(t), network, at(ip, 53))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	q := new(dns.Msg)
	q.SetQuestion(name, typ)
	client := dns.Client{Net: network}
	m, _, err := client.ExchangeWithConnContext(soon(t), q, &dns.Conn{Conn: conn})
	if err != nil {
		t.Fatalf("ask %s for %s %s over %s: %v", ip, name, dns.TypeToString[typ], network, err)
	}
	return m
}

const (
	rootIP     = "192.0.2.1"
	ns1IP      = "192.0.2.2"
	ns2IP      = "192.0.2.3"
	resolverIP = "192.0.2.9"
)

// summary is what matters of an answer on one line.
func summary(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	if m.Authoritative {
		b.WriteString(" aa")
	}
	if m.Truncated {
		b.WriteString(" tc")
	}
	for _, part := range []struct {
		mark string
		rrs  []dns.RR
	}{{" +", m.Answer}, {" ns:", m.Ns}} {
		for _, rr := range part.rrs {
			fields := strings.Fields(rr.String())
			value := strings.Join(fields[4:], " ")
			if fields[3] == "SOA" {
				value = ""
			}
			fmt.Fprintf(&b, "%s%s %s", part.mark, fields[3], value)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestServersAnswerAsTheZoneStands(t *testing.T) {
	l := build(t, lab.Options{Extra: []string{"other.test"}})
	for _, err := range []error{
		l.SetRRset("alias.corp.test", "CNAME", 300, "mx1.corp.test"),
		l.SetRRset("dangling.corp.test", "CNAME", 300, "nowhere.corp.test"),
		l.SetRRset("abroad.corp.test", "CNAME", 300, "mail.control.test"),
		l.SetRRset("_smtp._tls.corp.test", "TXT", 300, `say "hi" \ `+strings.Repeat("x", 300)),
		l.SetRRset("far.corp.test", "CNAME", 300, "host.invalid"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		what, ip, network, name string
		typ                     uint16
		want                    string
	}{
		{"records", ns1IP, "udp", "corp.test.", dns.TypeMX, "NOERROR aa +MX 10 mx1.corp.test. +MX 20 mx2.corp.test."},
		{"the secondary has the zone too", ns2IP, "tcp", "MX1.corp.test.", dns.TypeA, "NOERROR aa +A 192.0.2.11"},
		{"a name without this type", ns1IP, "udp", "mx1.corp.test.", dns.TypeTXT, "NOERROR aa ns:SOA"},
		{"no such name", ns1IP, "udp", "_mta-sts.corp.test.", dns.TypeTXT, "NXDOMAIN aa ns:SOA"},
		{"a name that only stands above others", ns1IP, "udp", "_tls.corp.test.", dns.TypeTXT, "NOERROR aa ns:SOA"},
		{"an alias", ns1IP, "udp", "alias.corp.test.", dns.TypeA, "NOERROR aa +CNAME mx1.corp.test. +A 192.0.2.11"},
		{"an alias to nothing", ns1IP, "udp", "dangling.corp.test.", dns.TypeA, "NXDOMAIN aa +CNAME nowhere.corp.test. ns:SOA"},
		{"a zone of somebody else", ns1IP, "udp", "control.test.", dns.TypeMX, "REFUSED"},
		{"a referral", rootIP, "udp", "mx1.corp.test.", dns.TypeA, "NOERROR ns:NS ns1.corp.test. ns:NS ns2.corp.test."},
		{"DS is the parent's", rootIP, "udp", "corp.test.", dns.TypeDS, "NOERROR aa ns:SOA"},
		{"resolved from the root", resolverIP, "udp", "mx2.corp.test.", dns.TypeAAAA, "NOERROR +AAAA 2001:db8::12"},
		{"resolved through an alias", resolverIP, "udp", "abroad.corp.test.", dns.TypeA, "NOERROR +CNAME mail.control.test. +A 192.0.2.99"},
		{"resolved through an alias to nothing", resolverIP, "udp", "far.corp.test.", dns.TypeA, "NXDOMAIN +CNAME host.invalid. ns:SOA"},
		{"resolved on a server of another zone", resolverIP, "tcp", "other.test.", dns.TypeMX, "NOERROR +MX 10 mx1.corp.test. +MX 20 mx2.corp.test."},
		{"resolved to nothing", resolverIP, "udp", "nowhere.corp.test.", dns.TypeA, "NXDOMAIN ns:SOA"},
		{"resolved to no such type", resolverIP, "udp", "corp.test.", dns.TypeA, "NOERROR ns:SOA"},
		{"resolved DS", resolverIP, "udp", "corp.test.", dns.TypeDS, "NOERROR ns:SOA"},
		{"resolved outside", resolverIP, "udp", "www.example.", dns.TypeA, "NXDOMAIN ns:SOA"},
	} {
		if got := summary(ask(t, l, row.ip, row.network, row.name, row.typ)); got != row.want {
			t.Errorf("%s: %s\nwant %s", row.what, got, row.want)
		}
	}
	if got := l.Records("_smtp._tls.corp.test", "TXT"); len(got) != 1 || !strings.HasPrefix(got[0], `say "hi" \ xxx`) || len(got[0]) != 311 {
		t.Errorf("TXT comes back as %q", got)
	}
}

func TestLongAnswersAreCutOverUDPAndWholeOverTCP(t *testing.T) {
	l := build(t, lab.Options{})
	var values []string
	for i := range 20 {
		values = append(values, fmt.Sprintf("%02d %s", i, strings.Repeat("x", 100)))
	}
	if err := l.SetRRset("long.corp.test", "TXT", 300, values...); err != nil {
		t.Fatal(err)
	}
	for _, ip := range []string{ns1IP, resolverIP} {
		if m := ask(t, l, ip, "udp", "long.corp.test.", dns.TypeTXT); !m.Truncated {
			t.Errorf("%s over UDP: %s", ip, summary(m))
		}
		if m := ask(t, l, ip, "tcp", "long.corp.test.", dns.TypeTXT); m.Truncated || len(m.Answer) != 20 {
			t.Errorf("%s over TCP: %d records, truncated %v", ip, len(m.Answer), m.Truncated)
		}
	}
}

func TestResolverRemembersByTheWoundClock(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	seen := func() string { return summary(ask(t, l, resolverIP, "udp", "_mta-sts.corp.test.", dns.TypeTXT)) }
	wind := func(d time.Duration) {
		if err := l.Wind(d); err != nil {
			t.Fatal(err)
		}
	}
	publish := func(id string) {
		if err := l.SetRRset("_mta-sts.corp.test", "TXT", 600, "v=STSv1; id="+id+";"); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "NXDOMAIN ns:SOA"},
		{func() { publish("1") }, "NXDOMAIN ns:SOA"},
		{func() { wind(299 * time.Second) }, "NXDOMAIN ns:SOA"},
		{func() { wind(time.Second) }, `NOERROR +TXT "v=STSv1; id=1;"`},
		{func() { publish("2"); wind(599 * time.Second) }, `NOERROR +TXT "v=STSv1; id=1;"`},
		{func() { wind(time.Second) }, `NOERROR +TXT "v=STSv1; id=2;"`},
	} {
		step.do()
		if got := seen(); got != step.want {
			t.Errorf("at %s: %s; want %s", l.Now().Format(time.TimeOnly), got, step.want)
		}
	}
	wind(100 * time.Second)
	if ttl := ask(t, l, resolverIP, "udp", "_mta-sts.corp.test.", dns.TypeTXT).Answer[0].Header().Ttl; ttl != 500 {
		t.Errorf("TTL after 100 s of 600 is %d", ttl)
	}
}

func TestSecondaryLags(t *testing.T) {
	l := build(t, lab.Options{})
	txt := func(ip string) string {
		return summary(ask(t, l, ip, "udp", "_mta-sts.corp.test.", dns.TypeTXT))
	}
	set(t, l, "ns2.lagging", true)
	if err := l.SetRRset("_mta-sts.corp.test", "TXT", 300, "new"); err != nil {
		t.Fatal(err)
	}
	if got := txt(ns1IP); got != `NOERROR aa +TXT "new"` {
		t.Errorf("primary: %s", got)
	}
	if got := txt(ns2IP); got != "NXDOMAIN aa ns:SOA" {
		t.Errorf("secondary behind: %s", got)
	}
	set(t, l, "ns2.lagging", false)
	if got := txt(ns2IP); got != `NOERROR aa +TXT "new"` {
		t.Errorf("secondary brought up to date: %s", got)
	}

	late := build(t, lab.Options{SecondaryLag: time.Hour})
	if err := late.SetRRset("_mta-sts.corp.test", "TXT", 300, "new"); err != nil {
		t.Fatal(err)
	}
	if got := summary(ask(t, late, ns2IP, "udp", "_mta-sts.corp.test.", dns.TypeTXT)); got != "NXDOMAIN aa ns:SOA" {
		t.Errorf("secondary that hears an hour later: %s", got)
	}
}

func TestResolverGoesRoundADeadServer(t *testing.T) {
	l := build(t, lab.Options{})
	set(t, l, "ns2.dead", true)
	if got := summary(ask(t, l, resolverIP, "udp", "mx1.corp.test.", dns.TypeA)); got != "NOERROR +A 192.0.2.11" {
		t.Errorf("resolver: %s", got)
	}
	conn, err := l.World().Network.Dial(soon(t), "udp", at(ns2IP, 53))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	q := new(dns.Msg)
	q.SetQuestion("corp.test.", dns.TypeMX)
	if m, _, err := new(dns.Client).ExchangeWithConnContext(ctx, q, &dns.Conn{Conn: conn}); err == nil {
		t.Errorf("a dead server answered %s", summary(m))
	}
}
