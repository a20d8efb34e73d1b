package main

import (
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/providers/lab/vendor"
)

// The rollouts of this file have their zone at DNS hosts that belay speaks with
// by calls of its own.

func TestRolloutDeSEC(t *testing.T) {
	b := newBox(t, lab.Options{})
	zone := b.Domain()
	api := vendor.NewDeSEC(zone)
	t.Cleanup(api.Close)
	api.Put(zone, "NS", 3600, "ns1."+zone+".", "ns2."+zone+".")
	api.Put(zone, "MX", 3600, "10 mx1."+zone+".", "20 mx2."+zone+".")
	api.Put("_smtp._tls."+zone, "TXT", oldTTL, `"`+oldReports+`"`)
	b.env["DESEC_BASE_URL"], b.env["DESEC_TOKEN"] = api.URL(), api.Token
	b.rolloutAt(atVendor{
		provider: "desec", hooks: api.SetHooks,
		others: func() any {
			ns, _ := api.Set(zone, "NS")
			mx, _ := api.Set(zone, "MX")
			return []vendor.DeSECSet{ns, mx}
		},
		reports: func() (string, int64) {
			held, _ := api.Set("_smtp._tls."+zone, "TXT")
			if len(held.Records) != 1 {
				t.Fatalf("the report record holds %q", held.Records)
			}
			return strings.Trim(held.Records[0], `"`), int64(held.TTL)
		},
	})
	if set, _ := api.Set("_mta-sts."+zone, "TXT"); set.TTL != 3600 {
		t.Errorf("the id's record has the TTL %d, below deSEC's floor", set.TTL)
	}
}

func TestRolloutHetzner(t *testing.T) {
	b := newBox(t, lab.Options{})
	zone := b.Domain()
	api := vendor.NewHetzner(zone)
	t.Cleanup(api.Close)
	api.SetNameServers("ns1."+zone+".", "ns2."+zone+".")
	api.SetActions(1, "") // every change still runs when its call returns
	api.Put(vendor.HetznerSet{Name: zone, Type: "MX", Records: []vendor.HetznerRecord{{Value: "10 mx1." + zone + ".", Comment: "the old one"}}})
	api.Put(vendor.HetznerSet{Name: "_smtp._tls." + zone, Type: "TXT", TTL: oldTTL, Records: []vendor.HetznerRecord{{Value: `"` + oldReports + `"`}}})
	b.env["HCLOUD_ENDPOINT"], b.env["HCLOUD_TOKEN"] = api.URL(), api.Token
	b.rolloutAt(atVendor{
		provider: "hetzner", hooks: api.SetHooks,
		others: func() any {
			mx, _ := api.Set(zone, "MX")
			return mx
		},
		reports: func() (string, int64) {
			held, _ := api.Set("_smtp._tls."+zone, "TXT")
			if len(held.Records) != 1 {
				t.Fatalf("the report record holds %+v", held.Records)
			}
			return strings.Trim(held.Records[0].Value, `"`), int64(held.TTL)
		},
	})
}

func TestRolloutDigitalOcean(t *testing.T) {
	b := newBox(t, lab.Options{})
	zone := b.Domain()
	api := vendor.NewDigitalOcean(zone)
	t.Cleanup(api.Close)
	api.Drop(zone, "NS")
	for _, n := range []string{"ns1.", "ns2."} {
		api.Put(vendor.DigitalOceanRecord{Name: zone, Type: "NS", Data: n + zone, TTL: 1800})
	}
	api.Put(vendor.DigitalOceanRecord{Name: zone, Type: "TXT", Data: "v=spf1 mx -all", TTL: 1800})
	api.Put(vendor.DigitalOceanRecord{Name: "_smtp._tls." + zone, Type: "TXT", Data: oldReports, TTL: oldTTL})
	b.env["DIGITALOCEAN_BASE_URL"], b.env["DIGITALOCEAN_ACCESS_TOKEN"] = api.URL(), api.Token
	b.rolloutAt(atVendor{
		provider: "digitalocean", hooks: api.SetHooks,
		others: func() any { return api.Records(zone) },
		reports: func() (string, int64) {
			held := api.Records("_smtp._tls." + zone)
			if len(held) != 1 {
				t.Fatalf("%d report records stand: %+v", len(held), held)
			}
			return held[0].Data, int64(held[0].TTL)
		},
	})
}
