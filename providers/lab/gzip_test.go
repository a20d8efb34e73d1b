package lab_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"belay/providers/lab"
)

// TestGzipUnfolds: what Gzip made unfolds to the text, by a reader that checks sum and
// length, and a long run takes little room.
func TestGzipUnfolds(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                "",
		"one word":               "report",
		"a run":                  strings.Repeat(" ", 5<<20),
		"a run between two ends": `{"x":` + strings.Repeat("[", 1<<20) + "no end",
		"a run of six":           strings.Repeat(`"a":1,`, 1<<18),
		"runs that change":       strings.Repeat("a", 1<<20) + strings.Repeat("b", 1<<20) + strings.Repeat("a", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			wire := lab.Gzip(text)
			z, err := gzip.NewReader(bytes.NewReader(wire))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(z)
			if err != nil || string(got) != text {
				t.Fatalf("%d bytes unfold to %d, error %v; want %d", len(wire), len(got), err, len(text))
			}
			if len(wire) > 100+len(text)/200 {
				t.Errorf("%d bytes take %d", len(text), len(wire))
			}
		})
	}
}
