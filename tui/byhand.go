package tui

import (
	"context"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// A record or a policy that the operator puts up by hand is shown in one of several forms, and
// what he makes is looked for again and again while it is waited for, so that a
// mistake is told as soon as it can be seen.

// Form is one way to write an edit down for the hand that makes it.
type Form struct {
	// Name is what the form is called, in a word.
	Name string
	// Text is the edit in this form: lines, which are shown and copied as they are.
	Text string
}

// handPause is how long the servers are left alone between two looks for what the
// operator makes, in real time.
const handPause = 5 * time.Second

// handMsg says that it is time to look again after a look; handSeenMsg is the end of
// one.
type handMsg struct{ after *look }

type handSeenMsg struct {
	look *look
	gate rollout.Gate
	err  error
}

// formsOf are the forms of an edit; none where the operator does not make it.
func (p *phase) formsOf(e rollout.Edit) []Form {
	if p.forms == nil || !e.ByHand() {
		return nil
	}
	return p.forms(e)
}

// keptBack are the reasons why the operator must not make an edit yet, such as an id
// whose body does not answer: its forms are then not shown, so that nobody makes it too
// soon. A walk that has come to the edit has judged that for itself.
func (p *phase) keptBack(e rollout.Edit) []rollout.Reason {
	if s := p.course.states[e.ID]; p.walk != nil && s != nil && s.word != "-" {
		return nil
	}
	return p.offer.from.Waits(e, p.clock.Now())
}

// formOf is the form in which an edit is shown now; none where it is kept back.
func (p *phase) formOf(e rollout.Edit) (form Form, ok bool) {
	forms := p.formsOf(e)
	if len(forms) == 0 || len(p.keptBack(e)) > 0 {
		return Form{}, false
	}
	return forms[p.form%len(forms)], true
}

// copyActs copy an edit and turn its forms over. What is copied is the form that is
// shown; but the fields of the first one are typed one by one, so of them it is the
// value.
func (p *phase) copyActs(e rollout.Edit) []act {
	var acts []act
	forms := p.formsOf(e)
	if len(forms) > 0 && len(p.keptBack(e)) > 0 {
		return nil
	}
	if len(forms) > 0 {
		acts = append(acts, on("tab", "other form", func() tea.Cmd { p.form++; p.render(); return nil }))
	}
	if form, ok := p.formOf(e); ok && p.form%len(forms) > 0 {
		return append(acts, on("c", "copy "+form.Name, func() tea.Cmd {
			p.nav.say("Copied " + e.Name + " as " + form.Name + ".")
			return p.copy(form.Text + "\n")
		}))
	}
	if e.After.Exists {
		acts = append(acts, on("c", "copy value", func() tea.Cmd {
			p.nav.say("Copied the value of " + e.Name + ".")
			return p.copy(copyable(e))
		}))
	}
	return acts
}

// readEdit shows an edit in full. A form that the operator copies stands at the top,
// whole: on the page below a line of it may be wider than the window.
func (p *phase) readEdit(e rollout.Edit) {
	r := newReader(what(e), p.editDetails(e))
	if form, ok := p.formOf(e); ok {
		r.about = "By hand, as " + form.Name + ". A line that is wider than this window goes on in the next."
		r.exact = form.Text
		for _, x := range p.copyActs(e) {
			do := x.do
			x.do = func() tea.Cmd { cmd := do(); p.readEdit(e); return cmd } // tab shows another form
			r.acts = append(r.acts, x)
		}
	}
	p.nav.leaf(r)
}

// formLines are an edit in the form that is chosen, or what it waits for. A form is
// never wrapped, so that it can be copied.
func (p *phase) formLines(e rollout.Edit, w int) []string {
	if len(p.formsOf(e)) == 0 {
		return nil
	}
	var lines []string
	for _, r := range rollout.Grouped(p.keptBack(e)) {
		lines = append(lines, indent(p.styles.warn.Render("not yet: "+p.local(finding.Clean(r.Text, 400))), 8, w)...)
	}
	form, ok := p.formOf(e)
	if !ok {
		return lines
	}
	keys := "tab: another form"
	for line := range strings.SplitSeq(form.Text, "\n") {
		line = "        " + finding.Aligned(line)
		if ansi.StringWidth(line) > p.pane.room() {
			keys = "enter: whole lines; tab: another form"
		}
		lines = append(lines, line)
	}
	return append([]string{"        " + p.styles.muted.Render("by hand, as "+form.Name+" ("+keys+")")}, lines...)
}

// watchHand begins to look for what the operator makes, where something of it is
// waited for and nothing else is under way.
func (p *phase) watchHand() tea.Cmd {
	if p.asking || p.walk != nil || p.looking != nil || !p.waitsForHand() {
		return nil
	}
	var cmd tea.Cmd
	p.asking = true
	p.watching, cmd = p.kit.look("", func(ctx context.Context, l *look) tea.Msg {
		gate, err := p.engine.SeeWaiting(ctx, p.domain, l.feed.sink)
		return handSeenMsg{look: l, gate: gate, err: err}
	})
	return cmd
}

// stopWatching ends it.
func (p *phase) stopWatching() {
	if p.watching != nil {
		p.watching.cancel()
		p.watching, p.asking = nil, false
	}
}

// handSeen takes what a look for the operator's edits saw, and looks again after a
// while as long as something is missing.
func (p *phase) handSeen(msg handSeenMsg) tea.Cmd {
	if p.watching == nil || msg.look != p.watching {
		return nil
	}
	p.asking = false
	switch p.handMade = msg.err == nil && msg.gate.Open; {
	case p.handMade:
		p.nav.say("It is there now, wherever senders look. a goes on.")
		p.render()
		return nil
	case msg.err != nil:
		p.nav.say("Could not look for it just now: " + plain(msg.err))
	}
	p.render()
	return p.after(handPause, handMsg{msg.look})
}

// mistakeLines are what was found wrong with an edit while it was waited for.
func mistakeLines(st Styles, found []finding.Finding, w int) []string {
	var lines []string
	for _, f := range found {
		if f.Severity != finding.Fail || f.Code == "D02" {
			continue
		}
		lines = append(lines, indent(st.fail.Render("FAIL  "+finding.Clean(f.Title, 500)), 8, w)...)
		lines = append(lines, indent(finding.Clean(f.Fix, 500), 14, w)...)
	}
	return lines
}
