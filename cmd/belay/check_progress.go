package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"belay/rollout/finding"
)

// progress is a bar on standard error, where that is a terminal.
type progress struct {
	out   io.Writer // nil where nobody sees it
	tally *tally
	drawn int // width of what stands there
	ticks *time.Ticker
}

// barBeat is how often the bar moves though nothing is done.
const barBeat = 500 * time.Millisecond

func (p *program) newProgress(wanted bool, t *tally) *progress {
	b := &progress{tally: t}
	if wanted && isTerminal(p.errs) {
		b.out, b.ticks = p.errs, time.NewTicker(barBeat)
	}
	return b
}

// beat ticks while there is a bar.
func (b *progress) beat() <-chan time.Time {
	if b.ticks == nil {
		return nil
	}
	return b.ticks.C
}

func (b *progress) draw() {
	if b.out == nil {
		return
	}
	b.clear()
	t := b.tally
	const width = 24
	full := width * t.done / max(t.of, 1)
	line := fmt.Sprintf("[%s%s] %d of %d  %d fail  %d unknown  %s", strings.Repeat("#", full), strings.Repeat("-", width-full),
		t.done, t.of, t.verdicts[finding.Fail], t.verdicts[finding.Unknown], t.watch.Elapsed().Round(time.Second))
	b.drawn = len(line)
	fmt.Fprint(b.out, line)
}

// clear takes the bar away, so that a line may stand where it was.
func (b *progress) clear() {
	if b.out != nil && b.drawn > 0 {
		fmt.Fprintf(b.out, "\r%s\r", strings.Repeat(" ", b.drawn))
		b.drawn = 0
	}
}

// end takes the bar away for good.
func (b *progress) end() {
	b.clear()
	if b.ticks != nil {
		b.ticks.Stop()
	}
}
