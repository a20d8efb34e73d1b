package main

import (
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// valimailBox is a lab in which Valimail's names resolve and its policy host answers.
type valimailBox struct {
	*box
	api *vendor.Valimail
	// fetched, where it is not nil, is told of each fetch of a policy.
	fetched func(times int32)
	fetches atomic.Int32
}

func newValimailBox(t *testing.T) *valimailBox {
	t.Helper()
	b := &valimailBox{box: newBox(t, lab.Options{Foreign: []string{"vali.email", "mta-vali.email"}}), api: vendor.NewValimail()}
	t.Cleanup(b.api.Close)
	b.api.Leads = func(name string) string {
		if at := b.Records(name, "CNAME"); len(at) == 1 {
			return at[0]
		}
		return ""
	}
	at, end, err := b.Edge(41, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := b.fetches.Add(1); b.fetched != nil {
			b.fetched(n)
		}
		b.api.Edge().ServeHTTP(w, r)
	}), b.api.Serves)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	b.put(vendor.ValimailHost, "A", at[0].String())
	b.put(vendor.ValimailHost, "AAAA", at[1].String())
	b.env["VALIMAIL_BASE_URL"], b.env["VALIMAIL_ACCOUNT"] = b.api.URL(), b.api.Account
	b.env["VALIMAIL_CLIENT_ID"], b.env["VALIMAIL_APP_ID"] = b.api.ClientID, b.api.AppID
	b.hook(vendor.Hooks{})
	return b
}

func (b *valimailBox) put(name, typ string, values ...string) {
	b.t.Helper()
	if err := b.SetRRset(name, typ, 300, values...); err != nil {
		b.t.Error(err)
	}
}

// hook has the lab's name servers answer what Valimail publishes.
func (b *valimailBox) hook(h vendor.Hooks) {
	h.OnChange = func(name, typ string, _ uint32, values []string) { b.put(name, typ, values...) }
	b.api.SetHooks(h)
}

func (b *valimailBox) begin() {
	b.t.Helper()
	b.must(exitGood, "new", b.Domain(), "--dns", "rfc2136", "--host", "valimail", "--rua", "mailto:tlsrpt@"+b.Domain(), "--inbox", b.Inbox(),
		"--soak", "testing=0", "--soak", "silent=0", "--soak", "enforce=0", "--soak", "max-age=0")
}

