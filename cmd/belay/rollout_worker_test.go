package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"belay/providers/lab"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// workerBox is a lab whose zone is kept at Cloudflare, and whose policy host is to be
// a Worker there: its record leads to servers of the lab that run Workers.
type workerBox struct {
	*box
	api *vendor.Cloudflare

	mu     sync.Mutex
	writes []string
}

func newWorkerBox(t *testing.T) *workerBox {
	t.Helper()
	b := &workerBox{box: newBox(t, lab.Options{})}
	zone := b.Domain()
	b.api = vendor.NewCloudflare(zone,
		vendor.CloudflareRecord{Name: zone, Type: "MX", Content: "mx1." + zone},
		vendor.CloudflareRecord{Name: zone, Type: "NS", Content: "ns1." + zone})
	t.Cleanup(b.api.Close)
	b.api.SetNameServers("ns1."+zone, "ns2."+zone)
	at, end, err := b.Edge(40, b.api.Edge(), b.api.Serves)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	b.api.SetEdge([]string{at[0].String()}, []string{at[1].String()})
	b.env["CLOUDFLARE_BASE_URL"], b.env["CLOUDFLARE_API_TOKEN"] = b.api.URL(), b.api.Token
	b.hook(nil)
	return b
}

// hook tells the lab's name servers what Cloudflare holds, and lets interfere answer
// in the API's place.
func (b *workerBox) hook(interfere func(*http.Request) *vendor.Fault) {
	b.api.SetHooks(vendor.Hooks{
		Interfere: interfere,
		Before: func(name, typ string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.writes = append(b.writes, typ+" "+name)
		},
		OnChange: func(name, typ string, ttl uint32, values []string) {
			if typ == "AAAA" && slices.Equal(values, []string{"100::"}) {
				return // what the record is kept as; the world sees the network's addresses
			}
			if err := b.SetRRset(name, typ, ttl, values...); err != nil {
				b.t.Error(err)
			}
		},
	})
}

func (b *workerBox) begin(more ...string) {
	b.t.Helper()
	b.must(exitGood, append([]string{
		"new", b.Domain(), "--dns", "cloudflare", "--host", "cloudflare-worker", "--rua", "mailto:tlsrpt@" + b.Domain(), "--inbox", b.Inbox(),
		"--soak", "testing=0", "--soak", "silent=0", "--soak", "enforce=0", "--soak", "max-age=0",
	}, more...)...)
}

// times is how often what was written.
func (b *workerBox) times(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, w := range b.writes {
		if strings.HasPrefix(w, what) {
			n++
		}
	}
	return n
}

func TestRolloutCloudflareWorker(t *testing.T) {
	b := newWorkerBox(t)
	b.begin()
	b.to(rollout.HostPolicy)
	if n := b.times("script"); n > 0 || len(b.Records("mta-sts.corp.test", "A")) > 0 {
		t.Errorf("before its phase the Worker was written %d times", n)
	}

	// The script is uploaded, and the call that leads the custom domain to it fails.
	b.hook(func(r *http.Request) *vendor.Fault {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/workers/domains") {
			return &vendor.Fault{Status: http.StatusBadGateway, Type: "text/html", Body: "<h1>bad gateway</h1>"}
		}
		return nil
	})
	b.settled()
	r := b.must(exitCannot, "next", b.Domain(), "--yes")
	if told := strings.Join(strings.Fields(r.err), " "); !strings.Contains(told, "nothing leads to it yet") || !strings.Contains(told, "out of order") || strings.Contains(told, "<h1>") {
		t.Errorf("a half-made Worker is told as:\n%s", r.err)
	}
	if n := len(b.Records("_mta-sts.corp.test", "TXT")); n > 0 {
		t.Error("an id was published before its body answered")
	}
	b.hook(nil)
	b.to(rollout.ReviewReports)
	if up, led := b.times("script"), b.times("domain"); up != 1 || led != 1 {
		t.Errorf("after a resume the script was uploaded %d times and the custom domain made %d times, want 1 and 1", up, led)
	}

	b.to(rollout.RaiseMaxAge)
	b.must(exitGood, "step-back", b.Domain(), "--yes")
	if seen := b.check(); seen.Policy.Mode != "testing" {
		t.Fatalf("after a step back the mode is %s", seen.Policy.Mode)
	}
	b.to(rollout.Holding)
	if seen := b.check(); seen.Policy.Mode != "enforce" || seen.Policy.MaxAge != rollout.MonthMaxAge {
		t.Errorf("at the end stands %+v", seen.Policy)
	}
	// testing, enforce, back to testing, enforce, two rungs: one call each.
	if up, led := b.times("script"), b.times("domain"); up != 6 || led != 1 {
		t.Errorf("the script was uploaded %d times and the custom domain made %d times, want 6 and 1", up, led)
	}
	if got := b.times("A ") + b.times("AAAA ") + b.times("CNAME "); got != 0 {
		t.Errorf("belay wrote the address of mta-sts %d times; Cloudflare makes it", got)
	}
	if r := b.must(exitGood, "providers", "test", "cloudflare", "--domain", b.Domain()); !strings.Contains(strings.Join(strings.Fields(r.out), " "), "made by Cloudflare for a Worker") {
		t.Errorf("testing the login does not say whose record it is:\n%s", r.out)
	}
	if r := b.must(exitGood, "export", b.Domain()); strings.Contains(r.out, "nginx") {
		t.Error("export prints a configuration for a server that is not there")
	}
	if r := b.must(exitGood, "status", b.Domain()); !strings.Contains(r.out, "cloudflare-worker") {
		t.Errorf("the status does not say who serves:\n%s", r.out)
	}
}

