package receiver

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/inbox"
	"belay/rollout"
	"belay/rollout/world"
)

const aReport = `{"organization-name":"Sender","date-range":{"start-datetime":"2026-06-14T00:00:00Z","end-datetime":"2026-06-14T23:59:59Z"},"contact-info":"tls@sender.test","report-id":"1",
"policies":[{"policy":{"policy-type":"sts","policy-domain":"corp.test"},"summary":{"total-successful-session-count":10,"total-failure-session-count":1}}]}`

// counted is a store that counts what it takes, and knows a report again.
type counted struct {
	rollout.Reports
	mu    sync.Mutex
	known map[string]bool
}

func (c *counted) AddReports(_ context.Context, rs []rollout.ReceivedReport) (taken []rollout.Taken, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		if c.known[r.Report.ReportID] {
			taken = append(taken, rollout.TakenDuplicate)
			continue
		}
		c.known[r.Report.ReportID] = true
		taken = append(taken, rollout.TakenNew)
	}
	return taken, nil
}

// hasty is a receiver with little patience, over TLS, and how to connect to it.
func hasty(t *testing.T, l Limits) (kept *counted, connect func() *tls.Conn) {
	t.Helper()
	_, kept, connect = serving(t, l, patience{small: time.Second, large: time.Second})
	return kept, connect
}

// serving is a receiver over TLS.
func serving(t *testing.T, l Limits, p patience) (rc *Receiver, kept *counted, connect func() *tls.Conn) {
	t.Helper()
	kept = &counted{known: map[string]bool{}}
	rc = New(Options{Limits: l, Importer: func(context.Context) (*inbox.Importer, error) {
		return &inbox.Importer{Store: kept, Owner: inbox.Owners(map[string][]string{"corp.test": nil}), Clock: world.SystemClock()}, nil
	}})
	rc.patience = p
	server := httptest.NewUnstartedServer(rc)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return rc, kept, func() *tls.Conn {
		t.Helper()
		pool := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "example.com"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// answered reads one answer off the wire; 0 where the connection just ends.
func answered(t *testing.T, conn *tls.Conn) *http.Response {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return answer
}

func head(kind, more string) string {
	return "POST " + Path + " HTTP/1.1\r\nHost: mta-sts.corp.test\r\nContent-Type: application/tlsrpt+" + kind + "\r\n" + more + "\r\n"
}

// TestWhatComesByTheWire: whoever is slow, stops in the middle or sends too much is
// answered in time, and what he sent is not taken; others are.
func TestWhatComesByTheWire(t *testing.T) {
	whole := fmt.Sprintf("Content-Length: %d\r\n", len(aReport))
	chunk := strings.Repeat("x", 64<<10)
	for _, row := range []struct {
		name  string
		sent  string
		ends  bool // the client says no more, rather than nothing
		want  int
		close bool
		waits bool // the client is slow, or the machine, and is waited for
	}{
		{"a whole report", head("json", whole) + aReport, false, 201, false, true},
		{"a body that never comes", head("json", whole), false, 400, false, false},
		{"a body that stops", head("json", whole) + aReport[:100], false, 400, false, false},
		{"a body that is cut off", head("json", whole) + aReport[:100], true, 400, false, false},
		{"a large body that stops", head("json", "Content-Length: 1000000\r\n") + strings.Repeat(" ", smallBody+1), false, 400, false, false},
		{"chunks that stop", head("json", "Transfer-Encoding: chunked\r\n") + "400\r\n" + aReport[:100], false, 400, false, false},
		{"chunks that are none", head("json", "Transfer-Encoding: chunked\r\n") + "zz\r\n" + aReport, false, 400, false, false},
		{"announced as too large", head("json", "Content-Length: 2000000\r\n"), false, 413, true, true},
		{"too large, unannounced", head("json", "Transfer-Encoding: chunked\r\n") + strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", len(chunk), chunk), 17), false, 413, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			most := patience{small: 2 * time.Second, large: 2 * time.Second}
			if row.waits {
				most = patience{small: time.Minute, large: time.Minute}
			}
			_, kept, connect := serving(t, Limits{Bytes: 1 << 20}, most)
			conn := connect()
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(conn, row.sent)
				if row.ends {
					err = conn.CloseWrite()
				}
				sent <- err
			}()
			answer := answered(t, conn)
			if answer.StatusCode != row.want || row.close && !answer.Close {
				t.Errorf("it answers %s, and closes the connection: %t", answer.Status, answer.Close)
			}
			conn.Close()
			<-sent
			if len(kept.known) != map[bool]int{true: 1}[row.want == 201] {
				t.Errorf("%d reports were kept", len(kept.known))
			}
			if row.want == 201 {
				return
			}
			other := connect()
			if _, err := io.WriteString(other, head("json", whole)+aReport); err != nil {
				t.Fatal(err)
			}
			if answer := answered(t, other); answer.StatusCode != 201 {
				t.Errorf("whoever comes next is answered %s", answer.Status)
			}
		})
	}
}

// TestSlowClientsGiveTheirPlacesBack: more slow posts than there are places, of one
// client, and then an honest one of the same.
func TestSlowClientsGiveTheirPlacesBack(t *testing.T) {
	kept, connect := hasty(t, Limits{})
	var slow []*tls.Conn
	for range 2 * ofOne {
		conn := connect()
		if _, err := io.WriteString(conn, head("json", "Content-Length: 100\r\n")+"{"); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	conn := connect()
	if _, err := io.WriteString(conn, head("json", fmt.Sprintf("Content-Length: %d\r\n", len(aReport)))+aReport); err != nil {
		t.Fatal(err)
	}
	if answer := answered(t, conn); answer.StatusCode != 201 || !kept.known["1"] {
		t.Errorf("answered %s", answer.Status)
	}
	for _, conn := range slow {
		if answer := answered(t, conn); answer.StatusCode != 400 {
			t.Errorf("a slow one is answered %s", answer.Status)
		}
	}
}

// TestASlowSenderKeepsNoOtherOut: large bodies that stop on their way, and then a large
// report that comes whole.
func TestASlowSenderKeepsNoOtherOut(t *testing.T) {
	rc, kept, connect := serving(t, Limits{Bytes: 1 << 20}, patience{small: time.Minute, large: time.Minute})
	for range 3 {
		if _, err := io.WriteString(connect(), head("json", "Content-Length: 1000000\r\n")+strings.Repeat(" ", smallBody+1)); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(time.Minute); len(rc.collecting) < 3; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the large bodies are not collected")
		}
	}
	large := aReport + strings.Repeat(" ", 2*smallBody)
	conn := connect()
	if _, err := io.WriteString(conn, head("json", fmt.Sprintf("Content-Length: %d\r\n", len(large)))+large); err != nil {
		t.Fatal(err)
	}
	if answer := answered(t, conn); answer.StatusCode != 201 || !kept.known["1"] {
		t.Errorf("answered %s", answer.Status)
	}
}

// TestALimitBelowWhatIsSmall: a body that says nothing of its length is held to it, too.
func TestALimitBelowWhatIsSmall(t *testing.T) {
	_, kept, connect := serving(t, Limits{Bytes: 1000}, patience{small: time.Minute, large: time.Minute})
	conn := connect()
	if _, err := io.WriteString(conn, head("json", "Transfer-Encoding: chunked\r\n")+"7d0\r\n"+aReport+strings.Repeat(" ", 2000-len(aReport))+"\r\n0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer := answered(t, conn); answer.StatusCode != 413 || len(kept.known) != 0 {
		t.Errorf("answered %s, %d kept", answer.Status, len(kept.known))
	}
}
