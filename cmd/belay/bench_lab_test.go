package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// What the test binary can be besides: see TestMain.
const (
	benchLab   = "bench-lab"
	benchBelay = "bench-belay"
)

// reportedDomain is the policy domain of the benchmarks' store.
const reportedDomain = "corp.test"

// beLab is the lab as a process of its own, so that what its servers do costs the
// measured belay nothing but what it costs any machine. Its domain has MTA-STS in
// testing mode and 3 MX hosts, and the reporters' DKIM keys stand in its zones. It
// says where it is and ends when standard input does.
func beLab() {
	if err := shareLab(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func shareLab(in io.Reader, out io.Writer) error {
	var bag postbag
	if err := json.Unmarshal([]byte(os.Getenv("BELAY_BENCH_POSTBAG")), &bag); err != nil {
		return err
	}
	l, err := lab.New(lab.Options{Start: time.Now(), Domain: reportedDomain, Extra: bag.Reporters, MX: 3, Latency: 30 * time.Millisecond})
	if err != nil {
		return err
	}
	defer l.Close()
	body := "version: STSv1\r\nmode: testing\r\nmx: *.corp.test\r\nmax_age: 86400\r\n"
	file := filepath.Join(l.WebRoot(), ".well-known", "mta-sts.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		return err
	}
	at := l.PolicyAddresses()
	records := [][3]string{
		{mtasts.PolicyHost(reportedDomain), "A", at[0].String()},
		{mtasts.PolicyHost(reportedDomain), "AAAA", at[1].String()},
		{mtasts.RecordName(reportedDomain), "TXT", "v=STSv1; id=1;"},
		{"_smtp._tls." + reportedDomain, "TXT", "v=TLSRPTv1; rua=mailto:tls@corp.test;"},
	}
	for _, reporter := range bag.Reporters {
		records = append(records, [3]string{selector + "._domainkey." + reporter, "TXT", bag.Key})
	}
	for _, r := range records {
		if err := l.SetRRset(r[0], r[1], 300, r[2]); err != nil {
			return err
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

// beBelayInLab is belay's main but for one thing: it reaches the lab's network
// instead of the machine's.
func beBelayInLab() {
	w, err := visited(context.Background(), os.Getenv("BELAY_BENCH_LAB"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitCannot)
	}
	interrupts := make(chan os.Signal, 3)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	p := newProgram(w, os.Stdin, os.Stdout, os.Stderr, os.LookupEnv)
	p.interrupts, p.leave = interrupts, os.Exit
	os.Exit(p.run(os.Args[1:]))
}

// visited is the network of a lab in another process. The lab's clock shows the
// machine's time, so nobody needs to ask what time it is there.
func visited(ctx context.Context, address string) (world.World, error) {
	v, err := lab.Visit(ctx, address)
	if err != nil {
		return world.World{}, err
	}
	w := v.World()
	w.Clock = world.System().Clock
	return w, nil
}

// startLab starts the lab's process and returns where it is shared.
func startLab(b *testing.B, bag postbag) string {
	b.Helper()
	b.Cleanup(func() { _, _ = lab.Sweep("") })
	known, err := json.Marshal(bag)
	if err != nil {
		b.Fatal(err)
	}
	c := exec.Command(inPath(b, benchLab))
	c.Env = append(os.Environ(), "BELAY_BENCH_POSTBAG="+string(known), "TMPDIR="+b.TempDir())
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

func inPath(b *testing.B, name string) string {
	b.Helper()
	path, err := exec.LookPath(name) // testscript put this very binary there
	if err != nil {
		b.Fatal(err)
	}
	return path
}

// rolloutInReview makes a store with one rollout, in the fourth phase because its
// policy is live already, which takes its reports from inbox.
func rolloutInReview(b *testing.B, address, inbox string) (state string) {
	b.Helper()
	w, err := visited(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	state = b.TempDir()
	runIn(b, w, state, "new", reportedDomain, "--adopt", "--dns", "manual", "--host", "manual",
		"--rua", "mailto:tls@corp.test", "--inbox", inbox)
	if out := runIn(b, w, state, "status", reportedDomain, "--json"); !strings.Contains(out, `"review-reports"`) {
		b.Fatalf("the rollout does not wait for reports: %s", out)
	}
	return state
}

// runIn runs one subcommand, which has to succeed, and returns what it printed.
func runIn(b *testing.B, w world.World, state string, args ...string) string {
	b.Helper()
	var out, errs bytes.Buffer
	p := newProgram(w, strings.NewReader(""), &out, &errs, func(string) (string, bool) { return "", false })
	p.keyring = func(context.Context, string) (string, error) { return "", nil }
	if status := p.run(append([]string{"--state", state}, args...)); status != exitGood {
		b.Fatalf("belay %s: exit %d\n%s%s", strings.Join(args, " "), status, out.String(), errs.String())
	}
	return out.String()
}
