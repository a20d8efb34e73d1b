package dns_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers"
	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"

	"github.com/libdns/libdns"
	"github.com/libdns/ovh"
)

// text is a TXT record of the policy domain as libdns has it.
func text(v string, ttl time.Duration) libdns.Record {
	return libdns.TXT{Name: "_mta-sts", Text: v, TTL: ttl}
}

// TestLibdnsFaultsOVH shows libdns's faults on the server, and beside each that
// belay does not have it.
func TestLibdnsFaultsOVH(t *testing.T) {
	const name = "_mta-sts." + domain
	start := func(t *testing.T, values ...string) (bench, *vendor.OVH, *ovh.Provider) {
		b, srv := newOVH(t)
		b.put(t, name, "TXT", values...)
		return b, srv, &ovh.Provider{Endpoint: srv.URL(), ApplicationKey: srv.Key, ApplicationSecret: srv.Secret, ConsumerKey: srv.Consumer}
	}
	t.Run("another TTL is nothing, without an error", func(t *testing.T) {
		b, srv, p := start(t, sts1)
		_, err := p.SetRecords(ctx(t), domain, []libdns.Record{text(sts1, time.Hour)})
		if got := srv.Saved(name); err != nil || len(got) != 1 || got[0].TTL != stoodTTL {
			t.Fatalf("libdns left %+v, %v", got, err)
		}
		e := edit("_mta-sts", "TXT", list(sts1), list(sts1, "beside"))
		e.TTL = 3600
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
		for _, rec := range srv.Saved(name) {
			if r.Outcome != rollout.Applied || rec.TTL != 3600 {
				t.Errorf("belay: %s (%v), left %+v", r.Outcome, err, rec)
			}
		}
	})
	t.Run("a set that only loses a value is not published", func(t *testing.T) {
		b, srv, p := start(t, sts1, sts2)
		_, err := p.SetRecords(ctx(t), domain, []libdns.Record{text(sts2, 600*time.Second)})
		if got := srv.Served(name, "TXT"); err != nil || !slices.Equal(got, list(sts1, sts2)) {
			t.Fatalf("libdns: served %q, %v", got, err)
		}
		// The plan was made on what DNS answers; the record is gone already.
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", list(sts1, sts2), list(sts2)))
		if got := srv.Served(name, "TXT"); r.Outcome != rollout.Found || err != nil || !slices.Equal(got, list(sts2)) {
			t.Errorf("belay: %s (%v), served %q", r.Outcome, err, got)
		}
	})
	t.Run("a foreign value loses its quotation marks", func(t *testing.T) {
		const foreign = `say "hello"`
		b, srv, p := start(t, foreign)
		if _, err := p.SetRecords(ctx(t), domain, []libdns.Record{text(foreign, 600*time.Second), text(sts1, 600*time.Second)}); err != nil {
			t.Fatal(err)
		}
		if got := srv.Served(name, "TXT"); slices.Contains(got, foreign) {
			t.Fatalf("libdns kept it: %q", got)
		}
		b.put(t, name, "TXT", foreign)
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", list(foreign), list(foreign, sts1)))
		if got := srv.Served(name, "TXT"); r.Outcome != rollout.Applied || !slices.Equal(got, list(foreign, sts1)) {
			t.Errorf("belay: %s (%v), served %q", r.Outcome, err, got)
		}
	})
	t.Run("to delete an empty value deletes them all", func(t *testing.T) {
		_, srv, p := start(t, sts1, "foreign")
		_, err := p.DeleteRecords(ctx(t), domain, []libdns.Record{text("", 0)})
		if got := srv.Served(name, "TXT"); err != nil || len(got) != 0 {
			t.Fatalf("libdns: served %q, %v", got, err)
		}
	})
	t.Run("a login that nobody named is read from the folder", func(t *testing.T) {
		b, _, p := start(t, sts1)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "ovh.conf"), []byte("["+b.baseURL+"]\nclient_id=someone\nclient_secret=else\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Chdir(dir)
		if _, err := p.GetRecords(ctx(t), domain); err == nil || !strings.Contains(err.Error(), "multiple authentication") {
			t.Fatalf("libdns: %v", err)
		}
		if h, err := b.open(t, dns.Options{}).Read(ctx(t), edit("_mta-sts", "TXT", nil, nil)); err != nil || h.Value.String() != sts1 {
			t.Errorf("belay read %s, %v", h.Value, err)
		}
	})
}

