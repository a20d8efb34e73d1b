package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/spf13/cobra"
)

// The exit statuses. Findings and errors are never mixed: what is wrong with the
// domain is status 1, what kept belay from looking is status 2.
const (
	exitGood    = 0
	exitFails   = 1 // findings fail, or nothing moved because a gate is closed
	exitCannot  = 2 // could not look, or bad usage
	exitRefused = 3 // a stale plan, a held lock, no consent: nothing was done
)

// errFails ends a command with status 1. All there is to say was printed.
var errFails = errors.New("findings fail or a gate is closed")

// failsError ends a command with status 1 and says why.
type failsError struct{ text string }

func (e failsError) Error() string { return e.text }

// usageError is a command line that cannot be understood.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// statusOf is the exit status of a command that ended with err.
func statusOf(err error) int {
	var locked *rollout.LockedError
	var taken *rollout.TakenError
	var fails failsError
	switch {
	case err == nil:
		return exitGood
	case errors.Is(err, errFails), errors.As(err, &fails):
		return exitFails
	case errors.Is(err, rollout.ErrRefused), errors.Is(err, rollout.ErrStale), errors.As(err, &locked), errors.As(err, &taken):
		return exitRefused
	}
	return exitCannot
}

// errorText is an error in words. That it was refused is the exit status; as the
// last words of the reason for it they say nothing.
func errorText(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+rollout.ErrRefused.Error())
}

// conclude prints why a command failed, one sentence on the standard error (with
// --json one object {"error","exit"}), and returns the exit status.
func (p *program) conclude(ran *cobra.Command, err error) int {
	status := statusOf(err)
	if err == nil || errors.Is(err, errFails) || errors.Is(err, syscall.EPIPE) {
		return status // all is said, or nobody reads any more
	}
	text := finding.Clean(errorText(err), 2000)
	if !p.logsBeside { // it would be said twice
		p.log.Error("failed", "error", text, "exit", status)
	}
	if p.flags.json {
		_ = json.NewEncoder(p.errs).Encode(struct {
			Error string `json:"error"`
			Exit  int    `json:"exit"`
		}{text, status})
		return status
	}
	if stale, ok := errors.AsType[*rollout.StalePlanError](err); ok {
		p.sayStale(stale)
		return status
	}
	fmt.Fprintf(p.errs, "belay: %s\n", text)
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(p.errs, "%s --help shows how it is used.\n", ran.CommandPath())
	}
	return status
}

// sayStale prints what a plan that was shown no longer fits, a difference a line.
func (p *program) sayStale(e *rollout.StalePlanError) {
	fmt.Fprintf(p.errs, "belay: %s:\n", clean(e.Lead()))
	for _, d := range e.Differences() {
		fmt.Fprintf(p.errs, "  - %s\n", clean(d))
	}
	fmt.Fprintf(p.errs, "Look at the new plan: belay plan %s\n", e.Shown.Domain)
}
