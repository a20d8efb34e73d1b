package lab_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/world"
)

// Whatever a client writes, an MX host answers in whole SMTP replies and ends the
// session.
func FuzzMailSession(f *testing.F) {
	f.Add([]byte("EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<x@corp.test>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"))
	f.Add([]byte("MAIL FROM:a\r\nRCPT TO:<\r\nDATA\r\nSTARTTLS\r\nnot TLS"))
	f.Add([]byte(strings.Repeat("x", 5000) + "\r\n"))
	l := build(f, lab.Options{})
	f.Fuzz(func(t *testing.T, said []byte) {
		conn, err := l.World().Network.Dial(soon(t), "tcp", at("192.0.2.11", 25))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(world.Deadline(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		// The end takes the session out of a message, if it is in one.
		var saying sync.WaitGroup
		saying.Go(func() { conn.Write(append(slices.Clone(said), "\r\n.\r\nQUIT\r\n"...)) })
		defer saying.Wait()
		defer conn.Close()
		lines := bufio.NewScanner(io.LimitReader(conn, 1<<20))
		for lines.Scan() {
			line := lines.Text()
			if strings.HasPrefix(line, "220 2.0.0 go ahead") {
				return // TLS from here on
			}
			if len(line) < 4 || line[0] < '2' || line[0] > '5' || line[3] != ' ' && line[3] != '-' {
				t.Fatalf("answered %q", line)
			}
		}
		if err := lines.Err(); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the session does not end: %v", err)
		}
	})
}

// What is set as TXT comes back as it was.
func FuzzTXTComesBack(f *testing.F) {
	for _, s := range []string{"v=STSv1; id=1;", `a"b\c\065`, "\x00\xff\t", strings.Repeat("é", 400), ""} {
		f.Add(s)
	}
	l := build(f, lab.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 {
			return
		}
		if err := l.SetRRset("fuzz.corp.test", "TXT", 60, text); err != nil {
			t.Fatal(err)
		}
		m := ask(t, l, ns1IP, "tcp", "fuzz.corp.test.", 16)
		if got := l.Records("fuzz.corp.test", "TXT"); len(got) != 1 || got[0] != text {
			t.Fatalf("set %q, stands %q", text, got)
		}
		if len(m.Answer) != 1 {
			t.Fatalf("set %q, answered %s", text, summary(m))
		}
	})
}
