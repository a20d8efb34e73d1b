package lab_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/world"
)

func TestALabThatCannotBeBuiltSaysWhy(t *testing.T) {
	for why, o := range map[string]lab.Options{
		"10 MX hosts":        {MX: 10},
		"must be below test": {Domain: "corp.example"},
		"named twice":        {Extra: []string{"other.test", "other.test"}},
		"no such file":       {Dir: filepath.Join(t.TempDir(), "none")},
	} {
		l, err := lab.New(o)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%+v: %v; want %q in it", o, err, why)
		}
	}
}

func TestTheNetworkLeadsNowhereElse(t *testing.T) {
	l := build(t, lab.Options{})
	for _, ip := range []string{"127.0.0.1", "8.8.8.8", "::1", "2001:4860:4860::8888"} {
		_, err := l.World().Network.Dial(soon(t), "tcp", at(ip, 25))
		if !errors.Is(err, lab.ErrOutside) || !world.NoRoute(err) {
			t.Errorf("dial %s: %v; want ErrOutside and no route", ip, err)
		}
	}
}

func TestMailHostShowsAValidCertificateOnBothFamilies(t *testing.T) {
	l := build(t, lab.Options{})
	for _, ip := range []string{"192.0.2.11", "2001:db8::11"} {
		c, err := mailTo(t, l, ip, "mx1.corp.test")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.StartTLS(clientTLS(l, "mx1.corp.test")); err != nil {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

func TestMailHostTakesAMessage(t *testing.T) {
	l := build(t, lab.Options{})
	c, err := mailTo(t, l, "192.0.2.12", "mx2.corp.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{c.Mail("me@tester.test"), c.Rcpt("tlsrpt@corp.test")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Rcpt("me@elsewhere.example"); err == nil {
		t.Error("the MX host relays")
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "Subject: hello\r\n\r\n..dots\r\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := l.Deliveries()["mx2.corp.test"]; got != 1 {
		t.Errorf("mx2 counts %d deliveries, want 1", got)
	}
	files, err := filepath.Glob(filepath.Join(l.Inbox(), "new", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("Maildir has %v, %v; want one message", files, err)
	}
	if text, _ := os.ReadFile(files[0]); string(text) != "Subject: hello\n\n..dots\n" {
		t.Errorf("kept %q", text)
	}
}

func TestFaultsOfAMailHostAreSeen(t *testing.T) {
	for _, row := range []struct {
		id   string
		seen func(error) bool
	}{
		{"mx1.expired", func(err error) bool {
			var e x509.CertificateInvalidError
			return errors.As(err, &e) && e.Reason == x509.Expired
		}},
		{"mx1.wrong-name", func(err error) bool { return errors.As(err, new(x509.HostnameError)) }},
		{"mx1.self-signed", func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }},
		{"mx1.missing-intermediate", func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }},
		{"mx1.no-starttls", func(err error) bool { return err != nil && strings.Contains(err.Error(), "502") }},
	} {
		t.Run(row.id, func(t *testing.T) {
			l := build(t, lab.Options{})
			for _, on := range []bool{true, false} {
				set(t, l, row.id, on)
				c, err := mailTo(t, l, "192.0.2.11", "mx1.corp.test")
				if err != nil {
					t.Fatal(err)
				}
				err = c.StartTLS(clientTLS(l, "mx1.corp.test"))
				if on && !row.seen(err) {
					t.Errorf("on: STARTTLS gives %v", err)
				}
				if !on && err != nil {
					t.Errorf("off: STARTTLS gives %v", err)
				}
			}
		})
	}
}

func TestConnectionsFailAsTheFaultSays(t *testing.T) {
	l := build(t, lab.Options{})
	within := func(patience time.Duration, ip string, port uint16) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c, err := l.World().Network.Dial(ctx, "tcp", at(ip, port))
		if err == nil {
			c.Close()
		}
		return err
	}
	timeout := func(err error) bool {
		var e net.Error
		return errors.As(err, &e) && e.Timeout()
	}
	refused := func(err error) bool { return err != nil && !timeout(err) && !world.NoRoute(err) }
	good := func(err error) bool { return err == nil }
	// dial waits longer where it should not have to.
	dial := func(ip string, port uint16, as func(error) bool) error {
		err := within(50*time.Millisecond, ip, port)
		if timeout(err) && !as(err) {
			err = within(5*time.Second, ip, port)
		}
		return err
	}
	for _, row := range []struct {
		id     string
		v4, v6 func(error) bool
		port   uint16
		n      string
	}{
		{"mx1.unreachable", timeout, timeout, 25, "11"},
		{"mx1.refused", refused, refused, 25, "11"},
		{"mx1.no-ipv6", good, refused, 25, "11"},
		{"policy.unreachable", timeout, timeout, 443, "20"},
		{"policy.ipv4-unreachable", timeout, good, 443, "20"},
		{"policy.ipv6-unreachable", good, timeout, 443, "20"},
		{"network.no-ipv6", good, world.NoRoute, 25, "11"},
		{"network.no-port-25", timeout, timeout, 25, "99"},
		{"ns2.dead", timeout, timeout, 53, "3"},
	} {
		set(t, l, row.id, true)
		if err := dial("192.0.2."+row.n, row.port, row.v4); !row.v4(err) {
			t.Errorf("%s: IPv4 gives %v", row.id, err)
		}
		if err := dial("2001:db8::"+row.n, row.port, row.v6); !row.v6(err) {
			t.Errorf("%s: IPv6 gives %v", row.id, err)
		}
		set(t, l, row.id, false)
		if err := dial("2001:db8::"+row.n, row.port, good); err != nil {
			t.Errorf("%s switched off: %v", row.id, err)
		}
	}
	if err := l.Set("mx7.expired", true); err == nil {
		t.Error("a fault of a host that is not there was switched")
	}
}

func TestPolicyHostServesTheWebRoot(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	if resp, _, err := fetch(t, l, "192.0.2.20"); err != nil || resp.StatusCode != 404 {
		t.Fatalf("before anything is published: %v, %v", resp, err)
	}
	writePolicy(t, l, "version: STSv1\r\n")
	for _, ip := range []string{"192.0.2.20", "2001:db8::20"} {
		resp, body, err := fetch(t, l, ip)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 200 || body != "version: STSv1\r\n" || resp.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %d %q %q", ip, resp.StatusCode, resp.Header, body)
		}
		if got, _ := http.ParseTime(resp.Header.Get("Date")); !got.Equal(l.Now()) {
			t.Errorf("%s: Date is %s, the lab has %s", ip, got, l.Now())
		}
	}
}

