//go:build unix

package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// manager is systemd as far as a service sees it: sockets that stay open while the
// service is restarted, and an ear.
type manager struct {
	*testing.T
	sockets []*os.File
	https   string
	ear     *net.UnixConn
	at      string
	told    *heard // what the ear heard
	said    *spoken
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{T: t, told: new(heard), said: newSpoken()}
	for i := range 2 {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		if i == 1 {
			m.https = l.Addr().String()
		}
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		m.sockets = append(m.sockets, f)
	}
	dir, err := os.MkdirTemp("", "belay") // a socket's name must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m.at = filepath.Join(dir, "notify")
	if m.ear, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.at, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.ear.Close() })
	return m
}

// starts starts belay serve with the plain socket first and the HTTPS one second.
func (m *manager) starts(state string, flags ...string) *exec.Cmd {
	m.Helper()
	args := append([]string{"-c", `LISTEN_PID=$$ WATCHDOG_PID=$$ exec belay "$@"`, "sh", "--state", state, "serve", "--status", "none"}, flags...)
	c := exec.Command("sh", args...)
	c.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=http:https", "NOTIFY_SOCKET="+m.at, "WATCHDOG_USEC=400000")
	c.ExtraFiles = m.sockets
	c.Stdout, c.Stderr = m.said, m.said
	if err := c.Start(); err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { _ = c.Process.Kill() })
	return c
}

// listens hears all that is told until the test is over: the ear keeps no more than a
// few words by itself.
func (m *manager) listens() {
	deaf := make(chan struct{})
	go func() {
		defer close(deaf)
		buf := make([]byte, 4096)
		for {
			n, err := m.ear.Read(buf)
			if err != nil {
				return
			}
			m.told.Write(buf[:n])
		}
	}()
	m.Cleanup(func() { m.ear.Close(); <-deaf })
}

// hears waits until the service has told this n times.
func (m *manager) hears(want string, n int) {
	m.Helper()
	m.told.until(m, want+"\n", n)
}

// deafens fills the ear up, so that it takes nothing more.
func (m *manager) deafens() {
	m.Helper()
	mouth, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.at, Net: "unixgram"})
	if err != nil {
		m.Fatal(err)
	}
	defer mouth.Close()
	for err == nil {
		if err = mouth.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err == nil {
			_, err = mouth.Write([]byte("X=1\n"))
		}
	}
}

// ends waits until the service has ended, and says how.
func (m *manager) ends(service *exec.Cmd) error {
	m.Helper()
	late := time.AfterFunc(patience, func() { _ = service.Process.Kill() })
	defer late.Stop()
	return service.Wait()
}

// The service manager's sockets are taken, it is told what becomes of the service,
// and whoever connects while the service is restarted waits and is answered.
func TestServeUnderAServiceManager(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	b.published(b.serve(host))
	cert, key := b.certificateFiles(host)
	m := newManager(t)
	m.listens()
	client := &server{t: t, https: m.https, said: m.said}

	first := m.starts(b.state, "--tls-cert", cert, "--tls-key", key)
	m.hears("READY=1", 1)
	client.becomes(host, "mode: testing")
	m.hears("WATCHDOG=1", 1)

	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.hears("STOPPING=1", 1)
	if err := m.ends(first); err != nil {
		t.Fatalf("it ended with %v\n%s", err, m.said)
	}
	answered := make(chan error, 1)
	go func() { // nobody serves now; the socket is the manager's
		body, err := client.fetch(host, b.World().Network.Roots)
		if err == nil && !strings.Contains(body, "mode: testing") {
			err = errors.New(body)
		}
		answered <- err
	}()
	second := m.starts(b.state, "--tls-cert", cert, "--tls-key", key)
	m.hears("READY=1", 2)
	if err := <-answered; err != nil {
		t.Errorf("who came in between: %v\n%s", err, m.said)
	}
	if err := second.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	client.becomes(host, "mode: testing")
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := m.ends(second); err != nil {
		t.Errorf("after SIGHUP and SIGTERM: %v\n%s", err, m.said)
	}
}

