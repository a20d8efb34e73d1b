package store

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
)

// lines is b in base64, in lines of width characters.
func lines(b []byte, width int, end string) string {
	digits := base64.StdEncoding.EncodeToString(b)
	var out []string
	for len(digits) > width {
		out, digits = append(out, digits[:width]), digits[width:]
	}
	return strings.Join(append(out, digits), end)
}

func gzipLike(n int) []byte {
	b := append([]byte("\x1f\x8b\x08\x00"), bytes.Repeat([]byte{0xa5, 0x5a, 0x11}, n)...)
	return b[:n]
}

func TestAMailIsKeptToTheByte(t *testing.T) {
	s := packing(t)
	const head = "From: a@reporter.test\r\nTo: tls@corp.test\r\n\r\n"
	report := gzipLike(500)
	for _, c := range []struct {
		name   string
		raw    string
		blocks int
	}{
		{"empty", "", 0},
		{"one byte", "x", 0},
		{"text alone", head + "nothing else", 0},
		{"LF", head + lines(report, 76, "\n") + "\n--b--\n", 1},
		{"CR LF", head + lines(report, 76, "\r\n") + "\r\n--b--\r\n", 1},
		{"to the end, no line end", head + lines(report, 76, "\n"), 1},
		{"the last line full", head + lines(gzipLike(57*4), 76, "\r\n") + "\r\n", 1},
		{"one line", head + lines(report, 4000, "\r\n") + "\r\n--b--", 1},
		{"lines that end within four digits", head + lines(report, 75, "\n") + "\n", 1},
		{"zip", head + lines(append([]byte("PK\x03\x04"), report...), 76, "\r\n"), 1},
		{"two", head + lines(report, 76, "\n") + "\n--b\n\n" + lines(gzipLike(99), 64, "\r\n") + "\r\n", 2},
		{"long text around it", head + strings.Repeat("Received: from somewhere\r\n", 1000) + lines(report, 76, "\r\n") + "\r\n", 1},
		{"line ends mixed", head + strings.Replace(lines(report, 76, "\r\n"), "\r\n", "\n", 1), 1},
		{"a line of its own length", head + strings.Replace(lines(report, 76, "\n"), "\n", "", 1), 1},
		{"padding amid it", head + "H4sIAA==\nH4sIAA==\n", 0},
		{"bits left over", head + "H4sIAB==\n", 0},
		{"a foreign character", head + strings.Replace(lines(report, 76, "\n"), "p", "_", 1), 1},
		{"a bare report", string(report), 0},
		{"as earlier versions began", "\x28\xb5\x2f\xfd" + head, 0},
		{"more than are looked for", strings.Repeat("\nH4sIAAAA\n", 3*mostBlocks), mostBlocks},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, blocks := cutBlocks([]byte(c.raw)); len(blocks) != c.blocks {
				t.Errorf("%d blocks, not %d", len(blocks), c.blocks)
			}
			packed := s.packMail([]byte(c.raw))
			got, err := s.openMail(packed)
			if err != nil || string(got) != c.raw {
				t.Fatalf("%v: %.300q, not %.300q", err, got, c.raw)
			}
			if len(packed) > len(c.raw)+len("format, blocks, packing, size") {
				t.Errorf("%d bytes of %d", len(packed), len(c.raw))
			}
		})
	}
}

// Base64 of what is compressed already takes a third more than it has to.
func TestAKeptMailTakesLessThanItDid(t *testing.T) {
	report := make([]byte, 2000)
	rand.NewChaCha8([32]byte{}).Read(report)
	raw := "From: a@reporter.test\r\n\r\n" + lines(append([]byte("\x1f\x8b\x08"), report...), 76, "\r\n") + "\r\n"
	s := packing(t)
	packed, before := s.packMail([]byte(raw)), s.pack.EncodeAll([]byte(raw), nil)
	if len(packed) > 2100 || len(packed) > len(before) {
		t.Errorf("%d bytes of %d, where zstd makes %d of them", len(packed), len(raw), len(before))
	}
}

func TestAKeptMailOfAnEarlierVersionIsRead(t *testing.T) {
	s := packing(t)
	raw := "From: a@reporter.test\r\n\r\n" + lines(gzipLike(500), 76, "\r\n")
	got, err := s.openMail(s.pack.EncodeAll([]byte(raw), nil))
	if err != nil || string(got) != raw {
		t.Fatalf("%v: %q", err, got)
	}
}

// FuzzKeptMail shows that whatever mail comes back as it was, and that what is damaged
// is an error.
func FuzzKeptMail(f *testing.F) {
	s := packing(f)
	f.Add([]byte("a\nH4sIAAAA\r\nH4sI\r\n"))
	f.Add([]byte("a\nUEsDAAAA\nUEsDAA==\n\nH4sIAA\n"))
	f.Add(s.packMail([]byte("a\nH4sIAAAA\nH4sI\nb")))
	f.Add([]byte{keptFormat, 1, 0, 3, 0, 0, 0, 0, 'a', 'b', 'c'})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := s.openMail(s.packMail(raw))
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%v: %q of %q", err, got, raw)
		}
		_, _ = s.openMail(raw)
		_, _ = s.openMail(append([]byte{keptFormat}, raw...))
	})
}

// BenchmarkKeepMail packs a mail as most reports come.
func BenchmarkKeepMail(b *testing.B) {
	s := packing(b)
	raw := []byte(strings.Repeat("Received: from mx by mx\r\n", 20) + lines(gzipLike(400), 76, "\r\n"))
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		s.packMail(raw)
	}
}

// packing is a store that packs and has no file.
func packing(t testing.TB) *Store {
	t.Helper()
	s := new(Store)
	if err := s.openPacking(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.open.Close()
		if err := s.pack.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
