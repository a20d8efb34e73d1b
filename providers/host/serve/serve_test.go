package serve

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

func TestAnswersAsAPolicyHost(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody), rollout.ServedHost{Domain: "new.test", Wanted: true}), Limits{}, func(s *Server) {
		s.Handle("POST /tlsrpt", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "taken for ", r.Host) }))
	})
	for _, row := range []struct {
		name, method, sni, url string
		status                 int
		body                   string
		header                 map[string]string
	}{
		{"the policy", "GET", policyHost, "https://mta-sts.corp.test/.well-known/mta-sts.txt", 200, testingBody,
			map[string]string{"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Length": fmt.Sprint(len(testingBody)), "Location": "", "Content-Encoding": ""}},
		{"its head", "HEAD", policyHost, "https://mta-sts.corp.test/.well-known/mta-sts.txt", 200, "", map[string]string{"Content-Type": "text/plain; charset=utf-8", "Content-Length": fmt.Sprint(len(testingBody))}},
		{"with a query", "GET", policyHost, "https://mta-sts.corp.test/.well-known/mta-sts.txt?x=1", 200, testingBody, nil},
		{"with a port", "GET", policyHost, "https://MTA-STS.corp.test:8443/.well-known/mta-sts.txt", 200, testingBody, nil},
		{"nothing published yet", "GET", "mta-sts.new.test", "https://mta-sts.new.test/.well-known/mta-sts.txt", 404, "No policy", nil},
		{"posting to the policy", "POST", policyHost, "https://mta-sts.corp.test/.well-known/mta-sts.txt", 405, "fetched", map[string]string{"Allow": "GET, HEAD"}},
		{"the page", "GET", policyHost, "https://mta-sts.corp.test/", 200, `<a href="/.well-known/mta-sts.txt">https://mta-sts.corp.test/.well-known/mta-sts.txt</a>, in mode testing`, map[string]string{"Content-Type": "text/html; charset=utf-8"}},
		{"something else", "GET", policyHost, "https://mta-sts.corp.test/robots.txt", 404, "nothing here", nil},
		{"a path that is not clean is no redirect", "GET", policyHost, "https://mta-sts.corp.test//.well-known/../.well-known/mta-sts.txt", 404, "nothing here", map[string]string{"Location": ""}},
		{"a folder of the policy is no redirect", "GET", policyHost, "https://mta-sts.corp.test/.well-known/mta-sts.txt/", 404, "nothing here", map[string]string{"Location": ""}},
		{"another host over this one's connection", "GET", policyHost, "https://mta-sts.new.test/.well-known/mta-sts.txt", 421, "another host", nil},
		{"a stranger's name in Host", "GET", policyHost, "https://www.corp.test/.well-known/mta-sts.txt", 421, "another host", nil},
		{"a handler beside", "POST", policyHost, "https://mta-sts.corp.test/tlsrpt", 200, "taken for mta-sts.corp.test", nil},
		{"a handler beside, asked in another way", "GET", policyHost, "https://mta-sts.corp.test/tlsrpt", 405, "another way", map[string]string{"Allow": "POST"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := r.ask(row.method, row.sni, row.url)
			if err != nil {
				t.Fatal(err)
			}
			exact := row.status == 200 && strings.HasPrefix(row.body, "version")
			if got.status != row.status || !strings.Contains(got.body, row.body) || exact && got.body != row.body {
				t.Errorf("%d %q, want %d %q", got.status, got.body, row.status, row.body)
			}
			for name, want := range row.header {
				if got.header.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
				}
			}
		})
	}
}

// Only a policy host of the store gets a handshake, and a refusal is told in the
// words that TLS has for it.
func TestStrangersAreRefusedAtTheirFirstWords(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{})
	for _, name := range []string{"www.corp.test", "mta-sts.other.test", "corp.test", "a.mta-sts.corp.test", ""} {
		_, err := r.dial(name, &tls.Config{InsecureSkipVerify: true})
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%q: %v, want the alert unrecognized_name", name, err)
		}
	}
	if _, err := r.dial(policyHost, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conn, err := r.dial("MTA-STS.corp.test", &tls.Config{MinVersion: version, MaxVersion: version})
		if err != nil {
			t.Fatalf("%s: %v", tls.VersionName(version), err)
		}
		if conn.ConnectionState().DidResume {
			t.Error("a session was resumed")
		}
		conn.Close()
	}
	if got := r.count.strangers.Load(); got != 5 {
		t.Errorf("%d strangers were counted, want 5", got)
	}
}

// A body is live at once, and every answer is one body or the other, whole.
func TestABodyIsLiveSoon(t *testing.T) {
	source := newShelf(published("corp.test", testingBody))
	r := start(t, source, Limits{})
	r.serves(policyHost, testingBody)
	source.put(published("corp.test", enforceBody))
	if took := r.becomes(policyHost, enforceBody); took > 5*time.Second { // well under one on an idle machine
		t.Errorf("it took %s", took)
	}
	source.put(rollout.ServedHost{Domain: "new.test", Wanted: true})
	if hosts := <-r.ca.managed; len(hosts) != 2 {
		t.Errorf("managed are %v", hosts)
	}
	source.put(published("new.test", testingBody))
	r.becomes("mta-sts.new.test", testingBody)
	source.put(rollout.ServedHost{Domain: "new.test"})
	if hosts := <-r.ca.managed; len(hosts) != 1 {
		t.Errorf("after it was taken away, managed are %v", hosts)
	}
	if _, err := r.policy("mta-sts.new.test"); err == nil {
		t.Error("a host that is none any more still answers")
	}
}