func TestRolloutValimail(t *testing.T) {
	b := newValimailBox(t)
	b.put("_smtp._tls.corp.test", "TXT", oldReports[:strings.Index(oldReports, ",")])
	b.begin()
	b.to(rollout.PublishDNS)
	b.settled()
	shown := b.must(exitGood, "plan", b.Domain()).out
	for _, want := range []string{
		"+ _smtp._tls.corp.test rua", "+ mailto:tlsrpt@corp.test", "- _smtp._tls.corp.test TXT", "+ _smtp._tls.corp.test CNAME",
		"+ mta-sts.corp.test CNAME", "+ policy.mta-vali.email", "+ _mta-sts.corp.test CNAME", "+ corp.test._mta-sts.vali.email",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the plan does not show %q:\n%s", want, shown)
		}
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	b.must(exitGood, "next", b.Domain(), "--plan", file)
	if got := b.check(); len(got.TLSRPT.RUA) != 2 || got.TLSRPT.RUA[0] != vendor.ValimailRUA {
		t.Errorf("reports go to %v", got.TLSRPT.RUA)
	}

	// The certificate takes its time: belay waits, and asks again.
	b.to(rollout.HostPolicy)
	b.api.SetCertificateTries(1)
	b.settled()
	if p := b.next(exitFails); p.Gate.Open || len(p.Gate.Reasons) != 1 || p.Gate.Until.Sub(b.Now()) != 10*time.Minute || !strings.Contains(p.Gate.Reasons[0].Text, "Failed to retrieve SSL certificate expiration date") {
		t.Errorf("without a certificate the gate is %+v", p.Gate)
	}
	// The body is there before its id is told of: belay waits until both are.
	b.api.SetLate(true)
	b.fetched = func(times int32) {
		if times == 5 { // each look fetches at two addresses: this is the third
			b.api.SetLate(false)
		}
	}
	b.to(rollout.ReviewReports)
	b.fetched = nil
	_, _, id := b.api.Policy(b.Domain())
	if s := b.status(); s.PolicyID != id || s.Mode != "testing" {
		t.Errorf("recorded is %+v, and Valimail announces %s", s, id)
	}

	if r := b.must(exitGood, "log", b.Domain()); !strings.Contains(r.out, "is live and announced under id "+id) {
		t.Errorf("the journal does not tell the id:\n%s", r.out)
	}

	b.to(rollout.Enforce)
	b.settled()
	if r := b.must(exitGood, "plan", b.Domain()); !strings.Contains(strings.Join(strings.Fields(r.out), " "), "Valimail writes body and id itself: belay cannot order them") {
		t.Errorf("the plan does not say who writes the id:\n%s", r.out)
	}
	b.to(rollout.RaiseMaxAge)
	b.must(exitGood, "undo", b.Domain(), "--yes") // forward, to the policy before
	if seen, s := b.check(), b.status(); seen.Policy.Mode != "testing" || s.PolicyID != seen.Record.ID || s.PolicyID == id {
		t.Errorf("after undoing stand %+v and %+v", seen.Policy, s)
	}
	b.to(rollout.RaiseMaxAge)
	b.api.ExpireToken()
	b.must(exitGood, "step-back", b.Domain(), "--yes")
	if seen, s := b.check(), b.status(); seen.Policy.Mode != "testing" || s.Phase != rollout.ReviewReports || s.PolicyID != seen.Record.ID || s.PolicyID == id {
		t.Fatalf("after a step back stand %+v and %+v", seen.Policy, s)
	}
	b.to(rollout.Holding)
	if seen := b.check(); seen.Policy.Mode != "enforce" || seen.Policy.MaxAge != rollout.MonthMaxAge || seen.Record.ID != b.status().PolicyID {
		t.Errorf("at the end stands %+v under %s, recorded %s", seen.Policy, seen.Record.ID, b.status().PolicyID)
	}

	// Somebody changes the policy in Valimail's pages: told, and adopted when asked.
	b.settled()
	b.api.SetPolicy(b.Domain(), "testing", 86400, "mx1.corp.test", "mx2.corp.test")
	b.must(exitFails, "next", b.Domain(), "--yes")
	b.must(exitGood, "adopt", b.Domain(), "--reason", "changed there")
	if s := b.status(); s.Phase != rollout.ReviewReports || s.Mode != "testing" {
		t.Errorf("after adopting stands %+v", s)
	}
}

// A belay that dies between Valimail's answer and its own note goes on from what
// Valimail has, and asks for nothing twice.
func TestValimailResumesAfterAKill(t *testing.T) {
	b := newValimailBox(t)
	b.begin()
	b.to(rollout.HostPolicy)
	b.settled()
	var asked atomic.Int32
	died := make(chan struct{})
	var first *guestRun
	b.hook(vendor.Hooks{Before: func(_, what string) {
		if what == "policy" {
			asked.Add(1)
		}
	}, After: func(_, what string) {
		if what == "policy" && first != nil {
			if err := first.Process.Kill(); err != nil {
				t.Error(err)
			}
			<-died
		}
	}})
	first = b.guest("next", b.Domain(), "--yes")
	first.begin()
	first.end()
	close(died)
	first = nil
	b.to(rollout.ReviewReports)
	if n := asked.Load(); n != 1 {
		t.Errorf("the policy was asked for %d times, want once", n)
	}
	if _, _, id := b.api.Policy(b.Domain()); b.status().PolicyID != id {
		t.Errorf("recorded is %s, and Valimail announces %s", b.status().PolicyID, id)
	}
}

