package tui

import (
	"regexp"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// about is a reason's text with what it is about before it, unless the text names
// it or it is the rollout as a whole.
func about(r rollout.Reason) string {
	switch r.Code {
	case rollout.ReasonSoak, rollout.ReasonReporters, rollout.ReasonEdits, rollout.ReasonBusy, rollout.ReasonBlocking, rollout.ReasonSigner:
		return r.Text
	}
	host, _, _ := strings.Cut(r.Subject, " ")
	if host == "" || strings.Contains(r.Text, host) {
		return r.Text
	}
	return r.Subject + ": " + r.Text
}

// keysFor are the commands that package rollout names, as keys of the screen that
// shows the rollout.
var keysFor = strings.NewReplacer(
	"belay next carries", "a carries", "belay next goes on", "a goes on", "belay next makes", "a makes", "belay next looks", "r looks", "belay next reads", "r reads",
	"belay restore puts", "R puts", "belay adopt takes", "A takes")

// The decisions about reports that package rollout names as commands, each with what
// it is about.
var (
	mendedCommand  = regexp.MustCompile(`belay mended \S*[^\s;.]`)
	dismissCommand = regexp.MustCompile(`belay dismiss \S+ [^\s)]+( --reason WHY)?`)
	trustCommand   = regexp.MustCompile(`belay reports trust \S+ [^\s)]+( --reason WHY)?`)
)

// keysOfReports is a mend with its commands as keys of the screen of reports.
func keysOfReports(fix string) string {
	fix = mendedCommand.ReplaceAllString(fix, "f marks it mended")
	fix = dismissCommand.ReplaceAllString(fix, "D sets it aside")
	return trustCommand.ReplaceAllString(fix, "t trusts it")
}

// keysOfPhase is a mend with its commands as keys of the screen that shows the
// rollout, from which v leads to the reports.
func keysOfPhase(fix string) string {
	fix = mendedCommand.ReplaceAllString(fix, "f marks it mended")
	fix = dismissCommand.ReplaceAllString(fix, "v and there D sets it aside")
	fix = trustCommand.ReplaceAllString(fix, "v and there t trusts it")
	return fix
}

// reason is a reason in full: what it is about, until when, and what removes it.
func (k *kit) reason(r rollout.Reason) string {
	text := about(r)
	if r.Overridden {
		text = "overridden: " + text
	}
	if !r.Until.IsZero() {
		text += " (until " + k.when(r.Until) + ")"
	}
	if r.Fix != "" && !r.Overridden {
		text = sentence(text) + " " + keysFor.Replace(sentence(keysOfPhase(r.Fix)))
	}
	if r.Final {
		text += " (cannot be overridden)"
	}
	return k.local(finding.Clean(text, 800))
}

// heldUp reports whether the offered plan enforces or raises max_age and waits for
// the gate that is shown: the engine would not carry it out.
func (p *phase) heldUp() bool {
	policy, ok := p.offer.plan.Policy()
	if !ok || p.offer.own || policy.Mode != mtasts.Enforce || len(p.gate.Closed()) == 0 {
		return false
	}
	return p.rollout.Mode() != mtasts.Enforce || policy.MaxAge > p.rollout.Rung()
}
