package main

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"belay/providers/lab/vendor"
)

// vendorHost is where the vendor's policy host answers.
const vendorHost = "127.0.1.9"

// TestAcceptanceValimail takes a rollout all of the way and back where Valimail serves
// the policy. Its API and its policy host are the lab's; what they publish, BIND
// answers, and a sender's own software follows the aliases and judges.
func TestAcceptanceValimail(t *testing.T) {
	b := openTestbed(t)
	api := b.valimail()
	b.turn("dns.sh", "addr", "mta-sts", "-") // the name is to be an alias
	b.host = "valimail"
	b.begin()
	for _, phase := range []string{"publish-dns", "host-policy", "review-reports"} {
		b.goesOn(phase)
	}
	b.vendorAgrees(api, "review-reports", "testing")
	for name, to := range map[string]string{stsName: domain + "._mta-sts.vali.email.", hostName: vendor.ValimailHost + ".", reportName: domain + "._smtptlsrpt.vali.email."} {
		for _, server := range []string{ns1, ns2} {
			if got := b.dig(server, name, "CNAME"); got != to {
				t.Errorf("%s answers that %s is an alias of %q, want %s", server, name, got, to)
			}
		}
	}
	if got := b.resolved(reportName); !strings.Contains(got, vendor.ValimailRUA+",mailto:tlsrpt@"+domain) {
		t.Errorf("senders are asked for reports by %s", got)
	}

	b.goesOn("enforce")
	for _, rung := range []string{"raise-max-age", "raise-max-age", "holding"} { // at 86400 s, 604800 s, 2592000 s
		b.goesOn(rung)
		b.vendorAgrees(api, rung, "enforce")
	}

	b.does(0, "step-back", domain, "--yes")
	b.vendorAgrees(api, "review-reports", "testing")
}

// valimail starts the vendor: its API, and its policy host with a certificate of the
// testbed's; the operator has an account there.
func (b *testbed) valimail() *vendor.Valimail {
	b.Helper()
	api := vendor.NewValimail()
	b.Cleanup(api.Close)
	api.Leads = func(name string) string { return strings.TrimSuffix(b.dig(ns1, name, "CNAME"), ".") }
	api.SetHooks(vendor.Hooks{OnChange: func(name, typ string, _ uint32, values []string) {
		if out, err := b.script("vendor.sh", append([]string{name, typ}, values...)...); err != nil {
			b.Errorf("publish %s %s: %v\n%s", name, typ, err, out)
		}
	}})
	b.answersAt(vendorHost, api.Edge())
	b.env = append(b.env, "VALIMAIL_BASE_URL="+api.URL(), "VALIMAIL_CLIENT_ID="+api.ClientID, "VALIMAIL_APP_ID="+api.AppID, "VALIMAIL_ACCOUNT="+api.Account)
	return api
}

// TestAcceptanceWorker takes a rollout all of the way where a Worker serves the policy
// and Cloudflare keeps the zone. Its API and its network's HTTPS server are the lab's;
// what the API holds, BIND answers, and a sender's own software judges.
func TestAcceptanceWorker(t *testing.T) {
	b := openTestbed(t)
	api := b.cloudflare()
	b.turn("dns.sh", "addr", "mta-sts", "-") // the record is the custom domain's
	b.host, b.addresses = "cloudflare-worker", []string{vendorHost}
	b.begin("--dns", "cloudflare")
	b.wholeWay(func(_, phase string) { b.goesOn(phase) })
	if scripts := api.Scripts(); len(scripts) != 1 || !strings.Contains(api.Script(scripts[0]), "max_age: 2592000") {
		t.Errorf("want one Worker with the last policy, not %q", scripts)
	}
	b.does(0, "step-back", domain, "--yes")
	if s := b.stands("review-reports"); s.Mode != "testing" {
		t.Errorf("stepped back to mode %s", s.Mode)
	}
}

