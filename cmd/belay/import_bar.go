package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"belay/providers/inbox"
	"belay/rollout"
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

// barWidth is how many columns the bar takes at most: as many as a terminal has.
const barWidth = 79

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
	at := howFar(so, b.begun)
	if !b.terminal {
		fmt.Fprintf(b.out, "belay: %s\n", at.Words())
		return
	}
	text := at.Line(barWidth)
	b.clear()
	b.drawn = len(text)
	fmt.Fprint(b.out, text)
}

// howFar is how far an import is that has gone on since begun.
func howFar(so inbox.Progress, begun world.Stopwatch) rollout.ImportProgress {
	return rollout.ImportProgress{Done: so.Done, Total: so.Total, Open: so.Open, New: so.New, After: begun.Elapsed()}
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
