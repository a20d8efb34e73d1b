package tui

import (
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// reasonsFor are reasons of a gate for reading. What is said of several addresses
// of one host is said once, with all of them; and of a finding that is the drift
// too, the drift stays, which names the ways on.
func reasonsFor(rs []rollout.Reason) []rollout.Reason {
	var out []rollout.Reason
	for i, r := range rs {
		if slices.ContainsFunc(rs[i+1:], func(l rollout.Reason) bool { return l.Subject == r.Subject && l.Text == r.Text }) {
			continue
		}
		at := slices.IndexFunc(out, func(o rollout.Reason) bool { return sameOfAHost(o, r) })
		if at < 0 {
			out = append(out, r)
			continue
		}
		_, address, _ := strings.Cut(r.Subject, " [")
		out[at].Subject = strings.TrimSuffix(out[at].Subject, "]") + ", " + address
	}
	return out
}

// sameOfAHost reports whether two reasons differ only in the address of one host.
func sameOfAHost(a, b rollout.Reason) bool {
	host, address, ok := strings.Cut(a.Subject, " [")
	other, another, too := strings.Cut(b.Subject, " [")
	if !ok || !too || host != other || !strings.HasSuffix(address, "]") || !strings.HasSuffix(another, "]") {
		return false
	}
	b.Subject = a.Subject
	return a == b
}

// about is a reason's text with what it is about before it, unless the text names
// it or it is the rollout as a whole.
func about(r rollout.Reason) string {
	switch r.Code {
	case rollout.ReasonSoak, rollout.ReasonReporters, rollout.ReasonEdits, rollout.ReasonBusy:
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
	"belay next carries", "a carries", "belay next goes on", "a goes on", "belay next looks", "r looks",
	"belay restore puts", "R puts", "belay adopt takes", "A takes")

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
		text = sentence(text) + " " + keysFor.Replace(sentence(r.Fix))
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