// Valimail keeps a policy and has no certificate for it: the policy is written, its
// host is looked at, and Valimail is asked again when its time is over. A step back
// that senders are served is done, whatever Valimail says of the certificate.
func TestValimailLacksACertificate(t *testing.T) {
	t.Parallel() // three times all of its patience goes by
	b := newValimailBox(t)
	b.setup = func(p *program) { p.patience = 5 * time.Second }
	b.begin()
	b.to(rollout.HostPolicy)
	b.api.SetCertificate(vendor.CertificateLost)
	var asked atomic.Int32
	b.hook(vendor.Hooks{Before: func(_, what string) {
		if what == "policy" {
			asked.Add(1)
		}
	}})
	b.settled()
	until := b.Now().Add(10 * time.Minute)
	for range 2 {
		p := b.next(exitFails)
		if len(p.Gate.Reasons) != 1 || p.Gate.Until.Sub(until).Abs() > time.Minute || asked.Load() != 1 || !strings.Contains(p.Gate.Reasons[0].Text, "Valimail has no certificate for the policy host yet") {
			t.Errorf("asked %d times, it waits until %s: %+v", asked.Load(), p.Gate.Until, p.Gate.Reasons)
		}
	}
	r := b.must(exitGood, "plan", b.Domain())
	if told := strings.Join(strings.Fields(r.out), " "); !strings.Contains(told, "is written, and its provider asks for time to serve it") || strings.Contains(told, "was not written") {
		t.Errorf("the half-state is not told:\n%s", r.out)
	}
	b.Wind(11 * time.Minute)
	if b.next(exitFails); asked.Load() != 2 {
		t.Errorf("after its time Valimail was asked %d times, want twice", asked.Load())
	}
	b.api.SetCertificate("")
	b.to(rollout.RaiseMaxAge)

	b.settled()
	b.api.SetCertificate(vendor.CertificateDoubted)
	asked.Store(0)
	b.must(exitGood, "step-back", b.Domain(), "--yes")
	if s := b.status(); s.Phase != rollout.ReviewReports || s.Mode != "testing" || asked.Load() != 1 {
		t.Errorf("after a step back stands %+v, asked for %d times", s, asked.Load())
	}
}

// A policy that is live elsewhere is not moved to Valimail, whose certificate would
// only be made when nobody is served any more: that is said, and nothing is done.
func TestALivePolicyIsNotMovedToValimail(t *testing.T) {
	b := newValimailBox(t)
	b.start()
	b.to(rollout.ReviewReports)
	b.must(exitGood, "set", b.Domain(), "--host", "valimail")
	before := b.Writes()
	b.settled()
	r := b.belay("next", b.Domain(), "--yes")
	if told := strings.Join(strings.Fields(r.err+r.out), " "); r.status == exitGood || !strings.Contains(told, "the policy is live elsewhere, and Valimail has a certificate for mta-sts.corp.test only once that name leads there") {
		t.Errorf("exit %d:\n%s%s", r.status, r.out, r.err)
	}
	if now := b.Writes(); !maps.Equal(before, now) {
		t.Errorf("written were %v, and now %v", before, now)
	}
	if mode, _, _ := b.api.Policy(b.Domain()); mode != "" {
		t.Errorf("Valimail was asked for a policy in mode %s", mode)
	}
	b.must(exitGood, "set", b.Domain(), "--host", "webroot:"+b.WebRoot(), "--host-address", b.PolicyAddresses()[0].String(), "--host-address", b.PolicyAddresses()[1].String())
	b.to(rollout.Enforce)
	if r := b.must(exitGood, "status", b.Domain()); strings.Contains(r.out, "delegated") {
		t.Errorf("the names are still said to be Valimail's:\n%s", r.out)
	}
}

