package tlsrpt

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"belay/rollout/finding"
)

// ParseReport reads one report, compressed by gzip or not, to its end, within
// MaxReport and MaxWire. It is strict about JSON (RFC 7493: no duplicate names, UTF-8
// only, nothing behind the text) and about dates and counts, because figures that
// cannot be trusted are worse than none; about the rest it is lenient, with a finding
// for each departure from RFC 8460. It does not hold the text in memory.
//
// The error is not nil if the report must not be used. It is then a finding too
// (V16, with the line and column of the text), and the report holds what could be
// read.
func ParseReport(r io.Reader) (Report, []finding.Finding, error) {
	var d Decoder
	return d.Decode(r)
}

// A Decoder is ParseReport for many reports: it keeps its buffers from one to the
// next. The zero value is ready; it is not for use by several goroutines.
type Decoder struct {
	// Fold adds up, while reading, the failures of a policy that differ in nothing
	// but their sessions, and from a thousand kinds on more coarsely: first by type
	// and MX host, then by type alone. So a report of any number of details takes
	// little memory; no session is lost.
	Fold bool
	// Unzip undoes gzip where something faster is to than compress/gzip, whose errors
	// it must return. It is reset for each report.
	Unzip Unzipper

	wire  *bufio.Reader
	text  *bufio.Reader
	names map[string]string
	dec   decoder
}

// An Unzipper reads what gzip made of a text, as *gzip.Reader does.
type Unzipper interface {
	io.Reader
	// Reset begins with r anew, and reads the header there.
	Reset(r io.Reader) error
}

// Decode reads one report as ParseReport does.
func (d *Decoder) Decode(r io.Reader) (Report, []finding.Finding, error) {
	if d.wire == nil {
		d.wire = bufio.NewReaderSize(nil, bufferSize)
		d.text = bufio.NewReaderSize(nil, 512)
		d.names = make(map[string]string, 64)
	}
	d.dec.reset(d.names)
	d.dec.folds = d.Fold
	text, err := d.open(r)
	if err != nil {
		d.dec.rejectAt(place{1, 1}, explain(err))
		return Report{}, d.dec.findings, fmt.Errorf("read TLS report: %w", err)
	}
	d.dec.scanner.reset(text)
	report := d.dec.report()
	return report, d.dec.findings, d.dec.err()
}

// Faults of what is wrapped around the text.
var (
	errTooLong  = errors.New("larger than the limit")
	errTwice    = errors.New("compressed twice")
	errArchive  = errors.New("a ZIP archive")
	errEncoding = errors.New("UTF-16 text")
	errEmpty    = errors.New("empty")
)

// open returns the decompressed text of r within its limits.
func (d *Decoder) open(r io.Reader) (io.Reader, error) {
	wire := &capped{r: r, left: MaxReport}
	d.wire.Reset(wire)
	head, err := d.wire.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if err := unlike(head); err != nil {
		return nil, err
	}
	if string(head) != gzipMagic {
		return d.wire, nil
	}
	wire.left -= MaxReport - MaxWire
	if wire.left < 0 {
		return nil, errTooLong
	}
	if d.Unzip == nil {
		d.Unzip = new(gzip.Reader)
	}
	if err := d.Unzip.Reset(d.wire); err != nil {
		return nil, err
	}
	d.text.Reset(&capped{r: d.Unzip, left: MaxReport})
	head, err = d.text.Peek(2)
	switch {
	case err != nil && err != io.EOF:
		return nil, err
	case string(head) == gzipMagic:
		return nil, errTwice
	}
	return d.text, unlike(head)
}

const gzipMagic = "\x1f\x8b"

// unlike says what a text that begins with head is instead of JSON, where that can
// be told from two bytes.
func unlike(head []byte) error {
	switch {
	case len(head) == 0:
		return errEmpty
	case string(head) == "PK":
		return errArchive
	case string(head) == "\xff\xfe", string(head) == "\xfe\xff", len(head) > 1 && head[1] == 0:
		return errEncoding
	}
	return nil
}

// explain puts the fault of a reader into words.
func explain(err error) string {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, errTooLong):
		return fmt.Sprintf("the report is larger than %d MiB, or %d MiB compressed", MaxReport>>20, MaxWire>>20)
	case errors.Is(err, gzip.ErrChecksum):
		return "the checksum of the compressed report is wrong"
	case errors.Is(err, gzip.ErrHeader):
		return "what is compressed is followed or headed by something else"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the compressed report is cut off"
	case errors.As(err, &corrupt):
		return "the compressed report is damaged"
	case errors.Is(err, errTwice), errors.Is(err, errArchive), errors.Is(err, errEncoding), errors.Is(err, errEmpty):
		return "the report is " + err.Error()
	}
	return err.Error()
}

// capped reads at most left bytes from r and then fails, where io.LimitReader
// would feign the end.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n - 1, errTooLong
	}
	return n, err
}
