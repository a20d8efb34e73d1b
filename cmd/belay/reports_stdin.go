package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"belay/rollout"
)

// sayAwaited says what an import waits for where it reads what is typed.
func (p *program) sayAwaited(inboxes []string) {
	if !slices.Contains(inboxes, standardInput) || !isTerminal(p.in) {
		return
	}
	end := "ctrl+d on an empty line"
	if runtime.GOOS == "windows" {
		end = "ctrl+z on an empty line, then enter,"
	}
	fmt.Fprintf(p.errs, "belay: waiting for a report, a zip, a mail or an mbox on this terminal; %s ends it, ctrl+c calls it off\n", end)
}

// hearing notes whether anything but white space came on the standard input.
type hearing struct {
	r         io.Reader
	something bool
}

func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.something = h.something || len(bytes.TrimSpace(p[:n])) > 0
	return n, err
}

// judgeHeard is an error where the standard input gave no report: whoever piped it in
// must hear of it. Nothing at all is status 2, for there was nothing to look at;
// something else than a report is status 1.
func judgeHeard(heard *hearing, sum rollout.Intake) error {
	if !heard.something {
		return errors.New("nothing came on the standard input: pipe a report, a zip, a mail or an mbox into belay reports import -")
	}
	for _, of := range sum.Sources {
		if of.Source == standardInput && of.Reports > 0 {
			return nil
		}
	}
	why := ""
	for _, s := range sum.Skipped {
		if s.Path == standardInput {
			why = ": " + s.Why
		}
	}
	return failsError{"the standard input held no TLS report" + why}
}
