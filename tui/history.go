package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// history is the journal of one rollout, newest first, as sentences.
type history struct {
	*kit
	domain  string
	pane    pane
	entries []rollout.Entry
	loaded  bool
	err     error
}

// journalMsg is a journal as it was read.
type journalMsg struct {
	domain  string
	entries []rollout.Entry
	err     error
}

func newHistory(k *kit, domain string) *history { return &history{kit: k, domain: domain} }

func (h *history) Init() tea.Cmd {
	return h.crew.errand(func(ctx context.Context) tea.Msg {
		entries, err := h.journal.Journal(ctx, h.domain)
		return journalMsg{h.domain, entries, err}
	})
}

func (h *history) Close()                           {}
func (h *history) Typing() bool                     { return false }
func (h *history) Rollout() (rollout.Rollout, bool) { return rollout.Rollout{}, false }

func (h *history) Title() (string, string) {
	return shownDomain(h.domain) + "   history", plural(len(h.entries), "entry")
}

func (h *history) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case journalMsg:
		if msg.domain == h.domain {
			h.entries, h.err, h.loaded = msg.entries, msg.err, true
			h.render()
		}
	case refreshMsg:
		return h.Init()
	}
	return nil
}

func (h *history) SetSize(w, height int) {
	if h.pane.width != w || h.pane.height != height {
		h.pane.size(w, height)
		h.render()
	}
}

// saidAt is where the sentence of an entry begins: behind its moment and kind.
const saidAt = 36

func (h *history) render() {
	var lines []string
	var marks []int
	room := h.pane.reading()
	edits, settings := editsOf(h.entries), rollout.SettingsTold(h.entries)
	for i := len(h.entries) - 1; i >= 0; {
		first := beginOfEdit(h.entries, i)
		e := h.entries[i]
		marks = append(marks, len(lines))
		kind, said, more := h.tellAll(h.entries[first : i+1])
		if x, ok := edits[e.PlanHash+" "+editOf(e)]; ok {
			said += ": " + what(x)
			more = append(h.changed(x, h.entries[first:i+1]), more...)
		}
		if set := settings[i]; len(set) > 0 {
			said, more = set[0], append(set[1:], more...)
		}
		i = first - 1
		sentence := wrap(finding.Clean(said, 500), max(room-saidAt, 20))
		if len(sentence) == 0 {
			sentence = []string{""}
		}
		line := columns([]int{23, 9, 0}, h.styles.muted.Render(h.stamp(e.At)), h.styles.strong.Render(kind), sentence[0])
		who := finding.Clean(e.Who, 80)
		if ansi.StringWidth(line)+2+ansi.StringWidth(who) <= room {
			line = both(line, h.styles.muted.Render(who), room)
		} else {
			more = append(more, "by "+who)
		}
		lines = append(lines, line)
		for _, l := range sentence[1:] {
			lines = append(lines, strings.Repeat(" ", saidAt)+l)
		}
		for _, m := range more {
			lines = append(lines, indent(finding.Clean(m, 500), 4, room)...)
		}
	}
	h.pane.fill(lines, marks)
}

// beginOfEdit is the first of the entries up to last that tell, one behind the
// other and within a minute, how one edit was made: intended, received, seen.
func beginOfEdit(entries []rollout.Entry, last int) int {
	e := entries[last]
	first := last
	for editOf(e) != "" && first > 0 {
		before := entries[first-1]
		if editOf(before) != editOf(e) || before.PlanHash != e.PlanHash || before.Who != e.Who || e.At.Sub(before.At) > time.Minute {
			break
		}
		first--
	}
	return first
}

// tellAll is tell for the entries of one edit, which are told as one.
func (k *kit) tellAll(entries []rollout.Entry) (kind, said string, more []string) {
	if len(entries) == 1 {
		said, more = k.tell(entries[0])
		return string(entries[0].Kind), said, more
	}
	var steps []string
	for _, e := range entries {
		step := string(e.Kind)
		if x := e.Receipt; x != nil {
			step = strings.TrimSpace(string(x.Outcome) + " " + took(x.Took))
		}
		steps = append(steps, step)
		_, below := k.tell(e)
		more = append(more, below...)
	}
	return "edit", editOf(entries[0]) + ": " + strings.Join(steps, ", "), more
}

