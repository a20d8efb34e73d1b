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

// edge is a rollout before phase 2, with its zone at a loopback vendor that the
// lab's name servers follow, and a way to disturb what the vendor does.
type edge struct {
	*box
	mu     sync.Mutex
	writes map[string]int
	before func(n int) // called as the n-th write is about to be made
	after  func(n int) // called when it is made and the name servers have it
	answer func(n int) *vendor.Fault
	put    func(name, value string) // a TXT record, behind belay's back
}

// onEdges runs f at each vendor.
func onEdges(t *testing.T, f func(t *testing.T, e *edge)) {
	t.Run("cloudflare", func(t *testing.T) {
		b := newBox(t, lab.Options{})
		api := vendor.NewCloudflare(b.Domain())
		t.Cleanup(api.Close)
		api.SetNameServers("ns1."+b.Domain(), "ns2."+b.Domain())
		b.env["CLOUDFLARE_BASE_URL"], b.env["CLOUDFLARE_API_TOKEN"] = api.URL(), api.Token
		e := &edge{box: b, put: func(name, value string) {
			api.Put(vendor.CloudflareRecord{Name: name, Type: "TXT", Content: `"` + value + `"`, TTL: 300})
		}}
		e.begin("cloudflare", api.SetHooks)
		f(t, e)
	})
	t.Run("route53", func(t *testing.T) {
		b := newBox(t, lab.Options{})
		api := vendor.NewRoute53(b.Domain())
		t.Cleanup(api.Close)
		t.Setenv("AWS_ENDPOINT_URL_ROUTE_53", api.URL())
		t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
		t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
		b.env["AWS_ACCESS_KEY_ID"], b.env["AWS_SECRET_ACCESS_KEY"], b.env["AWS_REGION"] = api.AccessKeyID, "nobody-checks-this-signature", "us-east-1"
		e := &edge{box: b, put: func(name, value string) {
			api.Put(vendor.Route53Set{Name: name, Type: "TXT", TTL: 300, Values: []string{`"` + value + `"`}})
		}}
		e.begin("route53", api.SetHooks)
		f(t, e)
	})
}

// hook replaces the hooks. They are called by the vendor's goroutines.
func (e *edge) hook(answer func(n int) *vendor.Fault, before, after func(n int)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer, e.before, e.after = answer, before, after
}

func (e *edge) begin(provider string, hooks func(vendor.Hooks)) {
	e.writes = map[string]int{}
	asked, made := 0, 0
	hooks(vendor.Hooks{
		Interfere: func(r *http.Request) *vendor.Fault {
			e.mu.Lock()
			defer e.mu.Unlock()
			if r.Method == http.MethodGet || e.answer == nil {
				return nil
			}
			asked++
			return e.answer(asked)
		},
		Before: func(name, typ string) {
			e.mu.Lock()
			e.writes[name+" "+typ]++
			made++
			n, before := made, e.before
			e.mu.Unlock()
			if before != nil {
				before(n)
			}
		},
		After: func(string, string) {
			e.mu.Lock()
			n, after := made, e.after
			e.mu.Unlock()
			if after != nil {
				after(n)
			}
		},
		OnChange: func(name, typ string, ttl uint32, values []string) {
			if err := e.SetRRset(name, typ, ttl, values...); err != nil {
				e.t.Error(err)
			}
		},
	})
	e.start("--dns", provider)
	e.to(rollout.PublishDNS)
}

// published fails where phase 2 did not come to its end by one write an edit.
func (e *edge) published() {
	e.t.Helper()
	for _, at := range []string{"_smtp._tls." + e.Domain() + " TXT", "mta-sts." + e.Domain() + " A", "mta-sts." + e.Domain() + " AAAA"} {
		name, typ, _ := strings.Cut(at, " ")
		if e.writes[at] != 1 || len(e.Records(name, typ)) != 1 {
			e.t.Errorf("%s was written %d times and holds %q", at, e.writes[at], e.Records(name, typ))
		}
	}
}

