package steps_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/netip"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/mtasts"
	"belay/rollout/world"
	"belay/steps"

	"github.com/miekg/dns"
)

// wayThere is what BenchmarkLook adds to every round trip.
const wayThere = 30 * time.Millisecond

// A trip is one round trip: what is waited for, and why it cannot be asked before
// the one above it is over.
type trip struct{ what, why string }

// The chains of round trips in a look, derived from the topology alone: each trip
// needs the answer before it, and no chain can be made shorter. The MX chain does
// not begin with the delegation, because a resolver finds that by itself; the
// authoritative servers are asked beside it, and confirm what the resolver said
// long before the sessions are over.
var (
	mailChain = []trip{
		{"MX", "nothing is known yet; a resolver is asked"},
		{"address of an MX host", "the MX record names it"},
		{"TCP", "the address is known now"},
		{"banner", "the server speaks first, and only when the handshake's last packet has reached it"},
		{"EHLO", "a client waits for the banner (RFC 5321 section 4.3.1)"},
		{"STARTTLS", "the answer to EHLO says whether it is offered (RFC 3207 section 4)"},
		{"TLS", "TLS begins behind the 220; one round trip with TLS 1.3"},
		{"second EHLO", "what is offered behind TLS is known only there; it travels with the client's Finished"},
	}
	confirmChain = []trip{
		{"delegation", "nothing is known yet; a resolver is asked for the zone and its name servers"},
		{"address of a name server", "the NS record names it"},
		{"MX, at each name server", "their addresses are known now"},
		{"address of an MX host, at each name server", "the MX record names it"},
	}
	policyChain = []trip{
		{"delegation", "nothing is known yet; a resolver is asked for the zone and its name servers"},
		{"address of a name server", "the NS record names it"},
		{"address of the policy host, at each name server", "their addresses are known now; no resolver is asked for a name that may not exist yet"},
		{"TCP", "the address is known now"},
		{"TLS", "HTTPS begins with it"},
		{"GET", "the policy itself"},
	}
)

// BenchmarkLook looks at a domain with 3 MX hosts of 2 addresses each, 2 name
// servers and a policy host, in a lab that runs as a process of its own with 30 ms
// added to every round trip. One operation is 20 looks, of which the median counts.
// It is compared with the longest of the chains above: as many times 30 ms, and
// the time its servers take, measured by a bare client that makes the same
// exchanges one after the other in a lab without latency.
//
//	go test ./steps -run '^$' -bench Look -benchtime 1x -v
func BenchmarkLook(b *testing.B) {
	near, far := visit(b, 0), visit(b, wayThere)
	served := median(20, func() time.Duration { return bareSession(b, near, "corp.test") })
	whole := median(20, func() time.Duration { return timedLook(b, near, "corp.test") })
	path := time.Duration(len(mailChain))*wayThere + served

	b.ResetTimer()
	var looks []time.Duration
	for b.Loop() {
		looks = append(looks, median(20, func() time.Duration { return timedLook(b, far, "corp.test") }))
	}
	slices.Sort(looks)
	look := looks[len(looks)/2]

	for _, chain := range [][]trip{mailChain, confirmChain, policyChain} {
		b.Logf("%d round trips:", len(chain))
		for i, t := range chain {
			b.Logf("  %d  %s: %s", i+1, t.what, t.why)
		}
	}
	b.Logf("critical path: %d x %s + %s served = %s", len(mailChain), wayThere, served, path)
	b.Logf("were the MX asked only after the delegation, it would be %d x %s, and the ratio %.3f",
		1+len(mailChain), wayThere, float64(look)/float64(path+wayThere))
	b.Logf("median look: %s, ratio %.3f; without latency a whole look takes %s", look, float64(look)/float64(path), whole)
	b.ReportMetric(milliseconds(look), "ms/look")
	b.ReportMetric(milliseconds(path), "ms/path")
	b.ReportMetric(float64(look)/float64(path), "ratio")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(n int, f func() time.Duration) time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		took[i] = f()
	}
	slices.Sort(took)
	return took[n/2]
}

