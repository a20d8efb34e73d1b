package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// What the test binary can be besides, for BenchmarkCheckMany: see TestMain.
const (
	manyLab    = "bench-many-lab"
	manyBelay  = "bench-many-belay"
	manyShakes = "bench-many-shakes"
)

// manyDomain is the n-th of the benchmark's domains.
func manyDomain(n int) string { return fmt.Sprintf("d%d.test", n) }

// beManyLab is a lab of many domains with 2 MX hosts each, all of them with MTA-STS
// and TLS-RPT, as a process of its own without added latency. It ends when standard
// input does.
func beManyLab() {
	if err := shareManyLab(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func shareManyLab(count string, in io.Reader, out io.Writer) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	o := lab.Options{Start: time.Now(), Domain: manyDomain(0), MX: 2}
	for i := 1; i < n; i++ {
		o.Extra = append(o.Extra, manyDomain(i))
	}
	l, err := lab.New(o)
	if err != nil {
		return err
	}
	defer l.Close()
	at := l.PolicyAddresses()
	for i := range n {
		domain := manyDomain(i)
		file := filepath.Join(l.WebRootOf(domain), ".well-known", "mta-sts.txt")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		body := "version: STSv1\r\nmode: testing\r\nmx: *." + manyDomain(0) + "\r\nmax_age: 86400\r\n"
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			return err
		}
		for _, r := range [][3]string{
			{mtasts.PolicyHost(domain), "A", at[0].String()}, {mtasts.PolicyHost(domain), "AAAA", at[1].String()},
			{mtasts.RecordName(domain), "TXT", "v=STSv1; id=1;"}, {"_smtp._tls." + domain, "TXT", "v=TLSRPTv1; rua=mailto:tls@" + manyDomain(0) + ";"},
		} {
			if err := l.SetRRset(r[0], r[1], 300, r[2]); err != nil {
				return err
			}
		}
	}
	address, err := l.Share()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, address)
	_, err = io.Copy(io.Discard, in)
	return err
}

// beManyBelay is belay in that lab. It asks the lab once where an address leads, so
// that a connection costs it what it costs anywhere; at the end it says how many
// went to ports on which TLS is spoken.
func beManyBelay() {
	w, shook, err := routed(os.Getenv("BELAY_BENCH_LAB"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitCannot)
	}
	p := newProgram(w, os.Stdin, os.Stdout, os.Stderr, os.LookupEnv)
	status := p.run(os.Args[1:])
	fmt.Fprintln(os.Stderr, "handshakes", shook.Load())
	os.Exit(status)
}

// routed is the world of the lab shared at address, which asks once where an
// endpoint leads, and counts the connections to ports 25 and 443.
func routed(address string) (world.World, *atomic.Int64, error) {
	w, err := visited(context.Background(), address)
	if err != nil {
		return world.World{}, nil, err
	}
	type endpoint struct {
		network string
		addr    netip.AddrPort
	}
	var mu sync.Mutex
	leads, shook := map[endpoint]string{}, new(atomic.Int64)
	slow := w.Network.Dial
	w.Network.Dial = func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
		if network == "tcp" && (addr.Port() == 25 || addr.Port() == 443) {
			shook.Add(1)
		}
		mu.Lock()
		to, known := leads[endpoint{network, addr}]
		mu.Unlock()
		if !known {
			if to, err = routeOf(ctx, address, network, addr); err != nil {
				return nil, err
			}
			mu.Lock()
			leads[endpoint{network, addr}] = to
			mu.Unlock()
		}
		if to == "" { // it is not open
			return slow(ctx, network, addr)
		}
		var d net.Dialer
		return d.DialContext(ctx, network, to)
	}
	return w, shook, nil
}

// routeOf asks the lab where an endpoint leads on loopback; empty where it is not
// open.
func routeOf(ctx context.Context, lab, network string, addr netip.AddrPort) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", lab)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(map[string]any{"ask": "route", "network": network, "addr": addr}); err != nil {
		return "", err
	}
	var said struct{ Fate, To string }
	err = json.NewDecoder(conn).Decode(&said)
	if said.Fate != "open" {
		said.To = ""
	}
	return said.To, err
}

