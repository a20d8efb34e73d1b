package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"belay/providers/host/certs"
	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/store"

	"github.com/caddyserver/certmagic"
	sys "golang.org/x/sys/unix"
)

// The sizes of BenchmarkServe: connections of one round at one server, rounds.
const (
	serveConnections = 3000
	serveRounds      = 7
)

// BenchmarkServe puts belay serve and nginx side by side on the same policy, the same
// certificates (a leaf and its intermediate, ECDSA P-256) and the same clients: one
// new connection a request, TLS 1.3 with X25519, no resumption. In turns each takes a
// round of connections. Told are the microseconds of CPU time of each server's process
// per connection (of all its threads, kernel included, as getrusage sums them; the
// clients are this process), the ratio of the two as the median of the rounds with
// its least and most, and how long a connection took by the clock.
//
//	go test ./cmd/belay -run '^$' -bench '^BenchmarkServe$' -benchtime 1x
//
// Once with one policy host, once with ten thousand, each with a certificate of its
// own in belay's own storage; then the resident memory is told, too, in MiB.
func BenchmarkServe(b *testing.B) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		b.Skip("NOT MEASURED: there is no nginx here to measure beside (Debian: nginx-light)")
	}
	belay := shipped(b)
	for _, n := range []int{1, 10000} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			bed := newServeBed(b, n)
			ours, theirs := bed.belay(belay), bed.nginx(nginx)
			for b.Loop() {
				bed.compare(ours, theirs)
			}
			now, most := ours.resident()
			b.ReportMetric(now, "MiB-belay")
			b.ReportMetric(most, "MiB-belay-most")
			now, _ = theirs.resident()
			b.ReportMetric(now, "MiB-nginx")
		})
	}
}

// serveBed is what both servers serve.
type serveBed struct {
	*testing.B
	dir   string
	hosts []string
	roots *x509.CertPool
}

const benchPolicy = "version: STSv1\r\nmode: enforce\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 2592000\r\n"

