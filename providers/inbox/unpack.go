package inbox

import (
	"archive/zip"
	"bufio"
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
		report, is, err := readEntry(d, entry, &left)
		if err != nil {
			return out, fmt.Errorf("read %s in zip: %w", finding.Quote(entry.Name, 80), err)
		}
		if !is {
			continue
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

// readEntry reads one entry to its end, so that its checksum is compared, and counts
// what it unfolds to against left. is tells whether it is a report.
func readEntry(d *tlsrpt.Decoder, entry *zip.File, left *int) (report tlsrpt.Report, is bool, err error) {
	r, err := entry.Open()
	if err != nil {
		return report, false, err
	}
	defer r.Close()
	text := bufio.NewReader(&rationed{r: r, left: left})
	head, err := text.Peek(512)
	if err != nil && err != io.EOF {
		return report, false, err
	}
	if form := sniff(head); form != formJSON && form != formGzip {
		_, err := io.Copy(io.Discard, text)
		return report, false, err
	}
	if report, _, err = d.Decode(text); err != nil {
		return tlsrpt.Report{}, false, err
	}
	_, err = io.Copy(io.Discard, text)
	return report, err == nil, err
}

// rationed reads as long as there is something left of what several may read
// together, and then fails.
type rationed struct {
	r    io.Reader
	left *int
}

func (r *rationed) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if *r.left -= n; *r.left < 0 {
		return 0, fmt.Errorf("the zip unfolds to more than %d MB", tlsrpt.MaxReport>>20)
	}
	return n, err
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
