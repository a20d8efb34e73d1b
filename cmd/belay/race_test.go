package main

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"belay/providers/lab"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// raced is a lab whose zone can be written by two at once: the first write of each
// waits until the other's is there, too.
type raced struct {
	*box
	release func() // ends the waiting for good
}

// meet returns a func that lets nobody pass before two have called it, and one that
// lets everybody pass from then on.
func meet() (wait, release func()) {
	var mu sync.Mutex
	came, open := 0, make(chan struct{})
	var once sync.Once
	release = func() { once.Do(func() { close(open) }) }
	return func() {
		mu.Lock()
		came++
		if came == 2 {
			release()
		}
		mu.Unlock()
		<-open
	}, release
}

// onRacedZones runs f with the zone at Cloudflare, which compares nothing when it is
// written, and at a name server that takes updates with their prerequisites.
func onRacedZones(t *testing.T, f func(t *testing.T, r *raced, provider string)) {
	t.Run("cloudflare", func(t *testing.T) {
		b := newBox(t, lab.Options{})
		api := vendor.NewCloudflare(b.Domain(), vendor.CloudflareRecord{Name: "_smtp._tls." + b.Domain(), Type: "TXT", Content: `"` + oldReports + `"`, TTL: oldTTL})
		t.Cleanup(api.Close)
		api.SetNameServers("ns1."+b.Domain(), "ns2."+b.Domain())
		b.env["CLOUDFLARE_BASE_URL"], b.env["CLOUDFLARE_API_TOKEN"] = api.URL(), api.Token
		wait, release := meet()
		// Both writes are made before either is read back.
		var both sync.WaitGroup
		both.Add(2)
		var mu sync.Mutex
		wrote := 0
		api.SetHooks(vendor.Hooks{
			Interfere: func(r *http.Request) *vendor.Fault {
				if r.Method != http.MethodGet {
					wait()
					return nil
				}
				mu.Lock()
				begun := wrote > 0
				mu.Unlock()
				if begun {
					both.Wait()
				}
				return nil
			},
			After: func(string, string) {
				mu.Lock()
				defer mu.Unlock()
				if wrote++; wrote <= 2 {
					both.Done()
				}
			},
			OnChange: func(name, typ string, ttl uint32, values []string) {
				if err := b.SetRRset(name, typ, ttl, values...); err != nil {
					t.Error(err)
				}
			},
		})
		f(t, &raced{b, release}, "cloudflare")
	})
	t.Run("rfc2136", func(t *testing.T) {
		b := newBox(t, lab.Options{})
		wait, release := meet()
		b.OnUpdate(func(stage string, _ []string) {
			if stage == "before" {
				wait()
			}
		})
		f(t, &raced{b, release}, "rfc2136")
	})
}

// TestTwoStoresAtOnce: two operators with a store each carry out what they were shown
// at the same moment, and no lock is between them. Where they want the same, both find
// it done; where they want different things, one wins and the other is told what stands
// there. Nothing is lost: who was told goes on from what stands.
func TestTwoStoresAtOnce(t *testing.T) {
	for _, tc := range []struct {
		shows, rua string
	}{
		{"the same plan", "mailto:tlsrpt@corp.test"},
		{"different addresses for reports", "mailto:other@corp.test"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			onRacedZones(t, func(t *testing.T, r *raced, provider string) {
				defer r.release()
				const name = "_smtp._tls.corp.test"
				if err := r.SetRRset(name, "TXT", oldTTL, oldReports); err != nil {
					t.Fatal(err)
				}
				r.start("--dns", provider)
				r.to(rollout.PublishDNS)
				other := *r.box
				other.state = t.TempDir()
				copyTree(t, other.state, r.state)
				other.must(exitGood, "set", r.Domain(), "--rua", tc.rua)

				both := []*box{r.box, &other}
				var runs []*guestRun
				for _, b := range both {
					plan := filepath.Join(t.TempDir(), "plan.json")
					b.must(exitGood, "plan", b.Domain(), "--out", plan)
					runs = append(runs, b.guest("next", b.Domain(), "--plan", plan))
				}
				for _, g := range runs {
					g.begin()
				}
				var ended []ran
				good := 0
				for _, g := range runs {
					end := g.end()
					ended = append(ended, end)
					if end.status == exitGood {
						good++
					}
				}
				r.release()
				stands := r.Records(name, "TXT")
				if len(stands) != 1 || !strings.HasPrefix(stands[0], oldReports) {
					t.Fatalf("there stands %q", stands)
				}
				if tc.rua == "mailto:tlsrpt@corp.test" {
					if good != 2 {
						t.Errorf("they want the same, and end in\n%+v", ended)
					}
					return
				}
				if good != 1 {
					t.Fatalf("%d of them are content:\n%+v\nthere stands %q", good, ended, stands)
				}
				loser := slices.IndexFunc(ended, func(e ran) bool { return e.status != exitGood })
				wants := []string{"mailto:tlsrpt@corp.test", tc.rua}
				if !strings.Contains(stands[0], wants[1-loser]) || strings.Contains(stands[0], wants[loser]) {
					t.Errorf("the other one won: %q", stands)
				}
				if said := ended[loser].out + ended[loser].err; !strings.Contains(said, name) || !strings.Contains(said, wants[1-loser]) {
					t.Errorf("who lost is not told what stands there: %s", said)
				}

				// Who lost is shown the record as it is, and adds to it.
				plan := filepath.Join(t.TempDir(), "again.json")
				both[loser].settled()
				both[loser].must(exitGood, "plan", r.Domain(), "--out", plan)
				both[loser].must(exitGood, "next", r.Domain(), "--plan", plan)
				if stands = r.Records(name, "TXT"); len(stands) != 1 || !strings.Contains(stands[0], wants[0]) || !strings.Contains(stands[0], wants[1]) {
					t.Errorf("in the end stands %q", stands)
				}
			})
		})
	}
}
