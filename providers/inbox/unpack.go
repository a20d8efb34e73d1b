package inbox

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// maxEntries bounds the entries of one zip.
const maxEntries = 20

// A document is one report as it was read.
type document struct {
	from   attachment
	report tlsrpt.Report
}

// documents reads the reports in one attachment: one, or those in a zip. As with
// attachments, an error may come beside what was found.
func documents(d *tlsrpt.Decoder, a attachment) ([]document, error) {
	if sniff(a.body) != formZip {
		report, err := readReport(d, a.body)
		if err != nil {
			return nil, err
		}
		return []document{{from: a, report: report}}, nil
	}
	return unzip(d, a)
}

// unzip reads the reports in a zip. Names in it are hints and never paths;
// a zip within a zip is not opened.
func unzip(d *tlsrpt.Decoder, a attachment) ([]document, error) {
	if len(a.body) > tlsrpt.MaxWire {
		return nil, fmt.Errorf("zip larger than %d MB", tlsrpt.MaxWire>>20)
	}
	z, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("read zip: %w", err)
	}
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("zip with more than %d entries", maxEntries)
	}
	var out []document
	left := tlsrpt.MaxReport
	for _, entry := range z.File {
		if entry.FileInfo().IsDir() {
			continue
		}
		body, err := readEntry(entry, left)
		if err != nil {
			return out, fmt.Errorf("read %s in zip: %w", finding.Quote(entry.Name, 80), err)
		}
		left -= len(body)
		if form := sniff(body); form != formJSON && form != formGzip {
			continue
		}
		report, err := readReport(d, body)
		if err != nil {
			return out, fmt.Errorf("read %s in zip: %w", finding.Quote(entry.Name, 80), err)
		}
		from := a
		from.name = path.Base(entry.Name)
		out = append(out, document{from: from, report: report})
	}
	if len(out) == 0 {
		return nil, errors.New("no report in this zip")
	}
	return out, nil
}

func readEntry(entry *zip.File, limit int) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readAll(r, limit)
}

// readInto reads r into b; more than limit bytes is an error.
func readInto(b *bytes.Buffer, r io.Reader, limit int) ([]byte, error) {
	if _, err := b.ReadFrom(io.LimitReader(r, int64(limit)+1)); err != nil {
		return nil, err
	}
	if b.Len() > limit {
		return nil, fmt.Errorf("larger than %d MB", limit>>20)
	}
	return b.Bytes(), nil
}
