package main

import (
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// In a zone whose wildcard answers for every name, what is removed is seen to be
// gone, and the edits that wait for it go on.
func TestRemovalBelowAWildcardGoesOn(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := "mta-sts." + b.Domain()
	b.SetRRset("*."+b.Domain(), "CNAME", 300, "mx1.corp.test")
	b.SetRRset(host, "CNAME", 300, "mx2.corp.test")
	b.start()
	b.to(rollout.PublishDNS)
	file := b.state + "/plan"
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	if r := b.belay("next", b.Domain(), "--plan", file); r.status != exitGood {
		t.Fatalf("exit %d\n%s%s", r.status, r.out, r.err)
	}
	if records := b.Records(host, "CNAME"); len(records) > 0 {
		t.Errorf("the CNAME still stands: %v", records)
	}
	if records := b.Records(host, "A"); len(records) != 1 {
		t.Errorf("the address was not published: %v", records)
	}
}

// An undo whose names go back to a wildcard ends.
func TestUndoBelowAWildcardEnds(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.SetRRset("*."+b.Domain(), "A", 300, "192.0.2.12")
	b.start()
	b.to(rollout.HostPolicy)
	if r := b.belay("undo", b.Domain(), "--yes"); r.status != exitGood {
		t.Errorf("exit %d\n%s%s", r.status, r.out, r.err)
	}
}

// By hand, what a wildcard answers is no record: nobody is told to delete or change
// what is not there, and what he makes is seen in the wildcard's place.
func TestByHandBelowAWildcard(t *testing.T) {
	for _, row := range []struct{ shows, typ, value string }{
		{"an alias", "CNAME", "mx1.corp.test"}, {"a text", "TXT", "v=spf1 -all"}, {"an address", "A", "192.0.2.12"},
	} {
		t.Run(row.shows, func(t *testing.T) {
			b := newBox(t, lab.Options{})
			b.SetRRset("*."+b.Domain(), row.typ, 300, row.value)
			b.must(exitGood, "new", b.Domain(), "--dns", "manual", "--host", "webroot:"+b.WebRoot(), "--host-address", "192.0.2.20",
				"--rua", "mailto:tlsrpt@corp.test")
			b.to(rollout.PublishDNS)
			for _, form := range []string{"panel", "nsupdate"} {
				plan := b.must(exitGood, "plan", b.Domain(), "--form", form).out
				for _, never := range []string{"Delete this record", "Change this record", row.value, "yxrrset", "kept back"} {
					if strings.Contains(plan, never) {
						t.Errorf("--form %s says %q:\n%s", form, never, plan)
					}
				}
			}
			if r := b.must(exitFails, "next", b.Domain(), "--yes"); strings.Contains(r.out+r.err, "D06") || strings.Contains(r.out+r.err, "Delete the") {
				t.Errorf("it is told to delete what is not there:\n%s%s", r.out, r.err)
			}
			b.SetRRset("_smtp._tls."+b.Domain(), "TXT", 300, "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;")
			b.SetRRset("mta-sts."+b.Domain(), "A", 300, "192.0.2.20")
			if r := b.must(exitGood, "next", b.Domain(), "--yes"); !strings.Contains(r.out, "3 Host the policy") || strings.Contains(r.out, "goes on denying") {
				t.Errorf("after the operator made both:\n%s%s", r.out, r.err)
			}
		})
	}
}
