package lab

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
)

// gzipPiece is how much of a text is compressed on its own, in bytes. It is a multiple
// of 2, 3, 4, 5 and 6: pieces of a run of something as long as that are alike.
const gzipPiece = 60 << 11

// Gzip is text as one gzip stream (RFC 1952). Whoever sends a bomb does not unfold it
// first: of a text with long runs each run is compressed but once, where a
// gzip.Writer would go through all of it.
func Gzip(text string) []byte {
	var out, piece bytes.Buffer
	out.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}) // deflate, no flags, no time, unknown system
	sum, before := uint32(0), ""
	z, err := flate.NewWriter(&piece, flate.DefaultCompression)
	if err != nil {
		panic(err) // of a level that there is
	}
	for rest := text; rest != ""; {
		now := rest[:min(gzipPiece, len(rest))]
		rest = rest[len(now):]
		sum = crc32.Update(sum, crc32.IEEETable, []byte(now))
		if now != before {
			// From its own beginning, and flushed to a whole byte (RFC 1951 section
			// 3.2.4), so that it can stand anywhere, and again.
			piece.Reset()
			z.Reset(&piece)
			_, err := z.Write([]byte(now))
			if err == nil {
				err = z.Flush()
			}
			if err != nil {
				panic(err) // a buffer takes everything
			}
			before = now
		}
		out.Write(piece.Bytes())
	}
	out.Write([]byte{1, 0, 0, 0xff, 0xff}) // the last block, stored and empty
	var end [8]byte
	binary.LittleEndian.PutUint32(end[:4], sum)
	binary.LittleEndian.PutUint32(end[4:], uint32(len(text)))
	out.Write(end[:])
	return out.Bytes()
}
