package rollout

import (
	"fmt"
	"strings"
	"time"
)

// ImportProgress is how far an import of reports is.
type ImportProgress struct {
	// Done counts the files and mails that were read, of Total; Open says that nobody
	// knows yet how many there are.
	Done, Total int
	Open        bool
	New         int // reports new to the store
	// After is how long it has gone on.
	After time.Duration
}

// Words say how far the import is, with its rate and, where the whole is known, the
// time that is left: "500 of 2000 read, 480 new, 250 a second, 6 s left".
func (p ImportProgress) Words() string {
	rate := float64(p.Done) / max(p.After.Seconds(), 0.001)
	text := fmt.Sprintf("%d read", p.Done)
	if !p.Open {
		text = fmt.Sprintf("%d of %d read", p.Done, p.Total)
	}
	text += fmt.Sprintf(", %d new, %.0f a second", p.New, rate)
	if p.Open || rate == 0 || p.Done >= p.Total {
		return text
	}
	left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second))
	switch {
	case left < time.Second:
		return text + ", less than 1 s left"
	case left < 2*time.Minute:
		return fmt.Sprintf("%s, %.0f s left", text, left.Seconds())
	}
	return fmt.Sprintf("%s, %.0f min left", text, left.Minutes())
}

// Bars of an import: as wide as is usual, and the narrowest that says anything.
const (
	fullBar  = 24
	leastBar = 8
)

// Line is the import in one line of at most width columns: a bar that fills up, where
// the whole is known and there is room for it, and Words.
func (p ImportProgress) Line(width int) string {
	words := p.Words()
	wide := min(fullBar, width-len(words)-3)
	if p.Open || wide < leastBar {
		return words[:min(len(words), max(width, 0))]
	}
	full := min(wide*p.Done/max(p.Total, 1), wide)
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", wide-full) + "] " + words
}