// cloudflare starts the vendor: its API, whose zone BIND answers for, and a server of
// its network; the operator has a token.
func (b *testbed) cloudflare() *vendor.Cloudflare {
	b.Helper()
	api := vendor.NewCloudflare(domain,
		vendor.CloudflareRecord{Name: domain, Type: "MX", Content: "mx1." + domain},
		vendor.CloudflareRecord{Name: domain, Type: "NS", Content: "ns1." + domain})
	b.Cleanup(api.Close)
	api.SetNameServers("ns1."+domain, "ns2."+domain)
	api.SetEdge([]string{vendorHost}, nil)
	api.SetHooks(vendor.Hooks{OnChange: func(name, typ string, ttl uint32, values []string) {
		if typ == "AAAA" {
			return // the record is kept as one; the network answers at an IPv4 address here
		}
		lines := []string{fmt.Sprintf("update delete %s. %s", name, typ)}
		for _, v := range values {
			if typ == "TXT" {
				v = strconv.Quote(v)
			}
			lines = append(lines, fmt.Sprintf("update add %s. %d %s %s", name, ttl, typ, v))
		}
		raw := exec.Command(filepath.Join(b.knobs, "dns.sh"), "raw")
		raw.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		if out, err := raw.CombinedOutput(); err != nil {
			b.Errorf("publish %s %s: %v\n%s", name, typ, err, out)
		}
	}})
	b.answersAt(vendorHost, api.Edge())
	b.env = append(b.env, "CLOUDFLARE_BASE_URL="+api.URL(), "CLOUDFLARE_API_TOKEN="+api.Token)
	return api
}

// answersAt puts an HTTPS server there that shows the testbed's certificate for the
// policy host.
func (b *testbed) answersAt(address string, handler http.Handler) {
	b.Helper()
	host := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	at, err := net.Listen("tcp", address+":443")
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- host.ServeTLS(at, filepath.Join(b.run, "ca", "web-valid.chain"), filepath.Join(b.run, "ca", "web-valid.key"))
	}()
	b.Cleanup(func() {
		_ = host.Close()
		if err := <-ended; err != http.ErrServerClosed {
			b.Errorf("the vendor's policy host ended: %v", err)
		}
	})
}

// resolved are the TXT records that unbound comes to from a name.
func (b *testbed) resolved(name string) string {
	b.Helper()
	return b.asked("dig", "+short", "@127.0.0.4", name, "TXT")
}

// vendorAgrees fails unless belay, the vendor, BIND and the sender all say that the
// rollout stands in phase with a policy in mode, under one id that no other had.
func (b *testbed) vendorAgrees(api *vendor.Valimail, phase, mode string) {
	b.Helper()
	s := b.status()
	has, maxAge, id := api.Policy(domain)
	if s.Phase != phase || s.Mode != mode || has != mode || s.PolicyID != id || s.MaxAge != uint32(maxAge) {
		b.Fatalf("belay says %+v, and Valimail has %s for %d s under %s", s, has, maxAge, id)
	}
	b.turn("dns.sh", "flush")
	if got := b.dig("127.0.0.9", domain+"._mta-sts.vali.email", "TXT"); got != announced(id) {
		b.Errorf("belay says id %s, and the vendor's name server answers %s", id, got)
	}
	if got := b.resolved(stsName); !slices.Contains(strings.Split(got, "\n"), announced(id)) {
		b.Errorf("belay says id %s, and the resolver comes to %s", id, got)
	}
	b.serves(vendorHost, mode, s.MaxAge)
	policy := fmt.Sprintf("mode %s, max_age %d", mode, maxAge)
	if before, told := b.told[id]; told {
		b.Errorf("id %s was announced for %s, and now for %s", id, before, policy)
	}
	b.told[id] = policy
	if held := b.counting(true); !strings.HasPrefix(held, "secure ") {
		b.Errorf("belay says id %s, and the sender that counts testing: %s", id, held)
	}
	if b.enforces() != (mode == "enforce") {
		b.Errorf("belay says mode %s, and the sender: %s", mode, b.sender(false))
	}
	if b.Failed() {
		b.FailNow()
	}
}
