package dns_test

import (
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/providers/lab"
	"belay/providers/lab/vendor"
	"belay/rollout/world"
)

// crowded is how many records a large zone has beside belay's own.
const crowded = 20000

// What planning in a large zone may take.
const (
	planWithin = 2 * time.Second
	planHeap   = 60 << 20 // bytes
)

// largeZones are benches whose zone has a great many records.
func largeZones() map[string]func(testing.TB) (provider string, creds map[string]string, o dns.Options) {
	type opened = func(testing.TB) (string, map[string]string, dns.Options)
	signed := func(refuse bool) opened {
		return func(t testing.TB) (string, map[string]string, dns.Options) {
			l, err := lab.New(lab.Options{Domain: domain, Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			if err := l.Crowd(domain, crowded); err != nil {
				t.Fatal(err)
			}
			l.RefuseTransfers(refuse)
			name, alg, secret := l.TSIG()
			return "rfc2136", map[string]string{"server": l.NameServer(0), "key_name": name, "key_alg": alg, "key": secret}, dns.Options{}
		}
	}
	all := map[string]opened{
		"cloudflare": func(t testing.TB) (string, map[string]string, dns.Options) {
			records := make([]vendor.CloudflareRecord, crowded)
			for i := range records {
				records[i] = vendor.CloudflareRecord{Name: fmt.Sprintf("host%d.%s", i+1, domain), Type: "A", Content: "192.0.2.1", TTL: 300}
			}
			srv := vendor.NewCloudflare(domain, records...)
			t.Cleanup(srv.Close)
			return "cloudflare", map[string]string{"api_token": srv.Token}, dns.Options{BaseURL: srv.URL()}
		},
		"route53": func(t testing.TB) (string, map[string]string, dns.Options) {
			sets := make([]vendor.Route53Set, crowded)
			for i := range sets {
				sets[i] = vendor.Route53Set{Name: fmt.Sprintf("host%d.%s", i+1, domain), Type: "A", TTL: 300, Values: list("192.0.2.1")}
			}
			srv := vendor.NewRoute53(domain, sets...)
			t.Cleanup(srv.Close)
			t.Setenv("AWS_ENDPOINT_URL_ROUTE_53", srv.URL())
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AWS_CONFIG_FILE", "/dev/null")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
			return "route53", map[string]string{"access_key_id": srv.AccessKeyID, "secret_access_key": "nobody-checks-it"}, dns.Options{}
		},
		"desec":               crowdedDeSEC,
		"hetzner":             crowdedHetzner,
		"digitalocean":        crowdedDigitalOcean,
		"ovh":                 crowdedOVH,
		"porkbun":             crowdedPorkbun,
		"linode":              crowdedLinode,
		"gandi":               crowdedGandi,
		"dnscale":             crowdedDNScale,
		"rfc2136 by transfer": signed(false),
		"rfc2136 by query":    signed(true),
	}
	maps.Copy(all, heavyLargeZones())
	return all
}

// planReading reads every place of a plan through a fresh account, all at once, as the
// engine does.
func planReading(t testing.TB, provider string, creds map[string]string, o dns.Options) {
	o.Domain = domain
	a, err := dns.Open(provider, creds, o)
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	for _, at := range [][2]string{
		{"_mta-sts", "TXT"}, {"_mta-sts", "CNAME"}, {"_smtp._tls", "TXT"}, {"_smtp._tls", "CNAME"}, {"mta-sts", "A"}, {"mta-sts", "AAAA"}, {"mta-sts", "CNAME"},
	} {
		reading.Go(func() {
			if h, err := a.Read(t.Context(), edit(at[0], at[1], nil, nil)); err != nil || h.Err != "" {
				t.Errorf("%v: %v %s", at, err, h.Err)
			}
		})
	}
	reading.Wait()
}

// peak is how far the heap grows above what it is, while f runs. It is looked at
// every millisecond, with garbage that waits to be collected: so the collector is made
// to come early, or it would be its leisure that is measured.
func peak(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, m.HeapAlloc
	done, sampled := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sampled)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	f()
	close(done)
	<-sampled
	return most - before
}

// BenchmarkPlanLargeZone reads what a plan needs from a zone of 20,000 records on a
// loopback server; the server's own work and memory are in the figures.
func BenchmarkPlanLargeZone(b *testing.B) {
	for name, open := range largeZones() {
		b.Run(name, func(b *testing.B) {
			provider, creds, o := open(b)
			// Looking at the heap, and collecting early, takes time of its own.
			most := peak(func() { planReading(b, provider, creds, o) })
			for b.Loop() {
				planReading(b, provider, creds, o)
			}
			each := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(float64(most)/(1<<20), "peak-MiB")
			b.ReportMetric(float64(each.Microseconds())/1000, "ms/plan")
			if each > planWithin || most > planHeap {
				b.Errorf("a plan took %s, and the heap grew by %d MiB", each, most>>20)
			}
		})
	}
}

// TestLargeZoneIsPlanned: a zone of 20,000 records costs no more memory than a plan
// may. How long it takes is the benchmark's to judge, on a machine at rest.
func TestLargeZoneIsPlanned(t *testing.T) {
	for name, open := range largeZones() {
		t.Run(name, func(t *testing.T) {
			provider, creds, o := open(t)
			watch := world.Start()
			heap := peak(func() { planReading(t, provider, creds, o) })
			took := watch.Elapsed()
			t.Logf("%d records: %s, heap grown by at most %.1f MiB", crowded, took.Round(time.Millisecond), float64(heap)/(1<<20))
			if heap > planHeap {
				t.Errorf("the heap grew by %d MiB", heap>>20)
			}
		})
	}
}
