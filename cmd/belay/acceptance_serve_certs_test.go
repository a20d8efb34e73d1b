package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Where belay itself serves the policy, in two instances, and where the CA is.
const (
	servedHost  = "127.0.1.6"
	servedHost2 = "127.0.1.7"
	acmeCA      = "https://127.0.0.5:14000/dir"
	acmeManage  = "https://127.0.0.5:15000"
	challengeAt = "_acme-challenge." + hostName
)

// certificateSaid is what status --json tells of a certificate.
type certificateSaid struct {
	Certificate struct {
		Host, Serial, Replaced, Issuer string
		Shown                          time.Time
		Trouble                        *struct{ Kind, Said, Mend string }
	}
}

func (b *testbed) certificate() certificateSaid {
	b.Helper()
	return said[certificateSaid](b, b.does(0, "status", domain, "--json"))
}

// serving starts belay serve at address, with certificates from pebble kept in dir.
func (b *testbed) servingAt(address, dir string, more ...string) *background {
	b.Helper()
	args := []string{"serve", "--listen", address + ":443", "--http", address + ":80", "--status", address + ":9461",
		"--acme-ca", acmeCA, "--acme-email", "admin@corp.test", "--certificates", dir}
	return b.start(append(args, more...)...)
}

// stops ends a server as systemd does; it must end well.
func (r *background) stops() {
	r.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.Fatal(err)
	}
	if e := r.end(); e.exit != 0 {
		r.Fatalf("a server that is told to end: %v", e)
	}
}

// obtains waits until a server that was started without certificates, or told that one
// is wanted back, has obtained its nth, and returns what address shows then.
func (b *testbed) obtains(address string, server *background, n int) *x509.Certificate {
	b.Helper()
	server.errs.until(b, `msg="certificate obtained"`, n)
	return b.shows(address, server)
}

// shows is the trusted certificate for the policy host that a server shows at address
// once it serves. The server is asked, and nobody else.
func (b *testbed) shows(address string, server *background) *x509.Certificate {
	b.Helper()
	server.errs.until(b, "msg=serving ", 1)
	roots := x509.NewCertPool()
	bundle, err := os.ReadFile(filepath.Join(b.run, "ca", "bundle.pem"))
	if err != nil || !roots.AppendCertsFromPEM(bundle) {
		b.Fatalf("read the testbed's roots: %v", err)
	}
	conn, err := tls.Dial("tcp", address+":443", &tls.Config{ServerName: hostName, RootCAs: roots})
	if err != nil {
		b.Fatalf("%s shows no certificate: %v; the server says:\n%s", address, err, server.errs.String())
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func serial(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber) }

// orders counts the orders that pebble took, by its own log.
func (b *testbed) orders() int {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(b.run, "pebble", "pebble.log"))
	if err != nil {
		b.Fatal(err)
	}
	return strings.Count(string(text), "POST /order-plz")
}

// wantsRenewed has the CA say that it wants this certificate renewed at once, as it
// does before it revokes one (RFC 9773).
func (b *testbed) wantsRenewed(leaf *x509.Certificate) {
	b.Helper()
	window, _ := json.Marshal(map[string]any{"suggestedWindow": map[string]string{
		"start": time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339), "end": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}})
	body, _ := json.Marshal(map[string]string{
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})), "ariResponse": string(window)})
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Post(acmeManage+"/set-renewal-info/", "application/json", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("pebble takes no renewal info: %s", resp.Status)
	}
}

