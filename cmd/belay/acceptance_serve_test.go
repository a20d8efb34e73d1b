package main

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// refused is curl's exit status for this address and these arguments, and what it
// said.
func (b *testbed) refused(args ...string) (int, string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "curl", append([]string{"-sS", "--noproxy", "*", "--max-time", "10"}, args...)...)
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestAcceptanceServe leads a rollout all of the way behind belay's own server, with
// the operator's certificate, while clients of every bad kind hang on to it; the
// server is killed in between, and another goes on. BIND, curl and
// postfix-mta-sts-resolver agree after each step.
func TestAcceptanceServe(t *testing.T) {
	b := openTestbed(t)
	b.host, b.addresses = "serve", []string{servedHost}
	b.turn("dns.sh", "addr", "mta-sts", "-") // there was no web server at all
	b.begin("--host-address", servedHost)
	leaf := filepath.Join(b.run, "ca", "web-valid")
	serve := func() *background {
		s := b.start("serve", "--listen", servedHost+":443", "--http", servedHost+":80", "--status", servedHost+":9461",
			"--tls-cert", leaf+".chain", "--tls-key", leaf+".key", "--json")
		b.until("the server serves", func() bool { return strings.Contains(s.errs.String(), `"msg":"serving"`) })
		return s
	}
	server := serve()
	if ready := b.asked("curl", "-sS", "http://"+servedHost+":9461/readyz"); !strings.Contains(ready, "ready") {
		t.Errorf("/readyz: %s", ready)
	}

	// Two hundred that connect and say nothing, and two hundred with half a handshake.
	for i := range 400 {
		conn, err := net.DialTimeout("tcp", servedHost+":443", patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 1 {
			fmt.Fprint(conn, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
		}
	}
	b.wholeWay(func(line, phase string) {
		b.goesOn(phase)
		if line == "mode: testing" { // a power cut, between testing and enforce
			server.kill()
			server = serve()
		}
	})

	// What others meet.
	at := hostName + ":443:" + servedHost
	if exit, said := b.refused("--resolve", "www.corp.test:443:"+servedHost, "https://www.corp.test/.well-known/mta-sts.txt"); exit != 35 || !strings.Contains(said, "unrecognized name") {
		t.Errorf("another name: curl exits %d: %s", exit, said)
	}
	for what, row := range map[string]struct {
		args []string
		want string
	}{
		"the page":                 {[]string{"--resolve", at, "https://" + hostName + "/"}, "in mode enforce"},
		"another Host":             {[]string{"--resolve", at, "-H", "Host: www.corp.test", "-w", "%{http_code}", "https://" + hostName + "/.well-known/mta-sts.txt"}, "421"},
		"no such page":             {[]string{"--resolve", at, "-w", "%{http_code}", "https://" + hostName + "/x"}, "404"},
		"plain HTTP":               {[]string{"-w", "%{http_code} %{redirect_url}.", "http://" + servedHost + "/.well-known/mta-sts.txt"}, "404 ."},
		"plain HTTP at port 443":   {[]string{"-w", "%{http_code}", "http://" + servedHost + ":443/"}, "400"},
		"HTTP/2, which curl wants": {[]string{"--resolve", at, "--http2", "-o", "/dev/null", "-w", "%{http_code} HTTP/%{http_version}", "https://" + hostName + "/.well-known/mta-sts.txt"}, "200 HTTP/1.1"},
		"the metrics":              {[]string{"http://" + servedHost + ":9461/metrics"}, "belay_serve_hosts_without_certificate 0\n"},
	} {
		if exit, said := b.refused(row.args...); exit != 0 || !strings.Contains(said, row.want) {
			t.Errorf("%s: curl exits %d: %s; want %q", what, exit, said, row.want)
		}
	}

	begun := time.Now()
	if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if e := server.end(); e.exit != 0 || time.Since(begun) > 20*time.Second {
		t.Errorf("told to end, after %s: %v", time.Since(begun), e)
	}
}
