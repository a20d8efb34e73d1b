package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"

	"github.com/creack/pty"
)

// announce serves body as the domain's policy and publishes its record.
func (b *box) announce(domain, body string) {
	b.t.Helper()
	file := filepath.Join(b.WebRootOf(domain), ".well-known", "mta-sts.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		b.t.Fatal(err)
	}
	at := b.PolicyAddresses()
	for _, r := range [][3]string{
		{mtasts.PolicyHost(domain), "A", at[0].String()}, {mtasts.PolicyHost(domain), "AAAA", at[1].String()},
		{mtasts.RecordName(domain), "TXT", "v=STSv1; id=1;"},
	} {
		if err := b.SetRRset(r[0], r[1], 300, r[2]); err != nil {
			b.t.Fatal(err)
		}
	}
}

// listOf writes a list of domains.
func listOf(t *testing.T, lines ...string) string {
	t.Helper()
	list := filepath.Join(t.TempDir(), "domains")
	if err := os.WriteFile(list, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCheckFileTellsEachDomainOnALine(t *testing.T) {
	b := newBox(t, lab.Options{Extra: []string{"one.test", "two.test", "three.test"}})
	if err := b.Set("mx2.expired", true); err != nil {
		t.Fatal(err)
	}
	b.announce("two.test", "version: STSv1\nmode: testing\nmx: *.corp.test\nmax_age: 86400\n")
	list := listOf(t, "# ours", "one.test", "TWO.test  # twice", "two.test", "three.test", "", "nowhere.test")
	metrics := filepath.Join(t.TempDir(), "belay.prom")
	r := b.must(exitFails, "check", "--json", "--file", list, "--prometheus", metrics)

	var domains []string
	for line := range strings.Lines(r.out) {
		var s checkShape
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		domains = append(domains, s.Domain)
	}
	slices.Sort(domains)
	if want := []string{"nowhere.test", "one.test", "three.test", "two.test"}; !slices.Equal(domains, want) {
		t.Errorf("objects of %v, want %v", domains, want)
	}
	if !strings.Contains(r.err, "4 of 4 domains in ") || !strings.Contains(r.err, "M09") {
		t.Errorf("the summary on standard error is %q", r.err)
	}
	brief := b.must(exitFails, "check", "--file", list)
	for _, want := range []string{"FAIL     two.test  ", "4 of 4 domains in ", "  FAIL          4\n"} {
		if !strings.Contains(brief.out, want) {
			t.Errorf("without --json it does not print %q:\n%s", want, brief.out)
		}
	}
	checkMetrics(t, metrics)
}

// checkMetrics wants the metrics of the domains above, each metric in one piece and
// each of them named in the help.
func checkMetrics(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`belay_domain_verdict{domain="two.test",verdict="fail"} 1`, `belay_domain_verdict{domain="two.test",verdict="pass"} 0`,
		`belay_domain_finding{domain="one.test",code="M09",severity="fail"} 2`, `belay_domain_policy_info{domain="two.test",mode="testing",id="1"} 1`,
		`belay_domain_policy_max_age_seconds{domain="two.test"} 86400`, `belay_domain_complete{domain="nowhere.test"} 1`, "belay_check_domains 4",
		`belay_domain_certificate_not_after_timestamp_seconds{domain="two.test",service="mx"}`,
	} {
		if !strings.Contains(string(text), want+"\n") && !strings.Contains(string(text), want+" ") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	ended, current := map[string]bool{}, ""
	for line := range strings.Lines(string(text)) {
		name, typed := strings.CutPrefix(line, "# TYPE ")
		if !typed {
			if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, current) {
				t.Errorf("the sample %q stands below the metric %s", line, current)
			}
			continue
		}
		ended[current] = true
		if current, _, _ = strings.Cut(name, " "); ended[current] {
			t.Errorf("the metric %s stands in two places", current)
		}
		if !strings.Contains(metricsHelp, current) {
			t.Errorf("the help does not name %s", current)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("node_exporter cannot read it: %v %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".belay-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCheckFileRefusesWhatIsNoDomain(t *testing.T) {
	b := newBox(t, lab.Options{})
	r := b.must(exitCannot, "check", "--file", listOf(t, "corp.test", "not a domain"))
	if !strings.Contains(r.err, "line 2") || r.out != "" {
		t.Errorf("printed %q %q", r.out, r.err)
	}
	r = b.must(exitCannot, "check", "corp.test", "--prometheus", filepath.Join(t.TempDir(), "belay.txt"))
	if !strings.Contains(r.err, "does not end in .prom") || r.out != "" {
		t.Errorf("a file that nobody would read: %s%s", r.out, r.err)
	}
	r = b.must(exitCannot, "check", "corp.test", "--prometheus", filepath.Join(t.TempDir(), "no", "such.prom"))
	if !strings.Contains(r.err, "write metrics") {
		t.Errorf("a file that cannot be written is %q", r.err)
	}
}

// TestMetricsAreWrittenWholeOrNotAtAll: a run that is called off leaves the old file.
func TestMetricsAreWrittenWholeOrNotAtAll(t *testing.T) {
	b := newBox(t, lab.Options{})
	file := filepath.Join(t.TempDir(), "belay.prom")
	if err := os.WriteFile(file, []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs strings.Builder
	p := newProgram(b.World(), strings.NewReader(""), &out, &errs, os.LookupEnv)
	p.flags.state = t.TempDir()
	if err := p.check(ctx, []string{"corp.test"}, checkFlags{prometheus: file}); err == nil {
		t.Error("a run that is called off succeeds")
	}
	if text, _ := os.ReadFile(file); string(text) != "old\n" {
		t.Errorf("the file is %q", text)
	}
}

// TestASlowDomainHoldsNobodyUp: the looks of all others are taken while one hangs.
func TestASlowDomainHoldsNobodyUp(t *testing.T) {
	p := newProgram(world.World{Clock: world.SystemClock()}, strings.NewReader(""), &strings.Builder{}, &strings.Builder{}, os.LookupEnv)
	domains := []string{"slow.test"}
	for i := range 100 {
		domains = append(domains, fmt.Sprintf("quick%d.test", i))
	}
	others := make(chan struct{})
	taken := []string{}
	err := p.lookAll(t.Context(), domains, func(_ context.Context, domain string) look {
		if domain == "slow.test" {
			<-others
		}
		return look{seen: rollout.Evidence{Domain: domain}}
	}, p.newProgress(false, nil), func(l look, _ bool) error {
		if taken = append(taken, l.seen.Domain); len(taken) == 100 {
			close(others)
		}
		return nil
	})
	if err != nil || len(taken) != 101 || taken[100] != "slow.test" {
		t.Errorf("took %d looks, the last %v: %v", len(taken), taken[max(0, len(taken)-1):], err)
	}
}

// TestASlowLookMovesOver: with one seat, the next begins while the first hangs.
func TestASlowLookMovesOver(t *testing.T) {
	seats := newLanes(1, 1, time.Millisecond)
	next := make(chan struct{})
	var all sync.WaitGroup
	seats.quick <- struct{}{}
	all.Go(func() { seats.run(func() { <-next }) })
	seats.quick <- struct{}{} // free once the first has moved
	all.Go(func() { seats.run(func() { close(next) }) })
	all.Wait()
	if len(seats.quick) != 0 || len(seats.slow) != 0 {
		t.Errorf("%d quick and %d slow seats are still taken", len(seats.quick), len(seats.slow))
	}
}

// TestResolversAreAskedGently: never more than so many questions at once, and other
// connections are none of their business.
func TestResolversAreAskedGently(t *testing.T) {
	resolver := netip.MustParseAddrPort("192.0.2.53:53")
	open := 0
	n := gentle(world.Network{
		Resolvers: []netip.AddrPort{resolver},
		Dial: func(context.Context, string, netip.AddrPort) (net.Conn, error) {
			open++
			here, there := net.Pipe()
			t.Cleanup(func() { there.Close() })
			return here, nil
		},
	}, 2)
	first, err := n.Dial(t.Context(), "udp", resolver)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Dial(t.Context(), "udp", resolver); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Dial(ended, "udp", resolver); err == nil || open != 2 {
		t.Errorf("a third question was asked: %d connections, %v", open, err)
	}
	if _, err := n.Dial(t.Context(), "tcp", netip.MustParseAddrPort("192.0.2.1:25")); err != nil || open != 3 {
		t.Errorf("another host was not reached: %v", err)
	}
	first.Close()
	first.Close() // twice frees one seat
	if _, err := n.Dial(t.Context(), "udp", resolver); err != nil {
		t.Error(err)
	}
	if _, err := n.Dial(ended, "udp", resolver); err == nil {
		t.Error("a seat was given away twice")
	}
}

// TestTheBarIsForTerminals: it stands on one line, and is gone at the end.
func TestTheBarIsForTerminals(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal here: %v", err)
	}
	defer master.Close()
	p := newProgram(world.World{}, strings.NewReader(""), &strings.Builder{}, tty, os.LookupEnv)
	sums := newTally(2)
	bar := p.newProgress(true, sums)
	sums.add(look{seen: rollout.Evidence{Findings: []finding.Finding{finding.New("M09", "mx", "expired")}}})
	bar.draw()
	bar.end()
	tty.Close()
	buf := make([]byte, 4096)
	n, _ := master.Read(buf)
	shown := string(buf[:n])
	if !strings.Contains(shown, "[############------------] 1 of 2  1 fail") || !strings.HasSuffix(shown, "\r") || strings.Contains(shown, "\n") {
		t.Errorf("the bar is %q", shown)
	}
	if quiet := newProgram(world.World{}, strings.NewReader(""), &strings.Builder{}, &strings.Builder{}, os.LookupEnv); quiet.newProgress(true, sums).out != nil {
		t.Error("there is a bar without a terminal")
	}
}
