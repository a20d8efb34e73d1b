package inbox

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"belay/rollout/tlsrpt"
)

var errNotRegular = errors.New("not a regular file")

// openRegular opens a file and nothing else, and does not wait: a pipe or a device may
// have taken the place of a file since it was listed.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(cmp.Or(err, errNotRegular), f.Close())
	}
	return f, nil
}

// readItem returns the bytes of a file. Only regular files are opened, so that
// no device or pipe holds up an import.
func readItem(it item) ([]byte, error) {
	info := it.info
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	limit := maxMail
	if strings.HasSuffix(strings.ToLower(it.path), ".json") {
		limit = tlsrpt.MaxReport
	}
	if info.Size() > int64(limit) {
		return nil, fmt.Errorf("%d MB large; at most %d MB are read", info.Size()>>20, limit>>20)
	}
	f, err := openRegular(it.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	return readInto(&b, f, limit)
}

// candidates are what in an item may be a report: the item itself, or the parts of
// the mails that it holds, which mails counts. As with attachments, an error may
// come beside what was found.
func candidates(it item, raw []byte) (found []attachment, mails int, err error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, 0, errors.New("empty file")
	}
	if inner, ok := unwrapped(it, raw); ok {
		raw = inner
	}
	switch {
	case bytes.HasPrefix(raw, []byte(mboxLead)):
		return mailsOf(raw)
	case sniff(raw) != "" || reportName(it.path) && !likeMail(raw):
		return []attachment{{raw: raw, kept: raw, name: filepath.Base(it.path), body: raw}}, 0, nil
	case !it.delivered && !likeMail(raw):
		return nil, 0, errors.New("neither a mail nor a report")
	}
	found, err = attachments(raw)
	return found, 1, err
}

// mailsOf are the candidates in a small mbox.
func mailsOf(raw []byte) (found []attachment, mails int, err error) {
	box := newMbox(bytes.NewReader(raw))
	var bad []error
	for {
		mail, _, err := box.next()
		if err == io.EOF {
			return found, mails, errors.Join(bad...)
		}
		mails++
		if err == nil {
			var parts []attachment
			parts, err = attachments(mail)
			found = append(found, parts...)
		}
		if err != nil && len(bad) < maxParts {
			bad = append(bad, fmt.Errorf("mail %d: %w", mails, err))
		}
	}
}

// unwrapped is the mail, or the mails, in a file that was put away compressed.
func unwrapped(it item, raw []byte) ([]byte, bool) {
	if it.delivered || sniff(raw) != formGzip {
		return nil, false
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, false
	}
	head := make([]byte, 4<<10)
	n, _ := io.ReadFull(z, head)
	if head = head[:n]; sniff(head) != "" || !likeMail(head) && !bytes.HasPrefix(head, []byte(mboxLead)) {
		return nil, false
	}
	rest, err := readAll(z, maxMail-len(head))
	if err != nil {
		return nil, false // then it is a broken report, and said to be one
	}
	return append(head, rest...), true
}

// usualFields are header fields of which every mail has one.
var usualFields = []string{
	"from", "received", "date", "to", "subject", "message-id", "mime-version", "content-type",
	"return-path", "delivered-to", "dkim-signature", "tls-report-domain", "tls-report-submitter",
}

// likeMail reports whether a text begins as mails do: with header fields, one of
// them a usual one. A policy text has fields too.
func likeMail(text []byte) bool {
	for line := range bytes.Lines(text[:min(len(text), 64<<10)]) {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) > 0 && (name[0] == ' ' || name[0] == '\t') {
			if len(bytes.TrimSpace(line)) == 0 {
				return false
			}
			continue
		}
		for _, usual := range usualFields {
			if strings.EqualFold(string(bytes.TrimSpace(name)), usual) {
				return true
			}
		}
	}
	return false
}