// newServeBed publishes the policy of n domains in a store, and makes a certificate
// for each, in belay's storage and in files.
func newServeBed(b *testing.B, n int) *serveBed {
	b.Helper()
	bed := &serveBed{B: b, dir: b.TempDir(), roots: x509.NewCertPool()}
	for _, d := range []string{"state", "pem", "www/.well-known", "nginx"} {
		if err := os.MkdirAll(filepath.Join(bed.dir, d), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	kept, err := store.Open(b.Context(), filepath.Join(bed.dir, "state"))
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	ca := newBenchCA(b, bed.roots)
	storage := certs.Folder(filepath.Join(bed.dir, "state", "certificates"))
	for i := range n {
		domain := fmt.Sprintf("d%d.test", i)
		publishDirectly(b, kept, domain, benchPolicy)
		host := mtasts.PolicyHost(domain)
		bed.hosts = append(bed.hosts, host)
		chain, key, leaf := ca.issue(b, host)
		bed.put("pem/"+host+".pem", string(chain))
		bed.put("pem/"+host+".key", string(key))
		print := sha256.Sum256(leaf.Raw)
		known := rollout.HostCertificate{
			Host: host, CA: noCA, Fingerprint: hex.EncodeToString(print[:]), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
			RenewAt: leaf.NotAfter.Add(-30 * 24 * time.Hour), Obtained: leaf.NotBefore, Shown: leaf.NotBefore,
		}
		at := strings.TrimSuffix(certmagic.StorageKeys.SiteCert("127.0.0.1:9-directory", host), ".crt")
		bed.store(storage, at+".certificate", map[string]any{"key": key, "chain": chain, "meta": map[string]any{"sans": []string{host}}})
		bed.store(storage, "hosts/"+host+".json", known)
	}
	bed.put("www/.well-known/mta-sts.txt", benchPolicy)
	return bed
}

// noCA is a directory that nobody serves: nothing is ordered here.
const noCA = "https://127.0.0.1:9/directory"

// store puts a value into the storage of certificates.
func (bed *serveBed) store(in certmagic.Storage, key string, value any) {
	bed.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = in.Store(bed.Context(), key, text)
	}
	if err != nil {
		bed.Fatal(err)
	}
}

func (bed *serveBed) put(name, text string) {
	bed.Helper()
	if err := os.WriteFile(filepath.Join(bed.dir, name), []byte(text), 0o600); err != nil {
		bed.Fatal(err)
	}
}

// publishDirectly journals a rollout of domain with this body and serves it.
func publishDirectly(b *testing.B, kept *store.Store, domain, body string) {
	b.Helper()
	settings := rollout.DefaultSettings()
	settings.DNS, settings.Host = rollout.Account{Provider: "manual"}, rollout.HostAccount{Kind: rollout.HostServe}
	at := time.Now().UTC()
	plan := rollout.Plan{Domain: domain, Phase: rollout.HostPolicy, Purpose: rollout.ForPhase, Edits: []rollout.Edit{{
		ID: "1", Kind: rollout.Policy, Account: rollout.HostServe, Name: mtasts.PolicyURL(domain), Type: "policy", After: rollout.Body(body),
	}}}
	_, err := kept.Append(b.Context(), domain, 0,
		rollout.Entry{At: at, Who: "bench", Kind: rollout.Created, Settings: &settings},
		rollout.Entry{At: at, Who: "bench", Kind: rollout.Accepted, Plan: &plan},
		rollout.Entry{At: at, Who: "bench", Kind: rollout.Intended, PlanHash: plan.Hash(), EditID: "1"})
	if err == nil {
		_, err = kept.Serve(b.Context(), domain, rollout.Absent(), rollout.Body(body), at)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// contestant is one of the two servers, as a process of its own.
type contestant struct {
	*serveBed
	name    string
	process *exec.Cmd
	address string
}

// belay starts the shipped binary. The resolver is none: nothing is asked.
func (bed *serveBed) belay(binary string) *contestant {
	bed.Helper()
	address := bed.freePort()
	return bed.run("belay", address, "msg=serving ", binary, "--state", filepath.Join(bed.dir, "state"), "--resolver", "127.0.0.1:9",
		"serve", "--listen", address, "--http", "none", "--status", "none", "--acme-ca", noCA)
}

// nginx starts nginx as one process with the same file behind as many hosts.
func (bed *serveBed) nginx(binary string) *contestant {
	bed.Helper()
	address := bed.freePort()
	var conf strings.Builder
	// The last that it says at the start, when its sockets are open, is a notice.
	fmt.Fprintf(&conf, `daemon off; master_process off; pid nginx/pid; error_log stderr notice;
events { worker_connections 4096; }
http {
 access_log off; server_names_hash_max_size 65536; server_names_hash_bucket_size 128;
 client_body_temp_path nginx/a; proxy_temp_path nginx/b; fastcgi_temp_path nginx/c; uwsgi_temp_path nginx/d; scgi_temp_path nginx/e;
 ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_session_cache off; ssl_session_tickets off;
 root %s; default_type "text/plain; charset=utf-8"; types { }
 add_header X-Content-Type-Options nosniff; add_header Cache-Control no-store; etag off; server_tokens off; if_modified_since off;
 server { listen %s ssl default_server reuseport; ssl_reject_handshake on; }
`, filepath.Join(bed.dir, "www"), address)
	for _, host := range bed.hosts {
		fmt.Fprintf(&conf, " server { listen %s ssl; server_name %s; ssl_certificate %s; ssl_certificate_key %s; }\n",
			address, host, filepath.Join(bed.dir, "pem", host+".pem"), filepath.Join(bed.dir, "pem", host+".key"))
	}
	conf.WriteString("}\n")
	bed.put("nginx.conf", conf.String())
	return bed.run("nginx", address, "getrlimit(RLIMIT_NOFILE)", binary, "-p", bed.dir, "-c", filepath.Join(bed.dir, "nginx.conf"), "-g", "user root;")
}

func (bed *serveBed) freePort() string {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		bed.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run starts a server, waits until it has said that it listens, and sees it answer.
func (bed *serveBed) run(name, address, listens, binary string, args ...string) *contestant {
	bed.Helper()
	said := &heard{}
	c := &contestant{bed, name, exec.Command(binary, args...), address}
	c.process.Stdout, c.process.Stderr = said, said
	if err := c.process.Start(); err != nil {
		bed.Fatal(err)
	}
	bed.Cleanup(func() {
		_ = c.process.Process.Signal(syscall.SIGTERM)
		if err := c.process.Wait(); err != nil {
			bed.Errorf("%s: %v\n%s", name, err, said)
		}
	})
	said.until(bed, listens, 1)
	if err := c.fetch(bed.hosts[len(bed.hosts)-1]); err != nil {
		bed.Fatalf("%s does not answer: %v\n%s", name, err, said)
	}
	return c
}

// fetch fetches the policy of host over a new connection.
func (c *contestant) fetch(host string) error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", c.address, &tls.Config{
		ServerName: host, RootCAs: c.roots, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}, NextProtos: []string{"http/1.1"},
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: "+host+"\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"); err != nil {
		return err
	}
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.HasSuffix(got, []byte("\r\n\r\n"+benchPolicy)) {
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return fmt.Errorf("after %q: %w", got, err)
		}
	}
	if !bytes.HasPrefix(got, []byte("HTTP/1.1 200 OK\r\n")) {
		return fmt.Errorf("it answers %q", got)
	}
	return nil
}