// What Valimail refuses is a sentence that says what to do, and changes nothing.
func TestValimailRefuses(t *testing.T) {
	b := newValimailBox(t)
	b.begin()
	b.to(rollout.HostPolicy)
	b.settled()
	for _, tc := range []struct {
		shows    string
		status   int
		body     string
		after    string
		says     string
		exit     int
		untilFor time.Duration
	}{
		{"a missing field", 400, `{"message":"missing field"}`, "", "misses a field", exitCannot, 0},
		{"no access", 403, `{"message":"not authorized for slug corp"}`, "", "have an owner of the account give it", exitCannot, 0},
		{"a value it does not take", 422, `{"errors":[{"message":"invalid-policy-mode","details":"must be in this list"}]}`, "", "invalid-policy-mode: must be in this list", exitCannot, 0},
		{"too many requests", 429, `{"message":"over rate"}`, "120", "too many requests; try again in 120 s", exitFails, 2 * time.Minute},
		{"out of order", 500, `{"message":"Internal server error","request-id":"abc"}`, "", "request abc", exitCannot, 0},
		{"a page in place of JSON", 502, "<html>", "", "out of order", exitCannot, 0},
		{"no certificate yet", 500, `{"message":"Failed to retrieve SSL certificate expiration date"}`, "", "takes 5 to 10 minutes", exitFails, 10 * time.Minute},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b.hook(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
				if r.Method == http.MethodGet || !strings.HasSuffix(r.URL.Path, "/mta_sts_policy") {
					return nil
				}
				return &vendor.Fault{Status: tc.status, Type: "application/json", Body: tc.body, RetryAfter: tc.after}
			}})
			r := b.must(tc.exit, "next", b.Domain(), "--yes")
			if told := strings.Join(strings.Fields(r.err+r.out), " "); !strings.Contains(told, tc.says) {
				t.Errorf("it does not say %q:\n%s%s", tc.says, r.out, r.err)
			}
			if tc.untilFor > 0 {
				if p := b.next(exitFails); p.Gate.Until.Sub(b.Now()) != tc.untilFor {
					t.Errorf("it waits until %s", p.Gate.Until)
				}
			}
		})
	}
	b.hook(vendor.Hooks{})
	b.to(rollout.ReviewReports)
}

func TestValimailLogins(t *testing.T) {
	b := newValimailBox(t)
	b.must(exitGood, "providers", "test", "valimail", "--domain", b.Domain())
	for _, tc := range []struct{ shows, name, value, says string }{
		{"a wrong key", "VALIMAIL_APP_ID", "wrong", "does not know this client id and app id"},
		{"somebody else's account", "VALIMAIL_ACCOUNT", "other", "have an owner of the account give it"},
		{"no login", "VALIMAIL_CLIENT_ID", "", "set VALIMAIL_CLIENT_ID"},
	} {
		was := b.env[tc.name]
		b.env[tc.name] = tc.value
		r := b.must(exitCannot, "providers", "test", "valimail", "--domain", b.Domain())
		if told := strings.Join(strings.Fields(r.err+r.out), " "); !strings.Contains(told, tc.says) || strings.Contains(told, "358e2665") {
			t.Errorf("%s: it says %s", tc.shows, told)
		}
		b.env[tc.name] = was
	}
}

// What a vendor's host implies stands in the settings, and what contradicts it is
// refused.
func TestAVendorsHostBringsItsAliases(t *testing.T) {
	b := newValimailBox(t)
	b.begin()
	for _, tc := range []struct {
		says string
		args []string
	}{
		{"is to answer at mta-sts", []string{"--host-address", "192.0.2.1"}},
		{"only where all three names are aliases", []string{"--delegate", "none"}},
		{"only where all three names are aliases", []string{"--delegate", "mta-sts=x.example"}},
		{"cloudflare lacks its api token", []string{"--host", "cloudflare-worker"}},
		{"takes nothing after it", []string{"--host", "cloudflare-worker:name"}},
		{"makes the record of mta-sts itself", []string{"--host", "cloudflare-worker", "--host-cname", "x.example"}},
	} {
		if r := b.must(exitCannot, append([]string{"set", b.Domain()}, tc.args...)...); !strings.Contains(r.err, tc.says) {
			t.Errorf("%v: %s", tc.args, r.err)
		}
	}
	b.must(exitGood, "set", b.Domain(), "--host", "manual")
	if r := b.must(exitGood, "status", b.Domain()); strings.Contains(r.out, "delegated") {
		t.Errorf("another host leaves the names delegated:\n%s", r.out)
	}
}