func TestFaultsOfThePolicyHostAreSeen(t *testing.T) {
	l := build(t, lab.Options{})
	writePolicy(t, l, "version: STSv1\r\n")
	l.SetSlowness(30 * time.Millisecond)
	for id, seen := range map[string]func(*http.Response, error, time.Duration) bool{
		"policy.404":      func(r *http.Response, err error, _ time.Duration) bool { return err == nil && r.StatusCode == 404 },
		"policy.redirect": func(r *http.Response, err error, _ time.Duration) bool { return err == nil && r.StatusCode == 302 },
		"policy.type": func(r *http.Response, err error, _ time.Duration) bool {
			return err == nil && r.Header.Get("Content-Type") == "text/html"
		},
		"policy.slow": func(_ *http.Response, err error, took time.Duration) bool {
			return err == nil && took >= 30*time.Millisecond
		},
		"policy.expired": func(_ *http.Response, err error, _ time.Duration) bool {
			return errors.As(err, new(x509.CertificateInvalidError))
		},
		"policy.wrong-name": func(_ *http.Response, err error, _ time.Duration) bool {
			return errors.As(err, new(x509.HostnameError))
		},
	} {
		set(t, l, id, true)
		watch := world.Start()
		resp, _, err := fetch(t, l, "192.0.2.20")
		if !seen(resp, err, watch.Elapsed()) {
			t.Errorf("%s: %v, %v after %s", id, resp, err, watch.Elapsed())
		}
		set(t, l, id, false)
	}
	if resp, _, err := fetch(t, l, "192.0.2.20"); err != nil || resp.StatusCode != 200 {
		t.Errorf("all faults off: %v, %v", resp, err)
	}
}

func TestCertificatesAreRenewedAsTheClockIsWound(t *testing.T) {
	leaf := func(l *lab.Lab) *x509.Certificate {
		c, err := mailTo(t, l, "192.0.2.11", "mx1.corp.test")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
			t.Fatal(err)
		}
		state, _ := c.TLSConnectionState()
		return state.PeerCertificates[0]
	}
	l := build(t, lab.Options{Still: true})
	first := leaf(l)
	for range 49 {
		if err := l.Wind(24 * time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if got := leaf(l); !got.Equal(first) {
		t.Error("renewed before two thirds of its life were over")
	}
	if err := l.Wind(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	second := leaf(l)
	if !second.NotBefore.After(first.NotBefore) || !second.NotAfter.After(l.Now().Add(80*24*time.Hour)) {
		t.Errorf("after two thirds of its life: %s to %s", second.NotBefore, second.NotAfter)
	}
	set(t, l, "mx1.no-renewal", true)
	if err := l.Wind(100 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := leaf(l); !got.Equal(second) || !got.NotAfter.Before(l.Now()) {
		t.Error("renewed though renewal is off")
	}
}

func TestLatencyCostsOneRoundTripEach(t *testing.T) {
	const trip = 500 * time.Millisecond // against which a busy machine's delays are small
	l := build(t, lab.Options{Latency: trip})
	watch := world.Start()
	conn, err := l.World().Network.Dial(soon(t), "tcp", at("192.0.2.11", 25)) // 1
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	if _, err := in.ReadString('\n'); err != nil { // 2
		t.Fatal(err)
	}
	io.WriteString(conn, "NOOP\r\nNOOP\r\n")
	for range 2 { // 3: both answers come together
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if took := watch.Elapsed(); took < 3*trip || took >= 4*trip {
		t.Errorf("three round trips of %s took %s", trip, took)
	}
	conn.SetReadDeadline(world.Deadline(20 * time.Millisecond))
	if _, err := in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read past the deadline: %v", err)
	}
}

func TestSweepLeavesTheLivingAlone(t *testing.T) {
	dir := t.TempDir()
	living, err := lab.New(lab.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(dir, "belay-lab-killed")
	if err := os.MkdirAll(filepath.Join(dead, "inbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dead+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	removed, err := lab.Sweep(dir)
	if err != nil || len(removed) != 1 || removed[0] != dead {
		t.Errorf("swept %v, %v; want %s alone", removed, err, dead)
	}
	if _, err := os.Stat(living.WebRoot()); err != nil {
		t.Errorf("the living lab's folder: %v", err)
	}
	if err := living.Close(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		l, err := lab.New(lab.Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