// cpu is the CPU time that the server's process has used so far.
func (c *contestant) cpu() time.Duration {
	c.Helper()
	var t sys.Timespec
	if err := sys.ClockGettime(int32(^c.process.Process.Pid<<3|2), &t); err != nil { // clock_getcpuclockid(3)
		c.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// round is what one round cost: CPU time, and time by the clock, per connection.
type round struct{ cpu, wall time.Duration }

// take has the server take n connections, four at a time.
func (c *contestant) take(n int) round {
	c.Helper()
	var next atomic.Int64
	var clients sync.WaitGroup
	begun, used := time.Now(), c.cpu()
	for range 4 {
		clients.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := c.fetch(c.hosts[mrand.IntN(len(c.hosts))]); err != nil {
					c.Errorf("%s: %v", c.name, err)
					return
				}
			}
		})
	}
	clients.Wait()
	return round{(c.cpu() - used) / time.Duration(n), time.Since(begun) / time.Duration(n)}
}

// compare has both servers take rounds in turns and tells their medians.
func (bed *serveBed) compare(ours, theirs *contestant) {
	bed.Helper()
	ours.take(serveConnections / 3) // warm
	theirs.take(serveConnections / 3)
	var us, them []round
	var ratios []float64
	for i := range serveRounds {
		pair := []*contestant{ours, theirs}
		if i%2 == 1 {
			slices.Reverse(pair)
		}
		for _, c := range pair {
			if r := c.take(serveConnections); c == ours {
				us = append(us, r)
			} else {
				them = append(them, r)
			}
		}
		ratios = append(ratios, float64(us[i].cpu)/float64(them[i].cpu))
	}
	micros := func(rs []round, of func(round) time.Duration) float64 {
		all := make([]float64, len(rs))
		for i, r := range rs {
			all[i] = float64(of(r)) / 1000
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	cpu, wall := func(r round) time.Duration { return r.cpu }, func(r round) time.Duration { return r.wall }
	slices.Sort(ratios)
	bed.ReportMetric(0, "ns/op") // the whole run is no operation
	bed.ReportMetric(micros(us, cpu), "µs-CPU-belay")
	bed.ReportMetric(micros(them, cpu), "µs-CPU-nginx")
	bed.ReportMetric(ratios[len(ratios)/2], "ratio")
	bed.ReportMetric(ratios[0], "ratio-least")
	bed.ReportMetric(ratios[len(ratios)-1], "ratio-most")
	bed.ReportMetric(micros(us, wall), "µs-wall-belay")
	bed.ReportMetric(micros(them, wall), "µs-wall-nginx")
}

// resident is how much of the server's memory is in RAM now, and was at most, in MiB.
func (c *contestant) resident() (now, most float64) {
	c.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.process.Process.Pid))
	if err != nil {
		c.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kib / 1024
		case "VmHWM":
			most = kib / 1024
		}
	}
	return now, most
}
