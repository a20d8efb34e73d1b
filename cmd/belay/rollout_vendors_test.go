package main

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"belay/providers/lab"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// The report record that stands at the vendor when belay comes, and what it is to
// become.
const (
	oldReports = "v=TLSRPTv1; rua=mailto:tls@reports.test,https://reports.test/v1"
	oldTTL     = 3600
)

// atVendor is a vendor's API with a zone of the lab's in the account.
type atVendor struct {
	provider string
	hooks    func(vendor.Hooks)
	// others are the records that are none of belay's business.
	others func() any
	// reports is the report record with its TTL.
	reports func() (text string, ttl int64)
}

func TestRolloutCloudflare(t *testing.T) {
	b := newBox(t, lab.Options{})
	zone := b.Domain()
	api := vendor.NewCloudflare(zone,
		vendor.CloudflareRecord{Name: zone, Type: "A", Content: "192.0.2.80", Proxied: true},
		vendor.CloudflareRecord{Name: zone, Type: "TXT", Content: `"v=spf1 mx -all"`},
		vendor.CloudflareRecord{Name: zone, Type: "MX", Content: "mx1." + zone},
		vendor.CloudflareRecord{Name: zone, Type: "NS", Content: "ns1." + zone},
		vendor.CloudflareRecord{Name: "www." + zone, Type: "CNAME", Content: zone, Proxied: true},
		vendor.CloudflareRecord{Name: "_smtp._tls." + zone, Type: "TXT", Content: `"` + oldReports + `"`, TTL: oldTTL},
	)
	t.Cleanup(api.Close)
	api.SetNameServers("ns1."+zone, "ns2."+zone)
	b.env["CLOUDFLARE_BASE_URL"], b.env["CLOUDFLARE_API_TOKEN"] = api.URL(), api.Token
	b.rolloutAt(atVendor{
		provider: "cloudflare", hooks: api.SetHooks,
		others: func() any { return append(api.Records(zone), api.Records("www."+zone)...) },
		reports: func() (string, int64) {
			held := api.Records("_smtp._tls." + zone)
			if len(held) != 1 {
				t.Fatalf("%d report records stand: %+v", len(held), held)
			}
			return strings.Trim(held[0].Content, `"`), int64(held[0].TTL)
		},
	})
}

func TestRolloutRoute53(t *testing.T) {
	b := newBox(t, lab.Options{})
	zone := b.Domain()
	sets := []vendor.Route53Set{
		{Name: zone, Type: "SOA", TTL: 900, Values: []string{"ns1." + zone + ". hostmaster." + zone + ". 1 7200 900 1209600 86400"}},
		{Name: zone, Type: "NS", TTL: 172800, Values: []string{"ns1." + zone + ".", "ns2." + zone + "."}},
		{Name: zone, Type: "MX", TTL: 3600, Values: []string{"10 mx1." + zone + ".", "20 mx2." + zone + "."}},
		{Name: zone, Type: "A", Alias: "d111.cloudfront.net"},
		{Name: "www." + zone, Type: "A", TTL: 60, Values: []string{"192.0.2.80"}, ID: "blue"},
	}
	api := vendor.NewRoute53(zone, append(slices.Clone(sets),
		vendor.Route53Set{Name: "_smtp._tls." + zone, Type: "TXT", TTL: oldTTL, Values: []string{`"` + oldReports + `"`}})...)
	t.Cleanup(api.Close)
	// What the SDK reads by itself stands in the process's environment.
	t.Setenv("AWS_ENDPOINT_URL_ROUTE_53", api.URL())
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	b.env["AWS_ACCESS_KEY_ID"], b.env["AWS_SECRET_ACCESS_KEY"], b.env["AWS_REGION"] = api.AccessKeyID, "nobody-checks-this-signature", "us-east-1"
	b.rolloutAt(atVendor{
		provider: "route53", hooks: api.SetHooks,
		others: func() any {
			var held []vendor.Route53Set
			for _, s := range sets {
				now, _ := api.Set(s.Name, s.Type)
				held = append(held, now)
			}
			return held
		},
		reports: func() (string, int64) {
			held, _ := api.Set("_smtp._tls."+zone, "TXT")
			if len(held.Values) != 1 {
				t.Fatalf("the report record holds %q", held.Values)
			}
			return strings.Trim(held.Values[0], `"`), held.TTL
		},
	})
}

// rolloutAt takes a rollout to holding with its zone at a vendor, where the lab's
// name servers answer with what the vendor holds. The report record that stood
// there is kept and added to, by a plan that was shown; every other change is
// written once, and nothing beside.
func (b *box) rolloutAt(v atVendor) {
	b.t.Helper()
	var mu sync.Mutex
	writes := map[string]int{}
	if err := b.SetRRset("_smtp._tls."+b.Domain(), "TXT", oldTTL, oldReports); err != nil {
		b.t.Fatal(err)
	}
	v.hooks(vendor.Hooks{
		Before: func(name, typ string) {
			mu.Lock()
			defer mu.Unlock()
			writes[name+" "+typ]++
		},
		OnChange: func(name, typ string, ttl uint32, values []string) {
			if err := b.SetRRset(name, typ, ttl, values...); err != nil {
				b.t.Error(err)
			}
		},
	})
	others := v.others()

	b.start("--dns", v.provider)
	b.to(rollout.PublishDNS)
	if r := b.must(exitRefused, "next", b.Domain(), "--yes"); len(writes) > 0 || !strings.Contains(r.err, "--out") {
		b.t.Errorf("a record that nobody was shown: %v was written, and it says %s", writes, r.err)
	}
	plan := filepath.Join(b.t.TempDir(), "plan.json")
	shown := b.must(exitGood, "plan", b.Domain(), "--out", plan).out
	if !strings.Contains(shown, "- "+oldReports+"\n") || !strings.Contains(shown, oldReports+",mailto:tlsrpt@"+b.Domain()) {
		b.t.Errorf("the plan does not show what becomes of the report record:\n%s", shown)
	}
	b.settled()
	b.must(exitGood, "next", b.Domain(), "--plan", plan)
	if text, ttl := v.reports(); !strings.HasPrefix(text, oldReports+",mailto:tlsrpt@"+b.Domain()) || ttl != oldTTL {
		b.t.Errorf("the report record is %q with TTL %d", text, ttl)
	}

	b.to(rollout.Holding)
	want := map[string]int{
		"_smtp._tls." + b.Domain() + " TXT": 1,
		"mta-sts." + b.Domain() + " A":      1,
		"mta-sts." + b.Domain() + " AAAA":   1,
		"_mta-sts." + b.Domain() + " TXT":   4, // testing, enforce, two rungs
	}
	if !maps.Equal(writes, want) {
		b.t.Errorf("written: %v, want %v", writes, want)
	}
	if now := v.others(); !reflect.DeepEqual(now, others) {
		b.t.Errorf("what is none of belay's business is now\n%+v\nand was\n%+v", now, others)
	}
	if seen := b.check(); seen.Policy.Mode != "enforce" || seen.Policy.MaxAge != rollout.MonthMaxAge || len(seen.TLSRPT.RUA) != 3 {
		b.t.Errorf("at the end stands %+v, reports to %v", seen.Policy, seen.TLSRPT.RUA)
	}
}
