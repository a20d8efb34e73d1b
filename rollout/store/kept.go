package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

// mostKept bounds what a kept mail unpacks to.
const mostKept = 128 << 20

var errKept = errors.New("a kept mail that is damaged")

// openMail is the mail that was kept as packed, whose SHA-256 is digest: no signature
// is judged, and nothing is read, of a mail that is not the one that came. Its error is
// about that one mail, which is nil then, and never empty otherwise.
func (s *Store) openMail(packed, digest []byte) ([]byte, error) {
	raw, err := s.unpackMail(packed)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(raw); !bytes.Equal(sum[:], digest) {
		return nil, errKept
	}
	return raw, nil
}

func (s *Store) unpackMail(packed []byte) ([]byte, error) {
	if len(packed) == 0 || packed[0] != keptFormat {
		return s.open.DecodeAll(packed, nil) // as earlier versions kept it
	}
	k := keptReader{rest: packed[1:]}
	blocks := make([]block, k.number(mostBlocks))
	sizes := make([]int, len(blocks))
	whole := 0
	for i := range blocks {
		blocks[i].before, sizes[i] = k.number(mostKept), k.number(mostKept)
		blocks[i].line, blocks[i].end = k.number(mostKept), k.number(2)
		if blocks[i].line == 0 {
			return nil, errKept
		}
		digits := int64(base64.StdEncoding.EncodedLen(sizes[i]))
		size := digits + digits/int64(blocks[i].line)*int64(blocks[i].end)
		if size > int64(mostKept-whole) {
			return nil, errKept
		}
		whole += int(size)
	}
	how := k.number(textZstd)
	text, err := s.openText(how, k.bytes(k.number(mostKept)))
	if err != nil || k.failed || whole+len(text) > mostKept {
		return nil, errors.Join(errKept, err)
	}
	out := make([]byte, 0, whole+len(text))
	for i, b := range blocks {
		b.decoded = k.bytes(sizes[i])
		if k.failed || b.before > len(text) {
			return nil, errKept
		}
		out = append(out, text[:b.before]...)
		text = text[b.before:]
		out = b.appendTo(out)
	}
	if len(k.rest) > 0 {
		return nil, errKept
	}
	return append(out, text...), nil
}

func (s *Store) openText(how int, packed []byte) ([]byte, error) {
	switch how {
	case textS2:
		if n, err := s2.DecodedLen(packed); err != nil || n > mostKept {
			return nil, errKept
		}
		return s2.Decode(nil, packed)
	case textZstd:
		return s.open.DecodeAll(packed, nil)
	}
	return packed, nil
}

// appendTo writes the block as it stood in the mail.
func (b block) appendTo(out []byte) []byte {
	lineEnd := "\r\n"[2-b.end:]
	digits := base64.StdEncoding.EncodeToString(b.decoded)
	for len(digits) > b.line {
		out = append(append(out, digits[:b.line]...), lineEnd...)
		digits = digits[b.line:]
	}
	return append(out, digits...)
}

// keptReader reads what packMail wrote.
type keptReader struct {
	rest   []byte
	failed bool
}

// number is the next number, at most limit.
func (k *keptReader) number(limit int) int {
	n, size := binary.Uvarint(k.rest)
	if size <= 0 || n > uint64(limit) {
		k.failed, k.rest = true, nil
		return 0
	}
	k.rest = k.rest[size:]
	return int(n)
}

func (k *keptReader) bytes(n int) []byte {
	if n > len(k.rest) {
		k.failed, k.rest = true, nil
		return nil
	}
	b := k.rest[:n]
	k.rest = k.rest[n:]
	return b
}
