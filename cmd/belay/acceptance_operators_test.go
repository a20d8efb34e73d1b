package main

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/providers/lab/relay"
)

// colleague is another operator of the same domain, with a store of his own, who
// reaches the name server at this address.
func (b *testbed) colleague(server string) *testbed {
	other := *b
	other.state, other.server, other.told = filepath.Join(b.TempDir(), "state"), server, maps.Clone(b.told)
	return &other
}

// TestAcceptanceTwoOperators: two operators with a store each change one record at
// once, each by what he has read. BIND refuses the slower one, whose update says
// what that was; he sees what the quicker one wrote, and adds to it.
func TestAcceptanceTwoOperators(t *testing.T) {
	quick := openTestbed(t)
	way, err := relay.To(ns1 + ":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	slow := quick.colleague(way.Address())
	quick.begin()
	slow.begin("--rua", "mailto:slow@corp.test")
	quick.goesOn("publish-dns")
	slow.goesOn("publish-dns")

	arrived, free := make(chan struct{}), make(chan struct{})
	way.BeforeUpdate(func() {
		close(arrived)
		<-free
	})
	before := quick.serial()
	behind := slow.start("next", domain, "--yes")
	select {
	case <-arrived:
	case err := <-behind.waited:
		behind.waited <- err
		t.Fatalf("the slower one ended without an update: %v", behind.end())
	case <-time.After(patience):
		t.Fatal("the slower one's update does not come")
	}
	ahead := quick.start("next", domain, "--json", "--yes")
	quick.until("the quicker one has written", func() bool { return quick.dig(ns1, reportName, "TXT") != "" })
	close(free)

	refused := behind.end()
	if refused.exit != 3 || !strings.Contains(refused.out+refused.errs, "what was read no longer stands there") {
		t.Errorf("the slower one should be refused by the server: %v", refused)
	}
	quick.arrives(ahead, "host-policy")
	const quicks, both = `"v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"`, `"v=TLSRPTv1; rua=mailto:tlsrpt@corp.test,mailto:slow@corp.test;"`
	if got := quick.dig(ns1, reportName, "TXT"); got != quicks || quick.serial() != before+1 {
		t.Errorf("the quicker one's record should stand alone: %s after %d changes", got, quick.serial()-before)
	}

	unseen := slow.does(3, "next", domain, "--yes") // he has not seen what stands there now
	if got := quick.dig(ns1, reportName, "TXT"); got != quicks {
		t.Errorf("a value that was not shown is written over: %s after %v", got, unseen)
	}
	plan := filepath.Join(t.TempDir(), "plan.json")
	slow.does(0, "plan", domain, "--out", plan)
	slow.does(0, "next", domain, "--plan", plan)
	for _, server := range []string{ns1, ns2} {
		if got := quick.dig(server, reportName, "TXT"); got != both {
			t.Errorf("%s has %s, want both addresses for reports", server, got)
		}
	}
	slow.changes(0, "a plan applied twice", func() { slow.does(3, "next", domain, "--plan", plan) })
}
