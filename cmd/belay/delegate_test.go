package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// The three names are pointed at a vendor through the DNS provider, what stood in
// the way removed first, and seen at every name server.
func TestDelegatedToAVendor(t *testing.T) {
	b := newBox(t, lab.Options{})
	for _, name := range []string{"mta-sts.corp.test", "_smtp._tls.corp.test"} {
		for _, typ := range []string{"A", "AAAA", "TXT"} {
			if err := b.SetRRset(name, typ, 300); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.SetRRset("_smtp._tls.corp.test", "TXT", 300, "v=TLSRPTv1; rua=mailto:old@corp.test"); err != nil {
		t.Fatal(err)
	}
	b.must(exitGood, "new", b.Domain(), "--dns", "rfc2136", "--host", "manual", "--rua", "mailto:tlsrpt@corp.test", "--delegate", "_mta-sts=record.{domain}.control.test",
		"--delegate", "_smtp._tls=reports.control.test", "--delegate", "mta-sts=policy.control.test")
	if r := b.must(exitGood, "status", b.Domain()); !strings.Contains(r.out, "to the vendor") {
		t.Errorf("the status does not say who keeps the names:\n%s", r.out)
	}
	records := b.must(exitGood, "export", b.Domain()).out
	for _, want := range []string{"_mta-sts.corp.test. 300 IN CNAME record.corp.test.control.test.", "mta-sts.corp.test. 300 IN CNAME policy.control.test.",
		"_smtp._tls.corp.test. 300 IN CNAME reports.control.test."} {
		if !strings.Contains(records, want) || strings.Contains(records, "IN TXT") {
			t.Errorf("export has no line %q alone:\n%s", want, records)
		}
	}
	b.to(rollout.PublishDNS)
	shown := b.must(exitGood, "plan", b.Domain()).out
	for _, want := range []string{
		"- _smtp._tls.corp.test TXT", "+ _smtp._tls.corp.test CNAME", "+ reports.control.test",
		"+ mta-sts.corp.test CNAME", "+ policy.control.test", "+ _mta-sts.corp.test CNAME", "+ record.corp.test.control.test",
		"the vendor writes the report addresses from then on",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the plan does not show %q:\n%s", want, shown)
		}
	}
	b.must(exitRefused, "next", b.Domain(), "--yes") // somebody's TXT goes: only by a plan that was shown
	file := filepath.Join(t.TempDir(), "plan.json")
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	r := b.must(exitFails, "next", b.Domain(), "--plan", file) // nobody answers at the vendor's names yet
	if told := strings.Join(strings.Fields(r.out), " "); !strings.Contains(told, "exactly one valid STSv1 record must answer there") || len(b.Records("_smtp._tls.corp.test", "TXT")) != 1 {
		t.Errorf("it does not say what is missing at the vendor, or removed what stood:\n%s", r.out)
	}
	for name, record := range map[string]string{"record.corp.test.control.test": "v=STSv1; id=vendor1;", "reports.control.test": "v=TLSRPTv1; rua=mailto:v@control.test"} {
		if err := b.SetRRset(name, "TXT", 300, record); err != nil {
			t.Fatal(err)
		}
	}
	b.settled()
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	if r = b.must(exitGood, "next", b.Domain(), "--plan", file); strings.Count(r.out, "  live ") != 4 {
		t.Errorf("not every edit was seen live:\n%s", r.out)
	}
	for name, want := range map[string]string{
		"_mta-sts.corp.test": "record.corp.test.control.test", "mta-sts.corp.test": "policy.control.test", "_smtp._tls.corp.test": "reports.control.test",
	} {
		if got := b.Records(name, "CNAME"); !slices.Equal(got, []string{want}) {
			t.Errorf("%s leads to %v, want %s", name, got, want)
		}
	}
}

func TestDelegateIsReadFromFlags(t *testing.T) {
	b := newBox(t, lab.Options{})
	args := func(more ...string) []string {
		return append([]string{"new", b.Domain(), "--dns", "rfc2136", "--host", "manual", "--rua", "mailto:tlsrpt@corp.test"}, more...)
	}
	for _, wrong := range [][]string{
		{"--delegate", "nobody"}, {"--delegate", "valimail", "--delegate", "mta-sts=x.example"}, {"--delegate", "www=x.example"},
		{"--delegate", "mta-sts="}, {"--delegate", "mta-sts=not a name"}, {"--delegate", "valimail", "--host-address", "192.0.2.20"}, {"--ttl", "7"}, {"--ttl", "-1"},
	} {
		if r := b.must(exitCannot, args(wrong...)...); !strings.Contains(r.err, "--delegate") && !strings.Contains(r.err, "--ttl") {
			t.Errorf("%v: %s", wrong, r.err)
		}
	}
	b.must(exitGood, args("--delegate", "_smtp._tls=t.{domain}.vendor.test", "--ttl", "120")...)
	b.to(rollout.PublishDNS)
	if r := b.must(exitGood, "plan", b.Domain()); !strings.Contains(r.out, "_smtp._tls.corp.test CNAME 120") || !strings.Contains(r.out, "+ t.corp.test.vendor.test") {
		t.Errorf("the target and TTL are not in the plan:\n%s", r.out)
	}
	b.must(exitGood, "set", b.Domain(), "--delegate", "none", "--ttl", "0")
	if r := b.must(exitGood, "plan", b.Domain()); strings.Contains(r.out, "CNAME") {
		t.Errorf("none does not end it:\n%s", r.out)
	}
}

// A policy whose record stands behind an alias is adopted as what it is, is no drift
// while nobody changes it, and is told when the vendor does.
func TestARecordBehindAnAliasIsAdopted(t *testing.T) {
	b := newBox(t, lab.Options{})
	set := func(name, typ string, values ...string) {
		t.Helper()
		if err := b.SetRRset(name, typ, 300, values...); err != nil {
			t.Fatal(err)
		}
	}
	for _, ip := range b.PolicyAddresses() {
		typ := "A"
		if ip.Is6() {
			typ = "AAAA"
		}
		set("mta-sts.corp.test", typ, ip.String())
	}
	set("_smtp._tls.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test")
	set("_mta-sts.corp.test", "CNAME", "corp.control.test.")
	set("corp.control.test", "TXT", "v=STSv1; id=vendor1;")
	file := filepath.Join(b.WebRoot(), ".well-known", "mta-sts.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	body := "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 86400\r\n"
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}

	b.must(exitGood, "new", b.Domain(), "--dns", "rfc2136", "--host", "manual", "--rua", "mailto:tlsrpt@corp.test",
		"--delegate", "_mta-sts=corp.control.test", "--adopt")
	if s := b.status(); s.Phase != rollout.ReviewReports || s.PolicyID != "vendor1" {
		t.Fatalf("it was not adopted as it is: %+v", s)
	}
	if r := b.must(exitGood, "plan", b.Domain()); strings.Contains(r.out, "not as belay verified") {
		t.Errorf("what was just adopted is drift:\n%s", r.out)
	}
	set("corp.control.test", "TXT", "v=STSv1; id=vendor2;")
	b.settled()
	if r := b.must(exitFails, "plan", b.Domain()); !strings.Contains(r.out, "vendor2") || !strings.Contains(r.out, "belay adopt") {
		t.Errorf("the vendor's new id is not told:\n%s", r.out)
	}
	b.must(exitGood, "adopt", b.Domain(), "--reason", "published at the vendor")
	if s := b.status(); s.PolicyID != "vendor2" {
		t.Errorf("after adopting: %+v", s)
	}
	if got := b.Records("_mta-sts.corp.test", "CNAME"); !slices.Equal(got, []string{"corp.control.test"}) || len(b.Writes()) > 0 {
		t.Errorf("the alias is %v, and belay wrote %v", got, b.Writes())
	}
}
