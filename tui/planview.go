package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/charmbracelet/x/ansi"
)

// A course is how a plan goes: each edit's state, as accepted, told by events
// while it is carried out, and concluded by the engine.
type course struct {
	plan   rollout.Plan
	states map[string]*editCourse
	// verifying is the edit that is looked for now.
	verifying string
}

// editCourse is how far one edit came.
type editCourse struct {
	word   string
	detail string
	took   time.Duration
	seen   seenOf
	// until is until when resolvers may still answer what stood before.
	until time.Time
}

// newCourse begins with what the journal knows of the plan.
func newCourse(p rollout.Plan, r rollout.Rollout) *course {
	c := &course{plan: p, states: map[string]*editCourse{}}
	for _, e := range p.Edits {
		c.states[e.ID] = &editCourse{word: "-"}
	}
	for _, accepted := range slices.Backward(r.Plans) {
		if accepted.Plan.Hash() != p.Hash() {
			continue
		}
		for id, s := range accepted.Edits {
			if e := c.states[id]; e != nil {
				e.word, e.detail, e.took = stateWord(s), s.Receipt.Detail, s.Receipt.Took
				x, _ := p.Edit(id)
				e.until = x.OldUntil(s.Verified)
			}
		}
		break
	}
	return c
}

func stateWord(s rollout.EditState) string {
	switch {
	case s.Abandoned:
		return "left"
	case !s.Verified.IsZero():
		return "live"
	case !s.Received.IsZero():
		return outcomeWord(s.Receipt.Outcome)
	case !s.Intended.IsZero():
		return "unkn"
	}
	return "-"
}

func outcomeWord(o rollout.Outcome) string {
	switch o {
	case rollout.Applied:
		return "done"
	case rollout.Found:
		return "found"
	case rollout.Waiting:
		return "wait"
	case rollout.Failed, rollout.Refused:
		return "FAIL"
	}
	return "unkn"
}

// take follows an event of a walk.
func (c *course) take(ev rollout.Event) {
	var e *editCourse
	if ev.Edit != nil {
		e = c.states[ev.Edit.ID]
	}
	if e == nil && ev.Receipt != nil {
		e = c.states[ev.Receipt.EditID]
	}
	switch ev.Kind {
	case rollout.Applying:
		if e != nil {
			e.word = "now"
		}
	case rollout.Edited:
		if e != nil && ev.Receipt != nil {
			e.word, e.detail, e.took = outcomeWord(ev.Receipt.Outcome), ev.Receipt.Detail, ev.Receipt.Took
		}
	case rollout.Verifying:
		if e != nil {
			e.word, e.seen = "seek", seenOf{}
			c.verifying = ev.Edit.ID
		}
	case rollout.BecameLive:
		if e != nil {
			e.word, e.until = "live", ev.Until
		}
	default:
		if e == nil {
			e = c.states[c.verifying]
		}
		if e != nil {
			e.seen.take(ev)
		}
	}
}

// watch follows an event of a look for the operator's edits, which changes nothing
// but what is seen of them.
func (c *course) watch(ev rollout.Event) {
	if ev.Kind != rollout.Verifying {
		c.take(ev)
		return
	}
	if e := c.states[ev.Edit.ID]; e != nil {
		e.seen, c.verifying = seenOf{}, ev.Edit.ID
	}
}

// conclude takes the engine's word for what became of the edits.
func (c *course) conclude(p rollout.Progress) {
	for _, o := range p.Edits {
		if e := c.states[o.ID]; e != nil && e.word != "live" {
			e.word, e.detail = outcomeWord(o.Outcome), o.Detail
		}
	}
}