// What stands at mta-sts before a policy is live is taken away by a plan that was
// shown, for Cloudflare makes its custom domain beside no other record.
func TestAWorkerTakesTheNameOnlyAfterAShownRemoval(t *testing.T) {
	b := newWorkerBox(t)
	b.api.Put(vendor.CloudflareRecord{Name: "mta-sts.corp.test", Type: "A", Content: "192.0.2.11", TTL: 300})
	b.begin()
	b.to(rollout.PublishDNS)
	b.settled()
	if r := b.must(exitGood, "plan", b.Domain()); !strings.Contains(r.out, "- mta-sts.corp.test A") || !strings.Contains(r.out, "make room") {
		t.Errorf("the plan does not show the removal:\n%s", r.out)
	}
	b.must(exitRefused, "next", b.Domain(), "--yes")
	file := t.TempDir() + "/plan.json"
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	b.must(exitGood, "next", b.Domain(), "--plan", file)
	b.to(rollout.ReviewReports)
	if !b.api.Serves("mta-sts.corp.test") {
		t.Error("the custom domain was not made")
	}
}

// A policy that is live elsewhere moves to a Worker in one step that Cloudflare alone
// can make: belay puts the body into the script, says what to do, and goes on from
// what was done.
func TestALivePolicyMovesToAWorker(t *testing.T) {
	b := newWorkerBox(t)
	b.begin("--host", "webroot:"+b.WebRoot(), "--host-address", b.PolicyAddresses()[0].String(), "--host-address", b.PolicyAddresses()[1].String())
	b.to(rollout.ReviewReports)
	b.must(exitGood, "set", b.Domain(), "--host", "cloudflare-worker")
	b.settled()
	r := b.must(exitCannot, "next", b.Domain(), "--yes")
	if told := strings.Join(strings.Fields(r.err), " "); !strings.Contains(told, "add the custom domain to the Worker by hand, which takes the record's place at once") || !strings.Contains(told, "(100117)") {
		t.Errorf("it does not say what to do:\n%s", r.err)
	}
	if seen := b.check(); seen.Policy.Mode != "testing" || len(b.Records("mta-sts.corp.test", "A")) != 1 {
		t.Error("the old host was touched")
	}
	scripts := b.api.Scripts()
	if len(scripts) != 1 || !strings.Contains(b.api.Script(scripts[0]), "mode: testing") {
		t.Fatalf("the body is not in the script: %q", scripts)
	}
	b.api.Override("mta-sts.corp.test", scripts[0])
	b.to(rollout.RaiseMaxAge)
	if text := b.api.Script(scripts[0]); !strings.Contains(text, "mode: enforce") {
		t.Error("the Worker is not what is written to since")
	}
}

// Somebody's script, custom domain or proxied record is named and left alone.
func TestAWorkerLeavesAloneWhatIsNotBelays(t *testing.T) {
	name := ""
	{
		b := newWorkerBox(t)
		b.begin()
		b.to(rollout.ReviewReports)
		name = b.api.Scripts()[0]
		b.api.PutScript(name, b.api.Script(name)+"// mine now\n")
		b.belay("next", b.Domain(), "--yes") // the gate opens, and the next plan needs what stands there
		if r := b.belay("next", b.Domain(), "--yes"); r.status == exitGood || !strings.Contains(strings.Join(strings.Fields(r.err+r.out), " "), "is not as belay writes it") {
			t.Errorf("a script that was changed is told with exit %d as:\n%s%s", r.status, r.out, r.err)
		}
		if text := b.api.Script(name); !strings.HasSuffix(text, "// mine now\n") {
			t.Error("a script that somebody changed was written over")
		}
	}
	for _, tc := range []struct {
		shows  string
		before func(b *workerBox)
		says   string
	}{
		{"a script of the same name", func(b *workerBox) { b.api.PutScript(name, "export default {}") }, "is not as belay writes it"},
		{"another Worker's custom domain", func(b *workerBox) {
			b.api.PutDomain(vendor.WorkerDomain{Hostname: "mta-sts.corp.test", Service: "shop"})
		}, `another Worker, "shop"`},
		{"a proxied record", func(b *workerBox) {
			b.api.Put(vendor.CloudflareRecord{Name: "mta-sts.corp.test", Type: "CNAME", Content: "shop.example", Proxied: true})
		}, "externally managed DNS records"},
		{"a token without the right to Workers", func(b *workerBox) {
			b.api.SetPermissions("#dns_records:edit", "#dns_records:read", "#zone:read")
		}, "Account: Workers Scripts: Edit"},
		{"a token that may only read Workers", func(b *workerBox) {
			b.api.SetPermissions("#dns_records:edit", "#dns_records:read", "#zone:read", "#worker:read")
		}, "may not change Workers; add Account: Workers Scripts: Edit"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := newWorkerBox(t)
			b.begin()
			b.to(rollout.HostPolicy)
			b.settled()
			tc.before(b)
			r := b.belay("next", b.Domain(), "--yes")
			if told := strings.Join(strings.Fields(r.err+r.out), " "); r.status == exitGood || !strings.Contains(told, tc.says) {
				t.Errorf("exit %d, it says:\n%s%s", r.status, r.out, r.err)
			}
			if len(b.Records("_mta-sts.corp.test", "TXT")) > 0 || b.times("domain") > 0 {
				t.Error("it went on all the same")
			}
		})
	}
}