// beManyShakes makes so many TLS handshakes with the lab's policy host, verifying the
// certificate as any sender must, and does nothing else.
func beManyShakes() {
	if err := shakeHands(os.Getenv("BELAY_BENCH_LAB"), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func shakeHands(address, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	w, _, err := routed(address)
	if err != nil {
		return err
	}
	host := mtasts.PolicyHost(manyDomain(0))
	var failed atomic.Value
	var left atomic.Int64
	left.Store(int64(n))
	var shaking sync.WaitGroup
	for range looksAtOnce {
		shaking.Go(func() {
			for left.Add(-1) >= 0 {
				if err := shakeHand(w, host); err != nil {
					failed.Store(err)
					return
				}
			}
		})
	}
	shaking.Wait()
	if err, ok := failed.Load().(error); ok {
		return err
	}
	return nil
}

// manyPolicyHost is an address of the lab's policy host.
const manyPolicyHost = "192.0.2.20:443"

func shakeHand(w world.World, host string) error {
	conn, err := w.Network.Dial(context.Background(), "tcp", netip.MustParseAddrPort(manyPolicyHost))
	if err != nil {
		return err
	}
	defer conn.Close()
	return tls.Client(conn, &tls.Config{ServerName: host, RootCAs: w.Network.Roots, Time: w.Clock.Now}).Handshake()
}

// BenchmarkCheckMany looks at many domains of a lab in another process: domains a
// second, CPU time of belay's process a domain beside that of the handshakes it
// makes, and its peak memory. Run it with -benchtime 1x.
func BenchmarkCheckMany(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) { benchCheckMany(b, n) })
	}
}

func benchCheckMany(b *testing.B, n int) {
	address := startManyLab(b, n)
	var list strings.Builder
	for i := range n {
		fmt.Fprintln(&list, manyDomain(i))
	}
	file := filepath.Join(b.TempDir(), "domains")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		watch := world.Start()
		belay, said := inManyLab(b, address, manyBelay, "--state", b.TempDir(), "check", "--json", "--file", file)
		elapsed := watch.Elapsed()
		_, shook, ok := strings.Cut(said, "handshakes ")
		if !ok || !strings.Contains(said, fmt.Sprintf("%d of %d domains", n, n)) {
			b.Fatalf("belay says %q", said)
		}
		shook = strings.TrimSpace(shook)
		hands, _ := inManyLab(b, address, manyShakes, shook)
		handshakes, err := strconv.Atoi(shook)
		if err != nil {
			b.Fatal(err)
		}
		each := float64(belay.cpu.Microseconds()) / 1000 / float64(n)
		bare := float64(hands.cpu.Microseconds()) / 1000 / float64(n)
		b.ReportMetric(float64(n)/elapsed.Seconds(), "domains/s")
		b.ReportMetric(float64(handshakes)/float64(n), "handshakes/domain")
		b.ReportMetric(each, "cpu-ms/domain")
		b.ReportMetric(bare, "bare-cpu-ms/domain")
		b.ReportMetric(each/bare, "times-bare")
		b.ReportMetric(belay.memory, "peak-MiB")
	}
}

// spent is what a process took.
type spent struct {
	cpu    time.Duration
	memory float64 // peak, in MiB
}

// inManyLab runs one of this binary's other selves in the lab and returns what it
// took and said on standard error. Findings fail by nobody's fault: exit status 1 is
// good.
func inManyLab(b *testing.B, address, name string, args ...string) (spent, string) {
	b.Helper()
	c := exec.Command(inPath(b, name), args...)
	c.Env = append(os.Environ(), "BELAY_BENCH_LAB="+address)
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Run(); c.ProcessState == nil || c.ProcessState.ExitCode() > exitFails || c.ProcessState.ExitCode() < 0 {
		b.Fatalf("%s: %v: %s", name, err, errs.String())
	}
	return spent{cpu: c.ProcessState.UserTime() + c.ProcessState.SystemTime(), memory: peakOf(c.ProcessState)}, errs.String()
}

// startManyLab starts the lab's process and returns where it is shared.
func startManyLab(b *testing.B, n int) string {
	b.Helper()
	b.Cleanup(func() { _, _ = lab.Sweep("") })
	c := exec.Command(inPath(b, manyLab), strconv.Itoa(n))
	c.Env = append(os.Environ(), "TMPDIR="+b.TempDir())
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			b.Errorf("the lab's process: %v", err)
		}
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatalf("the lab's process does not say where it is: %v", err)
	}
	return strings.TrimSpace(address)
}