// TestAcceptanceServeCertificates serves the policy by belay serve, with certificates
// from pebble: by DNS through BIND before the host has an address, over TLS and over
// HTTP; renewed when the CA asks for it, kept over a restart, shared by a second
// instance.
func TestAcceptanceServeCertificates(t *testing.T) {
	b := openTestbed(t)
	b.host, b.addresses = "serve", []string{servedHost}
	b.begin("--host-address", servedHost)
	dir := t.TempDir()

	// By DNS, before mta-sts points here. Nobody has consented to that at first; and
	// while it points elsewhere nothing else works.
	rehearsal := []string{"serve", "--rehearse", "--acme-staging", acmeCA, "--listen", servedHost + ":443", "--http", servedHost + ":80", "--certificates", filepath.Join(dir, "dns")}
	if e := b.does(1, append(rehearsal, "--challenge", "dns")...); !strings.Contains(e.out, "belay set "+domain+" --challenge dns") {
		t.Errorf("a write without consent is not refused in words: %v", e)
	}
	before := b.serial()
	if e := b.does(1, append(rehearsal, "--challenge", "tls-alpn")...); !strings.Contains(e.out, "fail  "+hostName+"  unauthorized: ") && !strings.Contains(e.out, "fail  "+hostName+"  connection: ") && !strings.Contains(e.out, "fail  "+hostName+"  tls: ") {
		t.Errorf("the CA's words about a host that is elsewhere are not told: %v", e)
	}
	if now := b.serial(); now != before {
		t.Errorf("a rehearsal without DNS changed the zone")
	}
	b.turn("dns.sh", "addr", "mta-sts", "-") // now it has no address at all
	b.does(0, "set", domain, "--challenge", "dns")
	if e := b.does(0, rehearsal...); !strings.Contains(e.out, "ok    "+hostName) {
		t.Errorf("the rehearsal: %v", e)
	}
	b.turn("dns.sh", "flush") // the CA's resolver keeps the rehearsal's proof for a TTL
	server := b.servingAt(servedHost, filepath.Join(dir, "dns"))
	byDNS := b.obtains(servedHost, server, 1)
	for _, ns := range []string{ns1, ns2} {
		b.until("the proof is gone from "+ns, func() bool { return b.dig(ns, challengeAt, "TXT") == "" })
	}

	// The rollout goes on behind it, and senders agree.
	for _, phase := range []string{"publish-dns", "host-policy", "review-reports"} {
		b.goesOn(phase)
	}
	b.stands("review-reports")
	server.stops()

	// Over TLS and over HTTP, now that the host points here.
	b.does(0, "set", domain, "--challenge=")
	for _, way := range []string{"tls-alpn", "http"} {
		before, asked := b.serial(), b.orders()
		server = b.servingAt(servedHost, filepath.Join(dir, way), "--challenge", way)
		leaf := b.obtains(servedHost, server, 1)
		if serial(leaf) == serial(byDNS) || b.orders() != asked+1 || b.serial() != before {
			t.Errorf("by %s: %d orders, the zone changed from %d to %d", way, b.orders()-asked, before, b.serial())
		}
		if way == "tls-alpn" {
			server.stops()
		}
	}

	// The CA asks for it back: it is renewed, and seen so from outside.
	first := b.shows(servedHost, server)
	b.wantsRenewed(first)
	if err := server.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	second := b.obtains(servedHost, server, 2)
	b.until("status tells that the renewal was seen from outside", func() bool {
		c := b.certificate().Certificate
		return c.Serial == serial(second) && c.Replaced == serial(first) && !c.Shown.IsZero() && c.Trouble == nil
	})
	if e := b.does(0, "status", domain); !strings.Contains(e.out, "seen from outside at "+servedHost) {
		t.Errorf("status for people: %v", e)
	}
	b.stands("review-reports")

	// A restart keeps it, and a second instance on the same storage orders nothing.
	server.stops()
	asked := b.orders()
	server = b.servingAt(servedHost, filepath.Join(dir, "http"))
	other := b.servingAt(servedHost2, filepath.Join(dir, "http"))
	for address, instance := range map[string]*background{servedHost: server, servedHost2: other} {
		if leaf := b.shows(address, instance); serial(leaf) != serial(second) {
			t.Errorf("%s shows %s after a restart, not %s", address, serial(leaf), serial(second))
		}
	}
	if n := b.orders(); n != asked {
		t.Errorf("%d orders though the certificate is there", n-asked)
	}
	b.addresses = []string{servedHost, servedHost2}
	b.goesOn("enforce")
	b.goesOn("raise-max-age")
	b.stands("raise-max-age")
	other.stops()
	server.stops()
}
