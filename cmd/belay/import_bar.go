package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"belay/providers/inbox"
	"belay/rollout/world"
)

// An importBar says on the standard error how far an import is: as a bar where that
// is a terminal, as a line now and then where it is not, with --json not at all.
type importBar struct {
	out      io.Writer // nil where nothing is said
	terminal bool
	begun    world.Stopwatch
	said     world.Stopwatch
	drawn    int // width of what stands there
}

// How often the bar is drawn, and how often a line is written instead.
const (
	drawEvery = 100 * time.Millisecond
	lineEvery = 10 * time.Second
)

func (p *program) newImportBar() *importBar {
	b := &importBar{terminal: isTerminal(p.errs), begun: world.Start(), said: world.Start()}
	if !p.flags.json {
		b.out = p.errs
	}
	return b
}

// tell shows how far the import is.
func (b *importBar) tell(so inbox.Progress) {
	pace := drawEvery
	if !b.terminal {
		pace = lineEvery
	}
	if b.out == nil || b.said.Elapsed() < pace {
		return
	}
	b.said = world.Start()
	text := progressText(so, b.begun.Elapsed())
	if !b.terminal {
		fmt.Fprintf(b.out, "belay: %s\n", text)
		return
	}
	if !so.Open {
		const width = 24
		full := width * so.Done / max(so.Total, 1)
		text = "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "] " + text
	}
	b.clear()
	b.drawn = len(text)
	fmt.Fprint(b.out, text)
}

// end takes the bar away.
func (b *importBar) end() {
	if b.terminal {
		b.clear()
	}
}

func (b *importBar) clear() {
	if b.out != nil && b.drawn > 0 {
		fmt.Fprintf(b.out, "\r%s\r", strings.Repeat(" ", b.drawn))
		b.drawn = 0
	}
}

// progressText is how far an import is after so long, with its rate and, where the
// whole is known, the time that is left.
func progressText(so inbox.Progress, after time.Duration) string {
	rate := float64(so.Done) / max(after.Seconds(), 0.001)
	text := fmt.Sprintf("%d read", so.Done)
	if !so.Open {
		text = fmt.Sprintf("%d of %d read", so.Done, so.Total)
	}
	text += fmt.Sprintf(", %d new, %.0f a second", so.New, rate)
	if so.Open || rate == 0 || so.Done >= so.Total {
		return text
	}
	left := time.Duration(float64(so.Total-so.Done) / rate * float64(time.Second))
	switch {
	case left < time.Second:
		return text + ", less than 1 s left"
	case left < 2*time.Minute:
		return fmt.Sprintf("%s, %.0f s left", text, left.Seconds())
	}
	return fmt.Sprintf("%s, %.0f min left", text, left.Minutes())
}
