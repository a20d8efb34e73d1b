package probe

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// policyHost serves what raw says, byte for byte, to any request.
func (b *box) policyHost(config *tls.Config, raw func(io.Writer)) {
	b.listen("192.0.2.1:443", func(c net.Conn) {
		secured := tls.Server(c, config)
		buf := make([]byte, 4096)
		if n, err := secured.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.box.test\r\n") {
			fmt.Fprintf(secured, "HTTP/1.1 400 What\r\n\r\n%v", err)
			return
		}
		raw(secured)
		secured.Close()
	})
}

func says(s string) func(io.Writer) { return func(w io.Writer) { io.WriteString(w, s) } }

func ok(header, body string) func(io.Writer) {
	return says("HTTP/1.1 200 OK\r\n" + header + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
}

func TestFetch(t *testing.T) {
	const plain = "Content-Type: text/plain\r\n"
	b := newBox(t)
	good := &tls.Config{Certificates: []tls.Certificate{b.certificate(nil, "mta-sts.box.test")}, Time: b.Now}
	other := &tls.Config{Certificates: []tls.Certificate{b.certificate(nil, "www.box.test")}, Time: b.Now}
	for name, row := range map[string]struct {
		config *tls.Config
		serve  func(io.Writer)
		fate   FetchFate
		says   string
		check  func(Fetch) bool
	}{
		"a policy":                 {good, ok(plain, "version: STSv1\n"), Served, "", func(f Fetch) bool { return f.Body == "version: STSv1\n" && f.Answered }},
		"media type with charset":  {good, ok("Content-Type: Text/PLAIN; Charset=US-ASCII\r\n", "x"), Served, "", nil},
		"65536 octets":             {good, ok(plain, strings.Repeat("x", 65536)), Served, "", func(f Fetch) bool { return len(f.Body) == 65536 }},
		"65537 octets":             {good, ok(plain, strings.Repeat("x", 65537)), FetchTooLong, "", nil},
		"a body without end":       {good, endless, FetchTooLong, "", nil},
		"a header without end":     {good, says("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100) + "\r\n"), FetchBroken, "", nil},
		"a redirect":               {good, says("HTTP/1.1 301 Moved\r\nLocation: https://www.box.test/\r\nContent-Length: 0\r\n\r\n"), FetchRedirect, "https://www.box.test/", nil},
		"a header with controls":   {good, says("HTTP/1.1 301 Moved\r\nLocation: /\x1b]0;x\x07\r\nContent-Length: 0\r\n\r\n"), FetchBroken, "malformed", nil},
		"not found":                {good, says("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"), FetchStatus, "404", nil},
		"another success":          {good, says("HTTP/1.1 203 Other\r\n" + plain + "Content-Length: 0\r\n\r\n"), FetchStatus, "203", nil},
		"HTML":                     {good, ok("Content-Type: text/html\r\n", "<p>"), FetchWrongType, "text/html", nil},
		"no media type":            {good, ok("", "x"), FetchWrongType, "", nil},
		"a charset beside ASCII":   {good, ok("Content-Type: text/plain; charset=ISO-8859-1\r\n", "x"), Served, "", nil},
		"another charset":          {good, ok("Content-Type: text/plain; charset=utf-16\r\n", "x"), FetchWrongType, "utf-16", nil},
		"a body that breaks off":   {good, says("HTTP/1.1 200 OK\r\n" + plain + "Content-Length: 100\r\n\r\nshort"), FetchBroken, "breaks off", nil},
		"no HTTP":                  {good, says("220 smtp\r\n"), FetchBroken, "", nil},
		"an encoding nobody asked": {good, ok(plain+"Content-Encoding: gzip\r\n", "\x1f\x8b"), Served, "", func(f Fetch) bool { return f.Encoding == "gzip" && f.Body == "\x1f\x8b" }},
		"another certificate":      {other, ok(plain, "x"), FetchBadCert, "www.box.test", func(f Fetch) bool { return !f.Answered && f.Certificate != nil }},
		"a cache's mark":           {good, ok(plain+"Age: 10\r\nCache-Control: max-age=60, s-maxage=\"600\"\r\n", "x"), Served, "", func(f Fetch) bool { return f.Age == 10*time.Second && f.CacheFor == 10*time.Minute }},
		"a clock that is off":      {good, ok(plain+"Date: Mon, 01 Jun 2026 13:00:00 GMT\r\n", "x"), Served, "", func(f Fetch) bool { return f.Date.Equal(b.now.Add(time.Hour)) }},
	} {
		t.Run(name, func(t *testing.T) {
			b.policyHost(row.config, row.serve)
			f := b.open(t.Context()).Fetch("box.test", netip.MustParseAddr("192.0.2.1"))
			if f.Fate != row.fate || !strings.Contains(f.Said, row.says) || strings.ContainsRune(f.Said, 0x1b) {
				t.Fatalf("fate %q, said %q; want %q, %q", f.Fate, f.Said, row.fate, row.says)
			}
			if row.check != nil && !row.check(f) {
				t.Errorf("fetched %+v", f)
			}
		})
	}
}

// endless writes until the reader has enough.
func endless(w io.Writer) {
	io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
	for {
		if _, err := io.WriteString(w, strings.Repeat("x", 1<<15)); err != nil {
			return
		}
	}
}

func TestCacheOf(t *testing.T) {
	for name, row := range map[string]struct {
		age, control string
		keeps        time.Duration
	}{
		"no mark":           {"", "max-age=60", 0},
		"max-age":           {"1", "public, max-age=60", time.Minute},
		"s-maxage first":    {"1", "s-maxage=5, max-age=60", 5 * time.Second},
		"s-maxage last":     {"1", "max-age=60, S-MaxAge=5", 5 * time.Second},
		"nothing said":      {"1", "", 24 * time.Hour},
		"nonsense":          {"x", "max-age=-1", 24 * time.Hour},
		"more than a year":  {"1", "max-age=99999999999", 366 * 24 * time.Hour},
		"an age of nothing": {"0", "max-age=60", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if row.age != "" {
				h.Set("Age", row.age)
			}
			h.Set("Cache-Control", row.control)
			if _, keeps := cacheOf(h); keeps != row.keeps {
				t.Errorf("keeps %s, want %s", keeps, row.keeps)
			}
		})
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("text/plain; charset=utf-8", "10", "s-maxage=1, max-age=\"2\"", "Mon, 01 Jun 2026 13:00:00 GMT")
	f.Add("text/plain;", "-1", ",,=,s-maxage", "yesterday")
	f.Fuzz(func(t *testing.T, kind, age, control, date string) {
		var got Fetch
		got.readHeader(http.Header{"Content-Type": {kind}, "Age": {age}, "Cache-Control": {control}, "Date": {date}})
		if got.Age < 0 || got.CacheFor < 0 || got.CacheFor > 366*24*time.Hour {
			t.Errorf("age %s, kept for %s", got.Age, got.CacheFor)
		}
		if plainText(kind) && !strings.Contains(strings.ToLower(kind), "text/plain") {
			t.Errorf("%q taken for plain text", kind)
		}
	})
}
