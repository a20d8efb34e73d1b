package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// leastReading is what the test binary can be besides, for BenchmarkImport: see
// TestMain.
const leastReading = "bench-least"

// beLeast reads the mails of a folder by two workers.
func beLeast() {
	if err := readLeast(os.Args[1], 2); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// readLeast does with each mail in dir what no reader of reports can do without.
func readLeast(dir string, workers int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	names := make(chan string)
	failed := make([]error, workers)
	var running sync.WaitGroup
	for i := range workers {
		running.Go(func() {
			var l leastReader
			for name := range names {
				if err := l.read(filepath.Join(dir, name)); err != nil && failed[i] == nil {
					failed[i] = fmt.Errorf("%s: %w", name, err)
				}
			}
		})
	}
	for _, entry := range entries {
		names <- entry.Name()
	}
	close(names)
	running.Wait()
	return errors.Join(failed...)
}

// leastReader keeps its buffers from mail to mail.
type leastReader struct {
	unzip *gzip.Reader
	wire  bytes.Reader
	text  bytes.Buffer
}

func (l *leastReader) read(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, part, _ := bytes.Cut(raw, []byte("Content-Transfer-Encoding: base64"))
	_, body, _ := bytes.Cut(part, []byte("\r\n\r\n"))
	body, _, found := bytes.Cut(body, []byte("--b1--"))
	if !found {
		return errors.New("no report in this mail")
	}
	n, err := base64.StdEncoding.Decode(body, body)
	if err != nil {
		return err
	}
	l.wire.Reset(body[:n])
	if l.unzip == nil {
		l.unzip, err = gzip.NewReader(&l.wire)
	} else {
		err = l.unzip.Reset(&l.wire)
	}
	if err != nil {
		return err
	}
	l.text.Reset()
	if _, err := io.Copy(&l.text, l.unzip); err != nil {
		return err
	}
	if !json.Valid(l.text.Bytes()) {
		return errors.New("no JSON")
	}
	return nil
}