// lay renders the plan: each edit as a diff with its state, what is needed by
// hand, and who sees it. marks are the lines where edits begin. byHand writes an
// edit that the operator makes down for him; oldUntil says until when the old
// value may still be answered.
func (c *course) lay(st Styles, w int, byHand func(rollout.Edit, int) []string, oldUntil func(time.Time) string) (lines []string, marks []int) {
	lines = append(lines, st.muted.Render(fmt.Sprintf("plan %s   %s", short(c.plan.Hash()), plural(len(c.plan.Edits), "edit"))))
	for i, e := range c.plan.Edits {
		state := c.states[e.ID]
		marks = append(marks, len(lines))
		head := fmt.Sprintf("%d %s %s", i+1, stateStyle(st, state.word), what(e))
		where := strings.TrimSpace(e.Account + "  " + took(state.took))
		if ansi.StringWidth(head)+len(where)+2 <= w {
			lines = append(lines, both(head, st.muted.Render(where), w))
		} else {
			lines = append(lines, head, "        "+st.muted.Render("at "+where))
		}
		lines = append(lines, diff(st, e)...)
		if e.Foreign {
			lines = append(lines, indent(st.warn.Render("warn  what stands there now was not put there by belay"), 8, w)...)
		}
		if e.Why != "" {
			lines = append(lines, indent(st.muted.Render(finding.Clean(e.Why, 600)), 8, w)...)
		}
		hand := byHand(e, w)
		if len(hand) > 0 && state.word != "live" && state.word != "found" {
			lines = append(lines, hand...)
		}
		for _, l := range told(state.detail) {
			if len(hand) > 0 && state.word == "wait" {
				break // the same is said by the form
			}
			bare := strings.TrimLeft(l, " ")
			lines = append(lines, indent(bare, 8+len(l)-len(bare), w)...)
		}
		lines = append(lines, state.seen.lines(st, e, w)...)
		if said := oldUntil(state.until); said != "" {
			lines = append(lines, indent(st.muted.Render(said), 8, w)...)
		}
		if state.word != "live" {
			lines = append(lines, mistakeLines(st, state.seen.findings, w)...)
		}
	}
	for _, n := range c.plan.Notes {
		lines = append(lines, "")
		lines = append(lines, indent(finding.Clean(n, 1000), 0, w)...)
	}
	return lines, marks
}

func stateStyle(st Styles, word string) string {
	text := pad(word, 5)
	switch word {
	case "live", "done", "found":
		return st.ok.Render(text)
	case "FAIL":
		return st.fail.Render(text)
	case "wait", "unkn":
		return st.warn.Render(text)
	case "now", "seek":
		return st.info.Render(text)
	}
	return text
}

// what names the place of an edit and what happens to it.
func what(e rollout.Edit) string {
	sign := "change"
	switch {
	case !e.Before.Exists:
		sign = "add"
	case !e.After.Exists:
		sign = "remove"
	}
	if e.Kind == rollout.Policy {
		return sign + " " + e.Name
	}
	ttl := ""
	if e.TTL > 0 {
		ttl = fmt.Sprintf(" %d", e.TTL)
	}
	return fmt.Sprintf("%s %s %s%s", sign, e.Name, e.Type, ttl)
}

// diff shows what goes and what comes, a line each: records by value, a body by
// line, in the order of the text. A line is never wrapped, so that it can be
// copied.
func diff(st Styles, e rollout.Edit) []string {
	before, after := parts(e.Before), parts(e.After)
	kept := common(before, after)
	var out []string
	for len(before)+len(after) > 0 {
		switch {
		case len(before) > 0 && (len(kept) == 0 || before[0] != kept[0]):
			out = append(out, "        "+st.removed.Render("- "+before[0]))
			before = before[1:]
		case len(after) > 0 && (len(kept) == 0 || after[0] != kept[0]):
			out = append(out, "        "+st.added.Render("+ "+after[0]))
			after = after[1:]
		default:
			out = append(out, "          "+kept[0])
			before, after, kept = before[1:], after[1:], kept[1:]
		}
	}
	return out
}

// mostDiffed bounds the texts that are compared line by line: a policy has a few
// lines, and what stands in its place may be anything.
const mostDiffed = 300

// common is the longest list of lines that a and b both have in this order.
func common(a, b []string) []string {
	if len(a) > mostDiffed || len(b) > mostDiffed {
		return nil
	}
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var out []string
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			out = append(out, a[i])
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

// parts are a value's lines: records as they are, a body line by line.
func parts(v rollout.Value) []string {
	lines := v.Records
	if v.Exists && v.Records == nil {
		lines = strings.FieldsFunc(v.Body, func(r rune) bool { return r == '\r' || r == '\n' })
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = finding.Clean(l, 2000)
	}
	return out
}

// copyable is the text of an edit's new value, as it is to be pasted.
func copyable(e rollout.Edit) string {
	if e.After.Records != nil {
		return strings.Join(e.After.Records, "\n")
	}
	return e.After.Body
}

// toldLines is how many lines of a receipt's detail are shown.
const toldLines = 40

// told is a receipt's detail line by line: what is to be made by hand is a form to
// be filled in or a file to be copied, and means nothing run together.
func told(detail string) []string {
	var out []string
	for l := range strings.SplitSeq(strings.TrimRight(detail, "\r\n "), "\n") {
		bare := strings.TrimLeft(l, " ")
		if clean := finding.Clean(bare, 600); clean != "" && len(out) < toldLines {
			out = append(out, strings.Repeat(" ", min(len(l)-len(bare), 8))+clean)
		}
	}
	return out
}