// A service manager that hears nothing holds nothing up: the server serves, and ends
// when it is told to.
func TestServeUnderADeafServiceManager(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	b.published(b.serve(host))
	cert, key := b.certificateFiles(host)
	m := newManager(t)
	m.deafens()
	client := &server{t: t, https: m.https, said: m.said}
	service := m.starts(b.state, "--tls-cert", cert, "--tls-key", key)
	client.becomes(host, "mode: testing")
	if err := service.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := m.ends(service); err != nil || !strings.Contains(m.said.String(), "systemd could not be told") {
		t.Errorf("it ended with %v\n%s", err, m.said)
	}
}

// Two servers listen at one address where both were told to share it, so that the
// next one runs before the last one ends; otherwise the second says who is there.
func TestServeSharesAPort(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	cert, key := b.certificateFiles(host)
	first := b.serveWith("--tls-cert", cert, "--tls-key", key, "--reuse-port")
	b.published(first)
	r := b.must(exitCannot, "serve", "--listen", first.https, "--http", "none", "--status", "none", "--tls-cert", cert, "--tls-key", key)
	if !strings.Contains(r.err, "another program has this port") || !strings.Contains(r.err, first.https) {
		t.Errorf("without --reuse-port: %s", r.err)
	}
	second := b.serveWith("--tls-cert", cert, "--tls-key", key, "--reuse-port", "--listen", first.https)
	if !strings.HasSuffix(second.https, ", "+first.https) {
		t.Fatalf("the second listens at %s", second.https)
	}
	second.https = first.https
	first.stop()
	for range 20 {
		second.becomes(host, "mode: testing")
	}
	b.to(rollout.Enforce)
}

// SIGHUP has the certificate files read at once.
func TestServeReadsAnewWhenTold(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	cert, key := b.certificateFiles(host)
	s := b.serveWith("--tls-cert", cert, "--tls-key", key)
	b.published(s)
	renewed, err := b.Issue(host)
	if err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, renewed, cert, key)
	s.interrupts <- syscall.SIGHUP
	s.said.until(t, "certificate read anew")
	s.becomes(host, "mode: testing")
}

func TestListenErrorsSayWhatToDo(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{os.NewSyscallError("bind", syscall.EACCES), "CAP_NET_BIND_SERVICE"},
		{os.NewSyscallError("bind", syscall.EADDRINUSE), "another program has this port"},
		{os.NewSyscallError("bind", syscall.EADDRNOTAVAIL), "listen at :443 (--listen)"},
		{&net.AddrError{Err: "missing port in address", Addr: "443"}, "no address to listen at"},
	} {
		got := listenError("--listen", ":443", &net.OpError{Op: "listen", Net: "tcp", Err: row.err})
		if !strings.Contains(got.Error(), row.want) || !errors.Is(got, row.err) {
			t.Errorf("%v: %v", row.err, got)
		}
	}
}

// Flags that cannot be meant are told before anything is opened.
func TestServeRefusesWhatCannotBeMeant(t *testing.T) {
	b := newBox(t, lab.Options{})
	cert, key := b.certificateFiles("mta-sts.corp.test")
	for want, flags := range map[string][]string{
		"go together":             {"--tls-cert", cert},
		"leaves nothing to serve": {"--listen", "none", "--http", "none", "--status", "none", "--tls-cert", cert, "--tls-key", key},
		"no address":              {"--listen", "443", "--http", "none", "--status", "none", "--tls-cert", cert, "--tls-key", key},
		"no such file":            {"--tls-cert", cert + ".not", "--tls-key", key},
	} {
		if r := b.must(exitCannot, append([]string{"serve"}, flags...)...); !strings.Contains(r.err, want) {
			t.Errorf("%v: %s", flags, r.err)
		}
	}
}