// timedLook is one look, which has to find everything there and in order.
func timedLook(b *testing.B, w world.World, domain string) time.Duration {
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	watch := world.Start()
	e, err := steps.NewLooker(w).Look(ctx, domain, nil, nil)
	took := watch.Elapsed()
	if err != nil {
		b.Fatal(err)
	}
	sessions := 0
	for _, mx := range e.MX {
		sessions += len(mx.Addresses)
	}
	if fails := e.Fails(); len(fails) > 0 || len(e.MX) != 3 || sessions != 6 || len(e.Zone.Servers) != 2 || len(e.Policy.Addresses) != 2 || !e.Policy.Valid {
		b.Fatalf("the look is not whole, or the domain not in order: %d MX hosts, %d sessions, %d name servers, %d policy addresses, %v",
			len(e.MX), sessions, len(e.Zone.Servers), len(e.Policy.Addresses), fails)
	}
	return took
}

// bareSession makes the exchanges of mailChain one after the other, with nothing
// of belay's.
func bareSession(b *testing.B, w world.World, domain string) time.Duration {
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	watch := world.Start()
	host := resolve(ctx, b, w, domain, dns.TypeMX).(*dns.MX).Mx
	address, _ := netip.AddrFromSlice(resolve(ctx, b, w, host, dns.TypeA).(*dns.A).A.To4())
	conn, err := w.Network.Dial(ctx, "tcp", netip.AddrPortFrom(address, 25))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	clear := textproto.NewConn(conn)
	hear(b, clear, 220)
	say(b, clear, "EHLO bare.test", 250)
	say(b, clear, "STARTTLS", 220)
	secured := tls.Client(conn, &tls.Config{ServerName: strings.TrimSuffix(host, "."), RootCAs: w.Network.Roots, Time: w.Clock.Now})
	if err := secured.HandshakeContext(ctx); err != nil {
		b.Fatal(err)
	}
	say(b, textproto.NewConn(secured), "EHLO bare.test", 250)
	return watch.Elapsed()
}

// resolve asks the world's resolver and returns the first record of the answer.
func resolve(ctx context.Context, b *testing.B, w world.World, name string, typ uint16) dns.RR {
	conn, err := w.Network.Dial(ctx, "udp", w.Network.Resolvers[0])
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), typ)
	in, _, err := new(dns.Client).ExchangeWithConnContext(ctx, m, &dns.Conn{Conn: conn})
	if err != nil || len(in.Answer) == 0 {
		b.Fatalf("resolve %s %s: %v, %v", name, dns.TypeToString[typ], err, in)
	}
	return in.Answer[0]
}

func say(b *testing.B, conn *textproto.Conn, command string, want int) {
	if err := conn.PrintfLine("%s", command); err != nil {
		b.Fatal(err)
	}
	hear(b, conn, want)
}

func hear(b *testing.B, conn *textproto.Conn, want int) {
	if _, text, err := conn.ReadResponse(want); err != nil {
		b.Fatalf("%v %s", err, text)
	}
}

// latencyOfLab is set for the process that is the lab.
const latencyOfLab = "BELAY_BENCH_LAB_LATENCY"

// TestMain lets the test binary be a lab for another one.
func TestMain(m *testing.M) {
	if latency := os.Getenv(latencyOfLab); latency != "" {
		if err := beLab(latency); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beLab shares a lab whose rollout is finished, says where, and ends when standard
// input does.
func beLab(latency string) error {
	wait, err := time.ParseDuration(latency)
	if err != nil {
		return err
	}
	l, err := lab.New(lab.Options{MX: 3, Latency: wait})
	if err != nil {
		return err
	}
	defer l.Close()
	file := filepath.Join(l.WebRoot(), ".well-known", "mta-sts.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(testingBody+"mx: mx3.corp.test\r\n"), 0o644); err != nil {
		return err
	}
	at := l.PolicyAddresses()
	for _, r := range [][3]string{
		{mtasts.PolicyHost(l.Domain()), "A", at[0].String()},
		{mtasts.PolicyHost(l.Domain()), "AAAA", at[1].String()},
		{mtasts.RecordName(l.Domain()), "TXT", "v=STSv1; id=1;"},
		{"_smtp._tls." + l.Domain(), "TXT", "v=TLSRPTv1; rua=mailto:tls@reports.example;"},
	} {
		if err := l.SetRRset(r[0], r[1], 300, r[2]); err != nil {
			return err
		}
	}
	address, err := l.Share()
	if err != nil {
		return err
	}
	fmt.Println(address)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// visit starts a lab in a process of its own and returns its world.
func visit(b *testing.B, latency time.Duration) world.World {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), latencyOfLab+"="+latency.String(), "TMPDIR="+b.TempDir())
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
		b.Fatalf("the lab's process says not where it is: %v", err)
	}
	v, err := lab.Visit(b.Context(), strings.TrimSpace(address))
	if err != nil {
		b.Fatal(err)
	}
	return v.World()
}
