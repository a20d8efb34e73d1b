package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"belay/rollout/finding"
)

// longestSaid is how much of what a library says is kept, in runes.
const longestSaid = 500

// takeLoggers has all that libraries say by the process's loggers, log and slog, go
// where belay's own log goes, and nowhere where there is none: on the standard error it
// would run through the wizard's screen, and bring what comes from outside there
// unclean. It is for main, once: the loggers are the whole process's.
func (p *program) takeLoggers() {
	slog.SetDefault(slog.New(saidByLibraries{p: p})) // log's writes through it from here on
}

// saidByLibraries is a handler that keeps what was said as one clean line.
type saidByLibraries struct {
	p     *program
	attrs []slog.Attr
}

// Enabled reports whether the log takes it.
func (h saidByLibraries) Enabled(ctx context.Context, level slog.Level) bool {
	return h.p.log.Enabled(ctx, level)
}

// Handle writes it into the log.
func (h saidByLibraries) Handle(ctx context.Context, r slog.Record) error {
	words := []string{r.Message}
	add := func(a slog.Attr) bool {
		words = append(words, a.String())
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	h.p.log.Log(ctx, r.Level, "said by a library", "text", finding.Clean(strings.Join(words, " "), longestSaid))
	return nil
}

// WithAttrs is h for a logger that adds these to all it says.
func (h saidByLibraries) WithAttrs(attrs []slog.Attr) slog.Handler {
	return saidByLibraries{h.p, slices.Concat(h.attrs, attrs)}
}

// WithGroup is h: a group's name tells nothing that the log needs.
func (h saidByLibraries) WithGroup(string) slog.Handler { return h }
