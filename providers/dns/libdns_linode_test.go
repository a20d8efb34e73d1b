package dns_test

import (
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"

	"github.com/libdns/libdns"
	"github.com/libdns/linode"
)

// keepGlobals puts back what libdns/linode changes of the process, and sends what
// it prints meanwhile to the file it returns.
func keepGlobals(t *testing.T) (stdout *os.File) {
	stdout, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	logger, out, flags, transport, screen := slog.Default(), log.Writer(), log.Flags(), http.DefaultClient.Transport, os.Stdout
	os.Stdout = stdout
	t.Cleanup(func() {
		os.Stdout = screen
		slog.SetDefault(logger)
		log.SetOutput(out)
		log.SetFlags(flags)
		http.DefaultClient.Transport = transport
		if err := stdout.Close(); err != nil {
			t.Error(err)
		}
	})
	return stdout
}

// TestLibdnsFaultsLinode shows libdns's faults on the server, and beside each that
// belay does not have it.
func TestLibdnsFaultsLinode(t *testing.T) {
	const name = "_mta-sts." + domain
	start := func(t *testing.T, values ...string) (bench, *vendor.Linode, *linode.Provider) {
		keepGlobals(t)
		b, srv := newLinode(t)
		b.put(t, name, "TXT", values...)
		return b, srv, &linode.Provider{APIToken: srv.Token, APIURL: strings.TrimSuffix(srv.URL(), "/v4"), APIVersion: "v4"}
	}
	refused := func(r *http.Request) *vendor.Fault {
		if r.Method != http.MethodPost && r.Method != http.MethodPut {
			return nil
		}
		return &vendor.Fault{Status: 400, Type: "application/json", Body: `{"errors":[{"field":"target","reason":"Target is not valid"}]}`}
	}
	t.Run("a set whose creation is refused is gone", func(t *testing.T) {
		b, _, p := start(t, sts1, "foreign")
		b.interfere(refused)
		_, err := p.SetRecords(ctx(t), domain, []libdns.Record{text(sts2, 300*time.Second)})
		if got := b.holds(name, "TXT"); err == nil || len(got) != 0 {
			t.Fatalf("libdns left %q, %v", got, err)
		}
		b.put(t, name, "TXT", sts1, "foreign")
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", list(sts1, "foreign"), list(sts2, "foreign")))
		if got := b.holds(name, "TXT"); r.Outcome != rollout.Failed || !strings.Contains(r.Detail, "Target is not valid") || !slices.Equal(got, list("foreign", sts1)) {
			t.Errorf("belay: %s (%v), left %q", r.Outcome, err, got)
		}
	})
	t.Run("a refused creation is a success", func(t *testing.T) {
		b, _, p := start(t)
		b.interfere(refused)
		if added, err := p.AppendRecords(ctx(t), domain, []libdns.Record{text(sts1, 300*time.Second)}); err != nil || len(added) != 0 {
			t.Fatalf("libdns added %v, %v", added, err)
		}
		if r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1))); r.Outcome != rollout.Failed || err == nil {
			t.Errorf("belay: %s, %v", r.Outcome, err)
		}
	})
	t.Run("a PTR record hides the zone", func(t *testing.T) {
		b, srv, p := start(t, sts1)
		srv.Put(vendor.LinodeRecord{Name: "1", Type: "PTR", Target: "host.corp.test"})
		if _, err := p.GetRecords(ctx(t), domain); err == nil || !strings.Contains(err.Error(), "PTR") {
			t.Fatalf("libdns: %v", err)
		}
		if h, err := b.open(t, dns.Options{}).Read(ctx(t), edit("_mta-sts", "TXT", nil, nil)); err != nil || h.Value.String() != sts1 {
			t.Errorf("belay read %s, %v", h.Value, err)
		}
	})
	t.Run("the process logs to the screen", func(t *testing.T) {
		for _, tc := range []struct {
			who     string
			read    func(t *testing.T, b bench, p *linode.Provider) error
			changes bool
		}{
			{"belay", func(t *testing.T, b bench, _ *linode.Provider) error {
				_, err := b.open(t, dns.Options{}).Read(ctx(t), edit("_mta-sts", "TXT", nil, nil))
				return err
			}, false},
			{"libdns", func(t *testing.T, _ bench, p *linode.Provider) error {
				_, err := p.GetRecords(ctx(t), domain)
				return err
			}, true},
		} {
			b, _, p := start(t)
			logger, transport := slog.Default(), http.DefaultClient.Transport
			if err := tc.read(t, b, p); err != nil {
				t.Fatal(err)
			}
			if changed := slog.Default() != logger; changed != tc.changes {
				t.Errorf("%s changed the logger: %v", tc.who, changed)
			}
			if changed := http.DefaultClient.Transport != transport; changed != tc.changes {
				t.Errorf("%s changed the default client: %v", tc.who, changed)
			}
			if !tc.changes {
				continue
			}
			slog.Info("over the screen")
			printed, err := os.ReadFile(os.Stdout.Name())
			if err != nil || !strings.Contains(string(printed), "over the screen") {
				t.Errorf("libdns does not print: %q, %v", printed, err)
			}
		}
	})
}

// TestLinodeReadsTheNameAlone: a name is read by one call with a small answer,
// however large the domain, and a TTL of 0 is the domain's.
func TestLinodeReadsTheNameAlone(t *testing.T) {
	b, srv := newLinode(t)
	srv.SetDomain("master", "active", 7200)
	for range 1200 {
		srv.Put(vendor.LinodeRecord{Name: "www", Type: "TXT", Target: "one of many"})
	}
	srv.Put(vendor.LinodeRecord{Name: "_mta-sts", Type: "TXT", Target: sts1})
	calls := srv.Calls()
	h, err := b.open(t, dns.Options{}).Read(ctx(t), edit("_mta-sts", "TXT", nil, nil))
	if err != nil || h.Value.String() != sts1 || h.TTL != 7200 {
		t.Errorf("read %s with TTL %d, %v", h.Value, h.TTL, err)
	}
	if n := srv.Calls() - calls; n != 2 {
		t.Errorf("%d calls, want one for the zone and one for the name", n)
	}
}

// TestLinodeKeepsWhatStands: a TTL that Linode does not have is compared by the
// one it has in its place, so that a record which stays is not written again.
func TestLinodeKeepsWhatStands(t *testing.T) {
	b, srv := newLinode(t)
	srv.Put(vendor.LinodeRecord{Name: "_mta-sts", Type: "TXT", Target: "foreign", TTL: 300})
	e := edit("_mta-sts", "TXT", list("foreign"), list("foreign", sts1))
	e.TTL = 900
	r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
	if n := b.writes(e.Name); r.Outcome != rollout.Applied || n != 1 {
		t.Errorf("%s (%v) by %d writes, want 1", r.Outcome, err, n)
	}
}
