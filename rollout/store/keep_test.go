package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"belay/rollout"
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
			sum := sha256.Sum256([]byte(c.raw))
			got, err := s.openMail(packed, sum[:])
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
	sum := sha256.Sum256([]byte(raw))
	got, err := s.openMail(s.pack.EncodeAll([]byte(raw), nil), sum[:])
	if err != nil || string(got) != raw {
		t.Fatalf("%v: %q", err, got)
	}
}

func TestAKeptMailThatIsDamagedIsAnError(t *testing.T) {
	s := packing(t)
	raw := []byte("From: a@reporter.test\r\n\r\n" + lines(gzipLike(300), 76, "\r\n") + "\r\n--b--\r\n")
	sum := sha256.Sum256(raw)
	packed := s.packMail(raw)
	for bit := range 8 * len(packed) {
		damaged := bytes.Clone(packed)
		damaged[bit/8] ^= 1 << (bit % 8)
		if got, err := s.openMail(damaged, sum[:]); err == nil && !bytes.Equal(got, raw) {
			t.Fatalf("bit %d changed: %q", bit, got)
		}
	}
	if _, err := s.openMail(append(packed, 0), sum[:]); err == nil {
		t.Error("a byte too many is no error")
	}
	// More than fits in an int of 32 bits.
	huge := binary.AppendUvarint([]byte{keptFormat}, 4)
	for range 4 {
		for _, n := range []uint64{0, mostKept, 1, 2} {
			huge = binary.AppendUvarint(huge, n)
		}
	}
	if _, err := s.openMail(huge, sum[:]); err == nil {
		t.Error("more than may be unpacked is no error")
	}
}

// A mail that was made to look like many reports is searched as often as another.
func TestAMailThatLooksLikeManyBlocksIsSearchedOnce(t *testing.T) {
	raw := []byte(strings.Repeat("x\nH4sIAAAA\n-\n", mostBlocks) + strings.Repeat("\nUEs", 1<<20))
	for name, m := range map[string]*mark{"gzip": {start: []byte("\nH4sI")}, "zip": {start: []byte("\nUEsD")}} {
		at := 0
		for m.next(raw, at) < len(raw) {
			at = m.next(raw, at) + 4
		}
		if m.found != len(raw) {
			t.Errorf("%s: found at %d of %d", name, m.found, len(raw))
		}
		// Another text of this length shows whether it is searched again.
		if other := bytes.Repeat(m.start, len(raw)/len(m.start)+1)[:len(raw)]; m.next(other, len(raw)/2) != len(raw) {
			t.Errorf("%s: what was searched to its end is searched again", name)
		}
	}
	if _, blocks := cutBlocks(raw); len(blocks) != mostBlocks {
		t.Errorf("%d blocks", len(blocks))
	}
}

// Reports that came in one mail are kept in one, which is packed once.
func TestAMailOfManyReportsIsPackedOnce(t *testing.T) {
	s := packing(t)
	mail := []byte("the same bytes")
	of := func(raw []byte) rollout.ReceivedReport { return rollout.ReceivedReport{Raw: raw} }
	for name, pause := range map[string]func(){"at once": nil, "one by one": func() {}} {
		got := s.arriveAll([]rollout.ReceivedReport{of(mail), of(mail), of(bytes.Clone(mail)), of(nil), of(nil)}, pause)
		if !sameBytes(got[0].raw, got[1].raw) || sameBytes(got[1].raw, got[2].raw) || got[0].digest != got[2].digest {
			t.Errorf("%s: one mail is packed twice, or two are taken for one", name)
		}
	}
}

// FuzzKeptMail shows that whatever mail comes back as it was, and that nothing else
// comes out of what is damaged.
func FuzzKeptMail(f *testing.F) {
	s := packing(f)
	f.Add([]byte("a\nH4sIAAAA\r\nH4sI\r\n"))
	f.Add([]byte("a\nUEsDAAAA\nUEsDAA==\n\nH4sIAA\n"))
	f.Add(s.packMail([]byte("a\nH4sIAAAA\nH4sI\nb")))
	f.Add([]byte{keptFormat, 1, 0, 3, 0, 0, 0, 0, 'a', 'b', 'c'})
	f.Fuzz(func(t *testing.T, raw []byte) {
		sum := sha256.Sum256(raw)
		got, err := s.openMail(s.packMail(raw), sum[:])
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%v: %q of %q", err, got, raw)
		}
		for _, damaged := range [][]byte{raw, append([]byte{keptFormat}, raw...)} {
			if got, err := s.openMail(damaged, sum[:]); err == nil && !bytes.Equal(got, raw) {
				t.Fatalf("%q is read out of %q", got, damaged)
			}
		}
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
