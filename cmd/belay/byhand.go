package main

import (
	"slices"
	"strings"

	"belay/providers/dns"
	"belay/rollout"
	"belay/tui"
)

// writtenEdit is one edit as it is made by hand, in `plan --form F --json`.
type writtenEdit struct {
	Edit string   `json:"edit"`
	Form dns.Form `json:"form"`
	Text string   `json:"text"`
}

// written are the plan's records in a form.
func written(plan rollout.Plan, form dns.Form) []writtenEdit {
	var out []writtenEdit
	for _, e := range plan.Edits {
		if text := form.Write(e); text != "" {
			out = append(out, writtenEdit{e.ID, form, text})
		}
	}
	return out
}

// printWritten prints the plan's records in a form and nothing else but remarks of
// that form, so that it can be given to the program that reads it.
func (p *program) printWritten(plan rollout.Plan, form dns.Form) {
	for _, w := range written(plan, form) {
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
	for _, f := range dns.Forms() {
		if text := f.Write(e); text != "" {
			out = append(out, tui.Form{Name: string(f), Text: text})
		}
	}
	return out
}

// byHand reports whether the operator makes any record of the plan.
func byHand(plan rollout.Plan) bool {
	return slices.ContainsFunc(plan.Edits, func(e rollout.Edit) bool { return e.Kind == rollout.Record && e.ByHand() })
}