// editsOf are the edits of the journaled plans, by the plan's hash and the edit's
// id.
func editsOf(entries []rollout.Entry) map[string]rollout.Edit {
	out := map[string]rollout.Edit{}
	for _, e := range entries {
		if e.Plan == nil {
			continue
		}
		for _, x := range e.Plan.Edits {
			out[e.Plan.Hash()+" "+x.ID] = x
		}
	}
	return out
}

// changed says from what to what an edit led, below the entry of its intent, and
// below that of its verification until when resolvers may answer the old.
func (h *history) changed(x rollout.Edit, entries []rollout.Entry) []string {
	var out []string
	for _, e := range entries {
		switch until := x.OldUntil(e.At); {
		case e.Kind == rollout.Intended:
			out = append(out, "from "+valueOf(x.Before), "to   "+valueOf(x.After)+"   at "+x.Account)
		case e.Kind == rollout.Seen && !until.IsZero():
			out = append(out, "resolvers may answer what was before until "+h.when(until))
		}
	}
	return out
}

// valueOf is a value on one line, or "nothing".
func valueOf(v rollout.Value) string {
	if !v.Exists {
		return "nothing"
	}
	return v.String()
}

// editOf is the id of the edit that an entry is about, if it is about one.
func editOf(e rollout.Entry) string {
	if e.Receipt != nil {
		return e.Receipt.EditID
	}
	return e.EditID
}

// tell says what an entry records, but of settings, in one sentence and the lines below
// it.
func (k *kit) tell(e rollout.Entry) (said string, more []string) {
	switch e.Kind {
	case rollout.Adopted:
		said = "what stood there, into the ledger"
		if e.Phase != "" {
			said += "; phase " + e.Phase.String()
		}
	case rollout.Accepted:
		if p := e.Plan; p != nil {
			said = fmt.Sprintf("plan %s, %s, %s", short(p.Hash()), p.Phase, plural(len(p.Edits), "edit"))
			for _, x := range p.Edits {
				more = append(more, x.String())
			}
		}
	case rollout.Abandoned, rollout.Intended, rollout.Seen:
		said = "edit " + e.EditID
		if len(e.Shown) > 0 {
			more = append(more, "shown by "+strings.Join(e.Shown, ", "))
		}
		if len(e.Unseen) > 0 {
			more = append(more, "no answer from "+strings.Join(e.Unseen, ", "))
		}
	case rollout.Received:
		if x := e.Receipt; x != nil {
			said = strings.TrimSpace(fmt.Sprintf("edit %s: %s  %s", x.EditID, x.Outcome, took(x.Took)))
			if x.Detail != "" {
				more = append(more, x.Detail)
			}
		}
	case rollout.Moved:
		said = fmt.Sprintf("from %s to %s", e.From, e.Phase)
		if e.Aim > 0 {
			said += fmt.Sprintf(", max_age %d next", e.Aim)
		}
	case rollout.Overrode:
		said = plural(len(e.Reasons), "reason") + " overridden"
		for _, waived := range e.Reasons {
			more = append(more, strings.TrimSpace(waived.Code+" "+waived.Subject))
		}
	case rollout.Mended:
		said = "as of " + k.when(e.MendedAt)
	case rollout.Dismissed, rollout.Trusted:
		said = e.Key
	case rollout.Cached:
		said = "a shared cache may serve the old policy until " + k.when(e.Wait)
	}
	if e.Reason != "" {
		more = append(more, "because: "+e.Reason)
	}
	return said, more
}

// short is enough of a plan's hash to tell it from another by eye.
func short(hash string) string { return cut(hash, 12) }

func (h *history) View() []string {
	switch {
	case h.err != nil:
		return append([]string{"", "  " + h.styles.fail.Render("The journal could not be read.")}, indent(finding.Clean(h.err.Error(), 1000), 2, h.pane.width)...)
	case !h.loaded:
		return []string{"", "  Reading the journal ..."}
	case len(h.entries) == 0:
		return []string{"", "  The journal is empty."}
	}
	return h.pane.view()
}

func (h *history) KeyMap() []act {
	down := func() tea.Cmd { h.pane.move(1); return nil }
	return append([]act{on("up/down", "scroll", down, "down")}, h.pane.moves()...)
}
