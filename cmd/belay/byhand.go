package main

import (
	"slices"
	"strings"
	"time"

	"belay/providers/dns"
	"belay/providers/host"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/tui"
)

// writtenEdit is one edit as it is made by hand, in `plan --form F --json`: its
// text, or what it is made after. What must wait is not written out, so that nobody
// makes it too soon.
type writtenEdit struct {
	Edit  string   `json:"edit"`
	Form  dns.Form `json:"form"`
	Text  string   `json:"text,omitempty"`
	After []string `json:"after,omitempty"`
}

// written are the records of a proposed plan in a form. What was seen everywhere is
// made already and left out.
func written(proposal rollout.Proposal, form dns.Form, now time.Time) []writtenEdit {
	var out []writtenEdit
	if proposal.Drift != nil {
		return nil // which way on is the operator's to say
	}
	for _, e := range proposal.Plan.Edits {
		text := writtenIn(form, e)
		if text == "" || proposal.Verified(e.ID) {
			continue
		}
		one := writtenEdit{Edit: e.ID, Form: form, Text: text}
		for _, reason := range proposal.Waits(e, now) {
			one.Text, one.After = "", append(one.After, finding.Clean(reason.Text, 400))
		}
		out = append(out, one)
	}
	return out
}

// writtenIn is an edit that is made by hand, in a form. A policy is no record: a
// program that reads the form is told of it in a remark.
func writtenIn(form dns.Form, e rollout.Edit) string {
	if e.Kind != rollout.Policy {
		return form.Write(e)
	}
	if e.Account != host.KindManual {
		return ""
	}
	text := host.Instruction(e)
	if remark(form, "") == ":" {
		return text
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, remark(form, strings.TrimRight(line, "\r\n")))
	}
	return strings.Join(lines, "\n")
}

// printWritten prints the records of a proposed plan in a form and nothing else but
// remarks of that form, so that it can be given to the program that reads it.
func (p *program) printWritten(proposal rollout.Proposal, form dns.Form) {
	for _, w := range written(proposal, form, p.world.Clock.Now()) {
		if len(w.After) > 0 {
			for _, why := range w.After {
				p.say("%s", remark(form, "edit "+w.Edit+" is kept back: "+why))
			}
			continue
		}
		p.say("%s", remark(form, "edit "+w.Edit))
		p.block(w.Text, "")
	}
}

// remark is a line of the form that says nothing to whoever reads the form.
func remark(form dns.Form, text string) string {
	switch form {
	case dns.ZoneFile, dns.NSUpdate:
		return "; " + text
	case dns.Terraform:
		return "# " + text
	}
	return text + ":"
}

// formNames are the forms for help and usage.
func formNames() string {
	var names []string
	for _, f := range dns.Forms() {
		names = append(names, string(f))
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// formsForScreen are an edit's forms as the wizard shows them.
func formsForScreen(e rollout.Edit) []tui.Form {
	var out []tui.Form
	if e.Kind == rollout.Policy {
		return bodyForms(e)
	}
	for _, f := range dns.Forms() {
		if text := f.Write(e); text != "" {
			out = append(out, tui.Form{Name: string(f), Text: text})
		}
	}
	return out
}

// bodyForms are a policy that is put up by hand as the wizard shows it: to be
// copied, and as a command that writes the very octets.
func bodyForms(e rollout.Edit) []tui.Form {
	if e.Account != host.KindManual {
		return nil
	}
	forms := []tui.Form{{Name: "file", Text: strings.TrimRight(host.Instruction(e), "\r\n")}}
	if e.After.Exists {
		forms = append(forms, tui.Form{Name: "command", Text: host.WriteCommand(e.After.Body)})
	}
	return forms
}

// byHand reports whether the operator makes any edit of the plan that a form writes
// down.
func byHand(plan rollout.Plan) bool { return slices.ContainsFunc(plan.Edits, hasForm) }

// hasForm reports whether a form writes down an edit that the operator makes.
func hasForm(e rollout.Edit) bool {
	return e.Kind == rollout.Record && e.ByHand() || e.Kind == rollout.Policy && e.Account == host.KindManual
}