func TestTheLastGoodPoliciesAreServedOn(t *testing.T) {
	source := newShelf(published("corp.test", testingBody), published("b.test", testingBody))
	r := start(t, source, Limits{})
	source.fail(errors.New("the store is locked\x1b[2J"))
	<-source.reads
	<-source.reads
	r.serves(policyHost, testingBody)
	if got := r.told("/healthz"); got.status != 200 || !strings.Contains(got.body, "the store is locked") || strings.Contains(got.body, "\x1b") {
		t.Errorf("/healthz says %+v", got)
	}
	if got := r.told("/metrics").body; !strings.Contains(got, "belay_serve_store_readable 0\n") {
		t.Errorf("/metrics says\n%s", got)
	}
	if n := strings.Count(r.log.String(), "the store cannot be read"); n != 1 {
		t.Errorf("it was logged %d times:\n%s", n, r.log)
	}

	source.lose() // an empty store stands there now
	source.put(published("b.test", enforceBody))
	source.fail(nil)
	r.becomes("mta-sts.b.test", enforceBody)
	r.serves(policyHost, testingBody)
	if got := r.told("/metrics").body; !strings.Contains(got, "belay_serve_store_readable 1\n") || !strings.Contains(got, "belay_serve_hosts_orphaned 1\n") {
		t.Errorf("/metrics says\n%s", got)
	}
	source.put(rollout.ServedHost{Domain: "corp.test"}) // now the store says so
	for <-r.ca.managed; r.Server.sites.Load().at(policyHost) != nil; {
		t.Error("it is still served")
	}
}

func TestReadyIsWhenEveryHostHasACertificate(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{})
	if got := r.told("/readyz"); got.status != 200 {
		t.Errorf("%+v", got)
	}
	r.ca.mu.Lock()
	delete(r.ca.shown, policyHost)
	r.ca.mu.Unlock()
	if got := r.told("/readyz"); got.status != 503 || !strings.Contains(got.body, "no certificate for mta-sts.corp.test: no certificate yet") {
		t.Errorf("%+v", got)
	}
	if _, err := r.policy(policyHost); err == nil {
		t.Error("without a certificate there was a handshake")
	}
	if got := r.told("/metrics").body; !strings.Contains(got, "belay_serve_hosts_without_certificate 1\n") || !strings.Contains(got, `belay_serve_handshakes_refused_total{why="no_certificate"}`) {
		t.Errorf("/metrics says\n%s", got)
	}
}

func TestPlainHTTPIsForTheCAAlone(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{})
	for path, want := range map[string]answer{
		"/.well-known/acme-challenge/token": {status: 200, body: "token.thumb"},
		"/.well-known/acme-challenge/other": {status: 404, body: "No CA"},
		"/.well-known/mta-sts.txt":          {status: 404, body: "HTTPS alone"},
		"/":                                 {status: 404, body: "HTTPS alone"},
	} {
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		got, err := ended(client.Get("http://" + r.http + path))
		if err != nil || got.status != want.status || !strings.Contains(got.body, want.body) || strings.Contains(got.body, "STSv1") {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
	// Plain HTTP at the TLS port is told so.
	conn, err := net.DialTimeout("tcp", r.https, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.corp.test\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("plain HTTP at the TLS port: %+v, %v", resp, err)
	}
}

// What is being answered when the server is told to end, is answered; what comes
// then is not taken.
func TestEndsWhenTheAnswersAreOut(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{Finish: patience}, func(s *Server) {
		s.Handle("GET /slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-leave
			io.WriteString(w, "whole")
		}))
	})
	got := make(chan answer, 1)
	go func() {
		a, err := r.ask("GET", policyHost, "https://mta-sts.corp.test/slow")
		if err != nil {
			a.body = err.Error()
		}
		got <- a
	}()
	<-entered
	r.stop()
	for begun := time.Now(); ; {
		conn, err := net.Dial("tcp", r.https)
		if err != nil {
			break
		}
		conn.Close()
		if time.Since(begun) > patience {
			t.Fatal("it goes on listening")
		}
	}
	close(leave)
	if a := <-got; a.status != 200 || a.body != "whole" {
		t.Errorf("the answer under way became %+v", a)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

func TestRunFailsWhereTheStoreCannotBeReadAtAll(t *testing.T) {
	source := newShelf()
	source.fail(errors.New("no store"))
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Source: source, Certificates: newAuthority(t)})
	if err := s.Run(t.Context(), Sockets{HTTPS: []net.Listener{l}}, nil); err == nil || !strings.Contains(err.Error(), "no store") {
		t.Errorf("%v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("its socket is left open: %v", err)
	}
}
