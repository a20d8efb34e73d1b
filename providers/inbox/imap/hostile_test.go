package imap

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"belay/providers/inbox"
	"belay/rollout/world"
)

// scripted is a server that answers each command by what answer says, with TAG in it
// for the command's tag, and reads no further where that is empty.
func scripted(t *testing.T, answer func(command string) string) *Mailbox {
	t.Helper()
	cert, pool := certificate(t, []string{host}, false)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serveScript(conn, answer)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	at := netip.MustParseAddrPort(l.Addr().String())
	var m memory
	return New(Account{User: user, Host: host, Port: "993", Folder: "INBOX"}, Options{
		Network: world.Network{Roots: pool, Dial: func(ctx context.Context, _ string, _ netip.AddrPort) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", at.String())
		}},
		Clock:    world.SystemClock(),
		Resolve:  func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{at.Addr()}, nil },
		Password: func(context.Context) (string, error) { return secret, nil },
		Load:     func(context.Context) (Cursor, error) { return m.at, nil },
		Save:     func(_ context.Context, c Cursor) error { m.at = c; return nil },
	})
}

func serveScript(conn net.Conn, answer func(string) string) {
	if _, err := io.WriteString(conn, answer("")); err != nil {
		return
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		tag, command, _ := strings.Cut(lines.Text(), " ")
		if _, err := io.WriteString(conn, strings.ReplaceAll(answer(command), "TAG", tag)); err != nil {
			return
		}
	}
}

// usual is what an ordinary server with one mail answers.
func usual(command string) string {
	verb, _, _ := strings.Cut(command, " ")
	switch {
	case command == "":
		return "* OK [CAPABILITY IMAP4rev1] ready\r\n"
	case verb == "CAPABILITY":
		return "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n"
	case verb == "EXAMINE":
		return "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\nTAG OK [READ-ONLY] done\r\n"
	case strings.Contains(command, "RFC822.SIZE"):
		return "* 1 FETCH (UID 1 RFC822.SIZE 10)\r\nTAG OK done\r\n"
	case strings.Contains(command, "BODY.PEEK"):
		return "* 1 FETCH (UID 1 BODY[] {10}\r\nSubject: x)\r\nTAG OK done\r\n"
	}
	return "TAG OK done\r\n"
}

func TestServersThatMisbehave(t *testing.T) {
	endless := strings.Repeat("x", longestLine+1)
	for name, row := range map[string]struct {
		answer func(string) string
		mails  string
		err    string
	}{
		"none that does":         {usual, `["Subject: x"]`, ""},
		"a greeting without end": {only("", endless), "[]", "sent a line of more than 64 kB"},
		"words that are none":    {only("", "HTTP/1.1 400 Bad Request\r\n\r\n"), "[]", "await the greeting"},
		"goodbye at once":        {only("", "* BYE \x1b[31mgo away\r\n"), "[]", "go away"},
		"a line without end":     {only("EXAMINE", "* OK [X "+endless), "[]", "sent a line of more than 64 kB"},
		"a mail that is larger than it said": {only("BODY.PEEK", fmt.Sprintf("* 1 FETCH (UID 1 BODY[] {%d}\r\n", int64(1)<<40)),
			`["a mail of 1048576 MB; at most 20 MB are read"]`, "a mail of 1048576 MB"},
		"nonsense behind a mail":       {only("BODY.PEEK", "* 1 FETCH (UID 1 BODY[] {10}\r\nSubject: x{nonsense)\r\nTAG OK done\r\n"), `["Subject: x"]`, "fetch mails at imap.corp.test"},
		"no such command":              {only("RFC822.SIZE", "TAG BAD \x07what?\r\n"), "[]", `it says "what?"`},
		"a UID that was not asked for": {only("RFC822.SIZE", "* 1 FETCH (UID 0 RFC822.SIZE 10)\r\nTAG OK\r\n"), "[]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := scripted(t, row.answer)
			defer b.Close()
			var got []string
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := b.open(ctx)
			if err == nil {
				b.session = s
				err = b.round(ctx, func(m inbox.Mail) error {
					if m.Err != nil {
						got = append(got, m.Err.Error())
					} else {
						got = append(got, string(m.Raw))
					}
					return nil
				})
			}
			if text := fmt.Sprintf("%q", got); text != row.mails {
				t.Errorf("gave %s, want %s", text, row.mails)
			}
			if (err != nil) != (row.err != "") || err != nil && !strings.Contains(err.Error(), row.err) {
				t.Errorf("error %v; want %s", err, row.err)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\x07\r\n") {
				t.Errorf("control characters in %q", err)
			}
		})
	}
}

// only is the usual server but for one command, or for the greeting where that is
// empty.
func only(command, answer string) func(string) string {
	return func(asked string) string {
		if command == "" && asked == "" || command != "" && strings.Contains(asked, command) {
			return answer
		}
		return usual(asked)
	}
}

// FuzzMeter holds that the meter stands still for every split of what a server says,
// and never takes a line for a literal or the other way round.
func FuzzMeter(f *testing.F) {
	f.Add([]byte("* 1 FETCH (BODY[] {3}\r\nabc)\r\n"), 4)
	f.Add([]byte("{9}\r\n{9}\r\n{9}\n{"), 1)
	f.Fuzz(func(t *testing.T, said []byte, cut int) {
		whole, parts := new(meter), new(meter)
		err := whole.weigh(said)
		cut = min(max(cut, 0), len(said))
		split := parts.weigh(said[:cut])
		if split == nil {
			split = parts.weigh(said[cut:])
		}
		if (err == nil) != (split == nil) || err == nil && (whole.line != parts.line || whole.literal != parts.literal || whole.brace != parts.brace) {
			t.Errorf("whole %v %+v, in parts %v %+v", err, whole, split, parts)
		}
	})
}
