package main

import (
	"bytes"
	"log"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// What a library says by either of the process's loggers stands in the log as one
// clean line, and nowhere else.
func TestWhatLibrariesSayGoesIntoTheLog(t *testing.T) {
	was, flags, logger := log.Writer(), log.Flags(), slog.Default()
	t.Cleanup(func() {
		slog.SetDefault(logger)
		log.SetOutput(was)
		log.SetFlags(flags)
	})
	var kept bytes.Buffer
	p := &program{log: slog.New(slog.DiscardHandler)}
	p.takeLoggers()
	log.Print("nobody keeps a log")
	p.log = slog.New(slog.NewTextHandler(&kept, nil)) // as --log does, later
	log.Printf("an \x1b[31mecho\nof a server")
	slog.With("zone", "corp.test").WithGroup("g").Warn("odd record", "name", "\x1b]0;title\a")
	slog.Debug("not of the log's level")
	said := kept.String()
	if strings.ContainsAny(said, "\x1b\a") || strings.Count(said, "\n") != 2 || log.Writer() == os.Stderr {
		t.Errorf("the log holds %q", said)
	}
	for _, want := range []string{`level=INFO msg="said by a library" text="an `, "echo", `level=WARN msg="said by a library" text="odd record zone=corp.test name=`} {
		if !strings.Contains(said, want) {
			t.Errorf("it lacks %q: %s", want, said)
		}
	}
}
