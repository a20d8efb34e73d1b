//go:build google

package dns_test

import (
	"slices"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/rollout"

	"github.com/libdns/googleclouddns"
	"github.com/libdns/libdns"
)

// TestLibdnsFaultsGoogle shows what github.com/libdns/googleclouddns does, and
// beside each that belay does not.
func TestLibdnsFaultsGoogle(t *testing.T) {
	const name = "_mta-sts." + domain
	start := func(t *testing.T) (bench, *googleclouddns.Provider) {
		b, srv := newGoogle(t)
		b.put(t, name, "TXT", sts1)
		b.meanwhile(func() { b.put(t, name, "TXT", sts1, "somebody else's") })
		return b, &googleclouddns.Provider{Project: srv.Project, ServiceAccountJSON: b.creds["key_file"]}
	}
	t.Run("what comes while a set is changed is lost", func(t *testing.T) {
		b, p := start(t)
		_, err := p.SetRecords(ctx(t), domain+".", []libdns.Record{text(`"`+sts2+`"`, 600*time.Second)})
		if got := b.holds(name, "TXT"); err != nil || slices.Contains(got, "somebody else's") {
			t.Fatalf("libdns left %q, %v", got, err)
		}
		b, _ = start(t)
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", list(sts1), list(sts2)))
		if got := b.holds(name, "TXT"); r.Outcome != rollout.Refused || !slices.Contains(got, "somebody else's") {
			t.Errorf("belay: %s (%v), left %q", r.Outcome, err, got)
		}
	})
	t.Run("what comes while a set is deleted goes with it", func(t *testing.T) {
		b, p := start(t)
		_, err := p.DeleteRecords(ctx(t), domain+".", []libdns.Record{text(sts1, 600*time.Second)})
		if got := b.holds(name, "TXT"); err != nil || len(got) != 0 {
			t.Fatalf("libdns left %q, %v", got, err)
		}
		b, _ = start(t)
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", list(sts1), nil))
		if got := b.holds(name, "TXT"); r.Outcome != rollout.Refused || !slices.Contains(got, "somebody else's") {
			t.Errorf("belay: %s (%v), left %q", r.Outcome, err, got)
		}
	})
	t.Run("quotes at the ends are taken off", func(t *testing.T) {
		b, p := start(t)
		const foreign = `say "hello"`
		_, err := p.SetRecords(ctx(t), domain+".", []libdns.Record{text(foreign, 600*time.Second)})
		if got := b.holds(name, "TXT"); err == nil && slices.Contains(got, foreign) {
			t.Fatalf("libdns kept it: %q", got)
		}
		b, _ = newGoogle(t)
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(foreign)))
		if got := b.holds(name, "TXT"); r.Outcome != rollout.Applied || !slices.Equal(got, list(foreign)) {
			t.Errorf("belay: %s (%v), left %q", r.Outcome, err, got)
		}
	})
}
