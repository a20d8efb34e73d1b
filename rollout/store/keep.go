package store

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"

	"github.com/klauspost/compress/s2"
)

// A mail is kept to the byte: a signature is over these bytes, and a better parser may
// read them again. Nearly all of it is a compressed report in base64, so that what
// packs it best is to undo the base64 and to leave alone what comes out; only the text
// around it is compressed. What is kept is
//
//	keptFormat
//	the number of blocks, and of each: the bytes of text before it, the bytes that it
//		decodes to, the characters in a line, and the bytes that end one
//	how the text is packed, and how many bytes that makes
//	the text, then the blocks
//
// with all numbers as varints. Earlier versions kept a zstd frame, which begins with
// another byte.
const keptFormat = 1

// How the text is packed. Below longText what zstd needs for its tables costs more
// time than it saves space.
const (
	textPlain = iota
	textS2
	textZstd

	longText = 4 << 10
)

// block is a run of lines of base64.
type block struct {
	before  int // bytes of text between the block before it and this one
	decoded []byte
	line    int // characters in each line but the last, which has at most as many
	end     int // bytes at the end of each line but the last: 1 for LF, 2 for CR LF
}

// packMail is raw as it is kept.
func (s *Store) packMail(raw []byte) []byte {
	text, blocks := cutBlocks(raw)
	how, packed := textS2, []byte(nil)
	if len(text) < longText {
		packed = s2.Encode(nil, text)
	} else {
		how, packed = textZstd, s.pack.EncodeAll(text, make([]byte, 0, len(text)/2))
	}
	if len(packed) >= len(text) {
		how, packed = textPlain, text
	}
	size := 32 + len(packed)
	for _, b := range blocks {
		size += 32 + len(b.decoded)
	}
	out := append(make([]byte, 0, size), keptFormat)
	out = binary.AppendUvarint(out, uint64(len(blocks)))
	for _, b := range blocks {
		for _, n := range []int{b.before, len(b.decoded), b.line, b.end} {
			out = binary.AppendUvarint(out, uint64(n))
		}
	}
	out = binary.AppendUvarint(out, uint64(how))
	out = binary.AppendUvarint(out, uint64(len(packed)))
	out = append(out, packed...)
	for _, b := range blocks {
		out = append(out, b.decoded...)
	}
	return out
}

// mostBlocks bounds the work on a mail that was made to look like many of them.
const mostBlocks = 100

// cutBlocks takes the blocks out of a mail, and returns the text that is left.
func cutBlocks(raw []byte) (text []byte, blocks []block) {
	left := 0 // where the text begins that no block took
	gzip, zip := mark{start: []byte("\nH4sI")}, mark{start: []byte("\nUEsD")}
	for at, looked := 0, 0; looked < mostBlocks; looked++ {
		if at = min(gzip.next(raw, at), zip.next(raw, at)); at == len(raw) {
			break
		}
		b, n := readBlock(raw[at:])
		if b.decoded != nil {
			if text == nil {
				text = make([]byte, 0, len(raw))
			}
			b.before = at - left
			text = append(text, raw[left:at]...)
			left = at + n
			blocks = append(blocks, b)
		}
		at += n
	}
	if len(blocks) == 0 {
		return raw, nil
	}
	return append(text, raw[left:]...), blocks
}

// mark finds the lines that begin as a block may. It remembers what it found, so that
// however often it is asked a mail is searched once.
type mark struct {
	start []byte // with the line end before it
	found int    // where such a line was found last
}

// next is where the first such line begins from at on, but for the first line of raw;
// the length of raw where there is none.
func (m *mark) next(raw []byte, at int) int {
	if m.found > at || m.found == at && at > 0 {
		return m.found
	}
	if i := bytes.Index(raw[max(at-1, 0):], m.start); i >= 0 {
		m.found = max(at-1, 0) + i + 1
	} else {
		m.found = len(raw)
	}
	return m.found
}

// readBlock reads the lines of base64 that raw begins with, which take n bytes there.
// They are a block, with decoded set, where they are encoded again to the same bytes.
func readBlock(raw []byte) (b block, n int) {
	first, end := lineOf(raw)
	b.line, b.end = len(first), end
	digits := 0
	for line, lineEnd := first, end; ; {
		n += len(line)
		digits += len(line)
		if len(line) < b.line || lineEnd != b.end || lineEnd == 0 {
			break
		}
		next, nextEnd := lineOf(raw[n+lineEnd:])
		if len(next) == 0 || len(next) > b.line || !isBase64(next) {
			break
		}
		n += lineEnd
		line, lineEnd = next, nextEnd
	}
	if !isBase64(first) || b.line == 0 {
		return block{}, n
	}
	text := make([]byte, 0, digits)
	for rest := raw[:n]; len(rest) > 0; rest = rest[min(len(rest), b.line+b.end):] {
		text = append(text, rest[:min(len(rest), b.line)]...)
	}
	if size, err := base64.StdEncoding.Strict().Decode(text, text); err == nil {
		b.decoded = text[:size]
	}
	return b, n
}

// lineOf is the first line of raw, and how many bytes end it.
func lineOf(raw []byte) (line []byte, end int) {
	i := bytes.IndexByte(raw, '\n')
	switch {
	case i < 0:
		return raw, 0
	case i > 0 && raw[i-1] == '\r':
		return raw[:i-1], 2
	}
	return raw[:i], 1
}

var base64Digits = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") {
		is[c] = true
	}
	return is
}()

// isBase64 reports whether line has nothing but digits of base64 and padding.
func isBase64(line []byte) bool {
	for _, c := range line {
		if !base64Digits[c] {
			return false
		}
	}
	return true
}
