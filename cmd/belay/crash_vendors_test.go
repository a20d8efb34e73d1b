package main

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"belay/providers/lab/vendor"
	"belay/rollout"
)

// TestCrashAtVendors kills belay at every write of a whole rollout with its zone at
// a loopback vendor, one kill a run: when the vendor has the request in hand, which it
// then drops, or carries out without anybody to hear of it. belay comes to the same
// end as undisturbed, by the same edits with the same ids, and asks for no write more.
func TestCrashAtVendors(t *testing.T) {
	for _, v := range crashVendors() {
		t.Run(v.provider, func(t *testing.T) {
			t.Parallel()
			c := &crash{t: t, web: filepath.Join(t.TempDir(), "web"), vendor: &v}
			calm := c.undisturbed()
			writes := 0
			for n, step := range calm.steps {
				writes += step.updates
				for k := 1; k <= step.updates; k++ {
					for stage, kill := range map[string]func(*guestRun, *siteVendor, int){"dropped": killedAndDropped, "carried out": killedAndCarriedOut} {
						t.Run(fmt.Sprintf("%s, write %d, which is %s", step.name, k, stage), func(t *testing.T) {
							c.disturbed(t, calm, n, func(g *guestRun, s *site) { kill(g, s.api, k) })
						})
					}
				}
			}
			// Report record, two addresses, and the ids of testing, enforce and two rungs.
			if calm.end.Status.Phase != rollout.Holding || writes != 7 {
				t.Errorf("undisturbed it ended in %s after %d writes", calm.end.Status.Phase, writes)
			}
		})
	}
}

// crashVendor is a vendor that a site's zone is kept at.
type crashVendor struct {
	provider string
	// start makes a server of its own for a site, and returns how records are put
	// there behind its API.
	start func(s *site) (hooks func(vendor.Hooks), put func(name, typ, value string))
}

func crashVendors() []crashVendor {
	quoted := func(typ, value string) string {
		if typ == "TXT" {
			return `"` + value + `"`
		}
		return value
	}
	return []crashVendor{
		{"cloudflare", func(s *site) (func(vendor.Hooks), func(name, typ, value string)) {
			api := vendor.NewCloudflare(s.Domain())
			s.t.Cleanup(api.Close)
			api.SetNameServers("ns1."+s.Domain(), "ns2."+s.Domain())
			s.env["CLOUDFLARE_BASE_URL"], s.env["CLOUDFLARE_API_TOKEN"] = api.URL(), api.Token
			return api.SetHooks, func(name, typ, value string) {
				api.Put(vendor.CloudflareRecord{Name: name, Type: typ, Content: quoted(typ, value), TTL: 300})
			}
		}},
		{"route53", func(s *site) (func(vendor.Hooks), func(name, typ, value string)) {
			api := vendor.NewRoute53(s.Domain())
			s.t.Cleanup(api.Close)
			// Guests are processes: what the SDK reads by itself is theirs alone.
			none := filepath.Join(s.t.TempDir(), "none")
			maps.Copy(s.env, map[string]string{
				"AWS_ENDPOINT_URL_ROUTE_53": api.URL(), "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
				"AWS_ACCESS_KEY_ID": api.AccessKeyID, "AWS_SECRET_ACCESS_KEY": "nobody-checks-this-signature", "AWS_REGION": "us-east-1",
			})
			return api.SetHooks, func(name, typ, value string) {
				api.Put(vendor.Route53Set{Name: name, Type: typ, TTL: 300, Values: []string{quoted(typ, value)}})
			}
		}},
	}
}

// siteVendor is the server behind one site: it counts what it was asked to write, and
// disturbs a write where a test says so.
type siteVendor struct {
	mu    sync.Mutex
	made  map[string]int
	asked int
	// request is called with the number of each request that would write, and
	// answers in the API's place; before and after are called around each write.
	request       func(n int) *vendor.Fault
	before, after func(n int)
}

// begin starts the server with the zone as it stood at from. The lab's name servers
// answer with what it holds.
func (v *crashVendor) begin(s *site, from camp) *siteVendor {
	kept := &siteVendor{made: map[string]int{}}
	hooks, put := v.start(s)
	told := vendor.Hooks{OnChange: func(name, typ string, ttl uint32, values []string) {
		if err := s.SetRRset(name, typ, ttl, values...); err != nil {
			s.t.Error(err)
		}
	}}
	hooks(told)
	for at, values := range from.records {
		if !strings.HasPrefix(at[0], "_") && !strings.HasPrefix(at[0], "mta-sts.") {
			continue
		}
		for _, value := range values {
			put(at[0], at[1], value)
		}
	}
	writes := 0
	told.Interfere = func(r *http.Request) *vendor.Fault {
		if r.Method == http.MethodGet {
			return nil
		}
		kept.mu.Lock()
		kept.asked++
		n, request := kept.asked, kept.request
		kept.mu.Unlock()
		if request == nil {
			return nil
		}
		return request(n)
	}
	told.Before = func(name, typ string) {
		kept.mu.Lock()
		kept.made[name]++
		writes++
		n, before := writes, kept.before
		kept.mu.Unlock()
		if before != nil {
			before(n)
		}
	}
	told.After = func(string, string) {
		kept.mu.Lock()
		n, after := writes, kept.after
		kept.mu.Unlock()
		if after != nil {
			after(n)
		}
	}
	hooks(told)
	return kept
}

func (v *siteVendor) writes() map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.made)
}

// disturb replaces what is called at each write.
func (v *siteVendor) disturb(request func(n int) *vendor.Fault, before, after func(n int)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.request, v.before, v.after = request, before, after
}

// killedAndDropped kills the guest while its k-th write is on its way in; nobody
// carries it out.
func killedAndDropped(g *guestRun, v *siteVendor, k int) {
	v.disturb(func(n int) *vendor.Fault {
		if n != k {
			return nil
		}
		g.kill()
		return &vendor.Fault{Cut: true}
	}, nil, nil)
	g.after = func() { v.disturb(nil, nil, nil) }
}

// killedAndCarriedOut kills the guest right before its k-th write is made: it is made,
// and the answer finds nobody.
func killedAndCarriedOut(g *guestRun, v *siteVendor, k int) {
	made := make(chan struct{})
	v.disturb(nil, func(n int) {
		if n == k {
			g.kill()
		}
	}, func(n int) {
		if n == k {
			close(made)
		}
	})
	g.after = func() {
		<-made
		v.disturb(nil, nil, nil)
	}
}

// kill ends a guest at once, from within what it is waiting for.
func (g *guestRun) kill() {
	<-g.started
	if err := g.Process.Kill(); err != nil {
		g.box.t.Error(err)
	}
}