// TestOVHUnpublishedIsNotDone: a change that was saved and not published is not
// called done, neither when it is made nor when it is found, and is published by
// the next try.
func TestOVHUnpublishedIsNotDone(t *testing.T) {
	b, srv := newOVH(t)
	a, e := b.open(t, dns.Options{}), edit("_mta-sts", "TXT", nil, list(sts1))
	b.interfere(func(r *http.Request) *vendor.Fault {
		if strings.HasSuffix(r.URL.Path, "/refresh") {
			return &vendor.Fault{Status: 500, Type: "application/json", Body: `{"message":"Internal server error"}`}
		}
		return nil
	})
	for _, time := range []string{"when it is made", "when it is found"} {
		r, err := a.Apply(ctx(t), e)
		if r.Outcome != rollout.Unknown || err == nil || !strings.Contains(r.Detail, "not published") {
			t.Errorf("%s: %s, %v", time, r.Outcome, err)
		}
		if got := srv.Served(e.Name, "TXT"); len(got) != 0 {
			t.Fatalf("%s: served %q", time, got)
		}
	}
	b.interfere(nil)
	r, err := a.Apply(ctx(t), e)
	if got := srv.Served(e.Name, "TXT"); r.Outcome != rollout.Found || err != nil || !slices.Equal(got, list(sts1)) {
		t.Errorf("afterwards: %s (%v), served %q", r.Outcome, err, got)
	}
	if n := b.writes(e.Name); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

// TestOVHFollowsTheServersClock: signatures carry OVHcloud's time, also on a
// machine that has slept since it was asked.
func TestOVHFollowsTheServersClock(t *testing.T) {
	b, srv := newOVH(t)
	b.put(t, "_mta-sts."+domain, "TXT", sts1)
	a := b.open(t, dns.Options{})
	for _, asleep := range []int64{0, 3600} {
		srv.Sleep(asleep)
		if h, err := a.Read(ctx(t), edit("_mta-sts", "TXT", nil, nil)); err != nil || h.Value.String() != sts1 {
			t.Errorf("after %d s: %s, %v", asleep, h.Value, err)
		}
	}
}

// TestOVHNamesAreComparedAgain: the API's filter takes an underscore for any
// character.
func TestOVHNamesAreComparedAgain(t *testing.T) {
	b, srv := newOVH(t)
	b.put(t, "xmta-sts."+domain, "TXT", "a neighbour")
	srv.Put(vendor.OVHRecord{SubDomain: "_mta-sts", FieldType: "SPF", Target: `"v=spf1 -all"`})
	h, err := b.open(t, dns.Options{}).Read(ctx(t), edit("_mta-sts", "TXT", nil, nil))
	if err != nil || h.Value.String() != "v=spf1 -all" || h.TTL != 3600 {
		t.Errorf("read %s with TTL %d, %v", h.Value, h.TTL, err)
	}
}

// TestOVHRecipeSuffices: a consumer key with the rights of the recipe, and no
// others, tries, writes, changes and deletes.
func TestOVHRecipeSuffices(t *testing.T) {
	b, srv := newOVH(t)
	entry, _ := providers.Lookup(providers.DNS, "ovh")
	var rules []vendor.OVHRule
	for line := range strings.Lines(entry.RecipeFor(domain)) {
		if f := strings.Fields(line); len(f) == 2 && strings.HasPrefix(f[1], "/domain/zone") {
			rules = append(rules, vendor.OVHRule{Method: f[0], Path: f[1]})
		}
	}
	if len(rules) == 0 {
		t.Fatalf("the recipe names no rights:\n%s", entry.Recipe)
	}
	srv.SetRules(rules...)
	a := b.open(t, dns.Options{})
	if trial, err := a.Try(ctx(t), domain); err != nil || !strings.Contains(strings.Join(trial.Lines, "\n"), "may change records") || !strings.Contains(strings.Join(trial.Lines, "\n"), "The account sees one zone") {
		t.Errorf("try: %v in %q", err, trial.Lines)
	}
	for _, step := range [][2][]string{{nil, list(sts1)}, {list(sts1), list(sts2)}, {list(sts2), nil}} {
		if r, err := a.Apply(ctx(t), edit("_mta-sts", "TXT", step[0], step[1])); r.Outcome != rollout.Applied || err != nil {
			t.Errorf("from %q to %q: %s, %v", step[0], step[1], r.Outcome, err)
		}
	}
}
