package dns_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// signInPage is what a network that wants a login first answers every question with.
const signInPage = `<html><head><title>Sign in</title></head><body><p>Welcome</p></body></html>`

// foreignReadings are answers of a good status to a question that are not the
// API's: something that stands between, or an API that is out of order.
func foreignReadings() map[string]vendor.Fault {
	return map[string]vendor.Fault{
		"HTML":           {Status: 200, Type: "text/html", Body: signInPage},
		"nothing":        {Status: 200},
		"no content":     {Status: 204},
		"null":           {Status: 200, Type: "application/json", Body: "null"},
		"an empty frame": {Status: 200, Type: "application/json", Body: "{}"},
	}
}

// TestForeignReadings: what is not the API's own answer never reads as a name or an
// account that holds nothing; nor is anything called done because of it.
func TestForeignReadings(t *testing.T) {
	onWeb(t, func(t *testing.T, entered entrant) {
		for shows, fault := range foreignReadings() {
			t.Run(shows, func(t *testing.T) {
				row(t)
				readsNothingForeign(t, entered, fault)
			})
		}
	})
}

// TestAnswersWithoutTheirList: a frame that is the API's own, without what was asked
// for in it, says as little.
func TestAnswersWithoutTheirList(t *testing.T) {
	const root = `<?xml version="1.0"?>` + "\n" + `<ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">`
	for _, tc := range []struct{ shows, provider, body string }{
		{"cloudflare: no result", "cloudflare", `{"success":true,"errors":[],"messages":[]}`},
		{"cloudflare: null for a result", "cloudflare", `{"success":true,"errors":[],"messages":[],"result":null}`},
		{"hetzner: null for a list", "hetzner", `{"zones":null,"rrsets":null,"meta":{}}`},
		{"digitalocean: null for a list", "digitalocean", `{"domain":null,"domain_records":null,"links":{}}`},
		{"linode: null for a list", "linode", `{"data":null,"page":1,"pages":1,"results":0}`},
		{"dnscale: null for a list", "dnscale", `{"data":{"zones":null,"records":null,"pagination":{"total":0,"has_more":false}}}`},
		{"porkbun: no list", "porkbun", `{"status":"SUCCESS"}`},
		{"porkbun: null for a list", "porkbun", `{"status":"SUCCESS","ns":null,"records":null}`},
		{"route53: another answer of its own", "route53", `<?xml version="1.0"?><ListTagsForResourceResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"/>`},
		{"route53: a list that is cut off", "route53", root + `<ResourceRecordSets>`},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			readsNothingForeign(t, entrants()[tc.provider], vendor.Fault{Status: 200, Type: "application/json", Body: tc.body})
		})
	}
}

// readsNothingForeign has the provider answer with fault: from the start, once an
// account knows its zone, and right after the reading before a deletion.
func readsNothingForeign(t *testing.T, entered entrant, fault vendor.Fault) {
	t.Helper()
	b := entered.start(t)
	e := edit("mta-sts", "A", list("192.0.2.20"), nil)
	b.put(t, e.Name, e.Type, e.Before.Records...)
	let := foreignAfter(b, fault)

	let(0)
	if h, err := b.open(t, dns.Options{}).Read(ctx(t), e); err == nil {
		t.Errorf("a new account reads %s", h.Value)
	}
	if trial, err := b.open(t, dns.Options{}).Try(ctx(t), domain); err == nil || strings.Contains(err.Error(), " work") || strings.Contains(err.Error(), "valid") {
		t.Errorf("trying: %v; %q", err, trial.Lines)
	}
	a := b.open(t, dns.Options{})
	for range 2 { // the first has to find the zone, too
		let(-1)
		if h, err := a.Read(ctx(t), e); err != nil || !h.Value.Equal(e.Before) {
			t.Fatalf("the true answer reads %s, %v", h.Value, err)
		}
	}
	reading := let(0)

	if h, err := a.Read(ctx(t), e); err == nil {
		t.Errorf("an account that knows the zone reads %s", h.Value)
	}
	if r, err := a.Apply(ctx(t), e); r.Outcome != rollout.Failed || err == nil {
		t.Errorf("apply without a true reading: %s, %v", r.Outcome, err)
	}
	let(reading)
	if r, err := a.Apply(ctx(t), e); r.Outcome != rollout.Unknown || err == nil {
		t.Errorf("apply after one true reading: %s, %v", r.Outcome, err)
	}
	if got := b.holds(e.Name, e.Type); len(got) != 1 || got[0] != "192.0.2.20" {
		t.Errorf("the server holds %q", got)
	}
}

// foreignAfter lets the bench answer with fault. How many requests go through before
// it is what the function that it returns is told, all of them if that is negative;
// it returns how many there were since it was called last.
func foreignAfter(b bench, fault vendor.Fault) func(int) int {
	var mu sync.Mutex
	through, calls := 0, 0
	b.interfere(func(*http.Request) *vendor.Fault {
		mu.Lock()
		defer mu.Unlock()
		if calls++; through < 0 || calls <= through {
			return nil
		}
		return &fault
	})
	return func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		before := calls
		through, calls = n, 0
		return before
	}
}
