package inbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"belay/rollout/tlsrpt"
)

// readItem returns the bytes of a file. Only regular files are opened, so that
// no device or pipe holds up an import.
func readItem(it item) ([]byte, error) {
	info, err := os.Stat(it.path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	limit := maxMail
	if strings.HasSuffix(strings.ToLower(it.path), ".json") {
		limit = tlsrpt.MaxReport
	}
	if info.Size() > int64(limit) {
		return nil, fmt.Errorf("%d MB large; at most %d MB are read", info.Size()>>20, limit>>20)
	}
	f, err := os.Open(it.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	return readInto(&b, f, limit)
}

// candidates are what in a file may be a report: the file itself, or the parts
// of the mail it holds. mail says which. As with attachments, an error may come
// beside what was found.
func candidates(it item, raw []byte) (found []attachment, mail bool, err error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, false, errors.New("empty file")
	}
	if sniff(raw) != "" || reportName(it.path) {
		return []attachment{{raw: raw, name: filepath.Base(it.path), body: raw}}, false, nil
	}
	if bytes.HasPrefix(raw, []byte("From ")) {
		return nil, false, errors.New("an mbox, which belay does not read; give a Maildir, or one file for each mail")
	}
	found, err = attachments(raw)
	return found, true, err
}
