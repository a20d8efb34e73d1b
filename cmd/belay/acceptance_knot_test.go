package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAcceptanceKnot takes a domain whose primary is Knot from nothing to holding.
// The key may change the four names and transfer nothing. Each step changes the
// zone as often as it has records to change, and no more.
func TestAcceptanceKnot(t *testing.T) {
	b := openTestbed(t)
	b.turn("ns1-server.sh", "knot")
	b.turn("dns.sh", "addr", "mta-sts", "-") // belay is to publish the address, too
	if got := b.transfer("rollout"); !strings.Contains(got, "Transfer failed") {
		t.Fatalf("Knot should refuse a transfer:\n%s", got)
	}
	refused := b.refusedTransfers()

	b.begin("--host-address", policyHost1)
	b.stands("check-mx")
	b.goesOn("publish-dns")
	b.stands("publish-dns")
	b.changes(2, "publish-dns", func() {
		publishesWhereBothServersFollow(b)
	})
	b.changes(1, "host-policy", func() { b.goesOn("review-reports") })
	if s := b.stands("review-reports"); s.Mode != "testing" || s.MaxAge != 86400 {
		t.Errorf("want testing for a day: %+v", s)
	}
	b.changes(0, "review-reports", func() { b.goesOn("enforce") })
	b.changes(1, "enforce", func() { b.goesOn("raise-max-age") })
	if s := b.stands("raise-max-age"); s.Mode != "enforce" || s.MaxAge != 86400 {
		t.Errorf("want enforce for a day: %+v", s)
	}
	b.changes(1, "the first rung", func() { b.goesOn("raise-max-age") })
	b.changes(1, "the last rung", func() { b.goesOn("holding") })
	if s := b.stands("holding"); s.Mode != "enforce" || s.MaxAge != 2592000 {
		t.Errorf("want enforce for 30 days: %+v", s)
	}
	b.changes(0, "holding", func() { b.next(0) })
	if b.refusedTransfers() == refused {
		t.Error("belay never asked for a transfer: nothing shows that it can do without")
	}
}

// changes fails unless the primary counts this many changes of the zone while a
// step is taken.
func (b *testbed) changes(want int, step string, take func()) {
	b.Helper()
	before := b.serial()
	take()
	if got := b.serial() - before; got != want {
		b.Errorf("%s changed the zone %d times, want %d", step, got, want)
	}
}

// transfer is what the primary answers whoever asks for the whole zone with this
// key.
func (b *testbed) transfer(key string) string {
	b.Helper()
	return b.asked("dig", "+norec", "-k", filepath.Join(b.run, "keys", key+".key"), "@"+ns1, domain, "AXFR")
}

// refusedTransfers counts in Knot's log how often the rollout's key asked for one.
func (b *testbed) refusedTransfers() int {
	b.Helper()
	log, err := os.ReadFile(filepath.Join(b.run, "ns1-knot", "knotd.log"))
	if err != nil {
		b.Fatal(err)
	}
	return strings.Count(string(log), "ACL, denied, action transfer")
}
