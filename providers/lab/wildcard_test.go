package lab_test

import (
	"testing"

	"belay/providers/lab"

	"github.com/miekg/dns"
)

// A wildcard answers for names that do not exist, and for no others.
func TestWildcard(t *testing.T) {
	l := build(t, lab.Options{})
	for _, r := range [][3]string{{"*.corp.test", "TXT", "wild"}, {"there.corp.test", "A", "192.0.2.20"}, {"below.deep.corp.test", "A", "192.0.2.20"}} {
		if err := l.SetRRset(r[0], r[1], 60, r[2]); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"nobody.corp.test.":     "NOERROR aa +TXT \"wild\"",
		"nobody.two.corp.test.": "NOERROR aa +TXT \"wild\"",
		"there.corp.test.":      "NOERROR aa ns:SOA",
		"deep.corp.test.":       "NOERROR aa ns:SOA",
		"other.deep.corp.test.": "NXDOMAIN aa ns:SOA",
	} {
		if got := summary(ask(t, l, ns1IP, "udp", name, dns.TypeTXT)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// What the resolver says of a signed zone, and of one whose signatures fail.
func TestResolverValidates(t *testing.T) {
	l := build(t, lab.Options{})
	if m := ask(t, l, resolverIP, "udp", "corp.test.", dns.TypeMX); m.AuthenticatedData {
		t.Error("an unsigned zone was validated")
	}
	if err := l.SetRRset("corp.test", "DS", 60, "1 13 2 "+"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"); err != nil {
		t.Fatal(err)
	}
	if m := ask(t, l, resolverIP, "udp", "corp.test.", dns.TypeMX); !m.AuthenticatedData {
		t.Error("a signed zone was not validated")
	}
	set(t, l, "resolver.bogus", true)
	if m := ask(t, l, resolverIP, "udp", "corp.test.", dns.TypeMX); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("of a bogus zone it says %s", summary(m))
	}
}