// TestFailureBetweenTwoEdits: what was made before the vendor said no stays made
// and recorded, nothing after it is begun, and the same plan goes on where it
// stopped.
func TestFailureBetweenTwoEdits(t *testing.T) {
	onEdges(t, func(t *testing.T, e *edge) {
		e.hook(func(n int) *vendor.Fault {
			if n == 1 {
				return nil
			}
			return &vendor.Fault{Status: http.StatusForbidden, Type: "text/html", Body: "<html>no</html>"}
		}, nil, nil)
		e.must(exitCannot, "next", e.Domain(), "--yes")
		if len(e.writes) != 1 || e.writes["_smtp._tls."+e.Domain()+" TXT"] != 1 {
			t.Fatalf("written: %v", e.writes)
		}
		e.hook(nil, nil, nil)
		if p := e.next(exitGood); !p.Moved || len(p.Edits) != 3 {
			t.Errorf("it did not go on: %+v", p)
		}
		e.published()
		if accepted := strings.Count(e.must(exitGood, "log", e.Domain(), "--json").out, `"kind":"accepted"`); accepted != 1 {
			t.Errorf("%d plans were accepted", accepted)
		}
	})
}

// TestDriftBetweenPlanAndApply: what came to stand at a place after the plan was
// shown is not written over, be it before the plan is carried out or while it is.
func TestDriftBetweenPlanAndApply(t *testing.T) {
	const foreign = "somebody else's"
	t.Run("before it is carried out", func(t *testing.T) {
		onEdges(t, func(t *testing.T, e *edge) {
			plan := filepath.Join(t.TempDir(), "plan.json")
			e.must(exitGood, "plan", e.Domain(), "--out", plan)
			e.put("_smtp._tls."+e.Domain(), foreign)
			e.must(exitRefused, "next", e.Domain(), "--plan", plan)
			if len(e.writes) != 0 || !slices.Equal(e.Records("_smtp._tls."+e.Domain(), "TXT"), []string{foreign}) {
				t.Errorf("written: %v; there stands %q", e.writes, e.Records("_smtp._tls."+e.Domain(), "TXT"))
			}
		})
	})
	t.Run("while it is carried out", func(t *testing.T) {
		onEdges(t, func(t *testing.T, e *edge) {
			e.must(exitGood, "next", e.Domain(), "--yes") // phase 2
			e.setup = func(p *program) {
				p.wrapWriter = func(w rollout.Writer) rollout.Writer { return meddled{w, e, foreign} }
			}
			e.belay("next", e.Domain(), "--yes")
			if got := e.Records("_mta-sts."+e.Domain(), "TXT"); !slices.Equal(got, []string{foreign}) || e.writes["_mta-sts."+e.Domain()+" TXT"] != 0 {
				t.Errorf("there stands %q after %d writes", got, e.writes["_mta-sts."+e.Domain()+" TXT"])
			}
		})
	})
}

// TestTwoOperatorsWithTwoStores: no lock is between them; the second finds what the
// first made, and writes nothing.
func TestTwoOperatorsWithTwoStores(t *testing.T) {
	onEdges(t, func(t *testing.T, e *edge) {
		other := *e.box
		other.state = t.TempDir()
		copyTree(t, other.state, e.state)
		e.must(exitGood, "next", e.Domain(), "--yes")
		if p := other.next(exitGood); p.Phase != rollout.HostPolicy {
			t.Errorf("the second stands in %s: %+v", p.Phase, p.Gate)
		}
		e.published()
		e.must(exitGood, "next", e.Domain(), "--yes")
		written := e.writes["_mta-sts."+e.Domain()+" TXT"]
		other.belay("next", e.Domain(), "--yes")
		if now := e.writes["_mta-sts."+e.Domain()+" TXT"]; written != 1 || now != 1 {
			t.Errorf("the id was written %d times by the first, then %d times in all", written, now)
		}
	})
}
