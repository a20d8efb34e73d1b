package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"

	tea "github.com/charmbracelet/bubbletea"
)

// readAndLook reads what reports have come, then looks at what is to be done next:
// the operator came here, or asks for it, to see whether the gate opens.
func (p *phase) readAndLook() tea.Cmd {
	return p.propose(p.lookingAt(), true, false, p.engine.Propose)
}

// again looks anew at what is to be done next, where reports were read just before or
// nothing is asked about them.
func (p *phase) again() tea.Cmd {
	return p.propose(p.lookingAt(), false, false, p.engine.Propose)
}

func (p *phase) lookingAt() string { return "Looking at " + p.domain + " as a sender would." }

// proposeOwn starts a look that ends in the plan of an act that was asked for, which
// waits for no report.
func (p *phase) proposeOwn(what string, f proposer) tea.Cmd { return p.propose(what, false, true, f) }

// proposer is an act of the engine that looks and proposes.
type proposer func(context.Context, string, rollout.Sink) (rollout.Proposal, error)

// propose starts a look that ends in a proposal, reading the reports before it where
// read is set and no step back waits.
func (p *phase) propose(what string, read, own bool, f proposer) tea.Cmd {
	p.Close()
	var cmd tea.Cmd
	p.seen, p.err = live{}, nil
	p.looking, cmd = p.kit.look(what, func(ctx context.Context, l *look) tea.Msg {
		msg := proposedMsg{look: l, own: own}
		if read && !p.steppingBack(ctx, p.domain) {
			if msg.came, msg.err = p.takeReports(ctx, p.domain, l.reports); msg.err != nil {
				return msg
			}
		}
		msg.proposal, msg.err = f(ctx, p.domain, l.feed.sink)
		return msg
	})
	p.render()
	return cmd
}

// walkActs are what is possible while a walk reads reports. Nothing is carried out yet, so
// whoever does not want to wait for a slow inbox ends the reading.
func (p *phase) walkActs() []act {
	if !p.walk.reading() {
		return nil
	}
	acts := p.stepBackActs()
	for i := range acts {
		then := acts[i].do
		acts[i].do = func() tea.Cmd { return p.endReading(then) }
	}
	return append(acts, on("esc", "stop reading", func() tea.Cmd { return p.endReading(nil) }))
}

// endReading ends the reading of the walk, and the walk with it; then, if it is not
// nil, follows when it has ended.
func (p *phase) endReading(then func() tea.Cmd) tea.Cmd {
	if !p.walk.endReading() {
		p.nav.say("The reports are read, and the plan is being carried out.")
		return nil
	}
	p.walk.then = then
	p.render()
	return nil
}

// unbegun takes the end of a walk whose reading was ended: what was offered still is.
func (p *phase) unbegun(then func() tea.Cmd) tea.Cmd {
	if p.offer.plan.Empty() {
		p.course = nil
	}
	p.render()
	if then != nil {
		return then()
	}
	p.nav.say("The reading was ended. Nothing was carried out.")
	return p.watchHand()
}

// guideReading is for a walk that reads reports, or whose reading is ending.
func (p *phase) guideReading() string {
	switch {
	case p.walk.ended():
		return "Ending the reading of reports. Nothing was carried out."
	case p.rollout.Enforces():
		return "Nothing is carried out before the reports are read. esc ends the reading; b ends it and steps back."
	}
	return "Nothing is carried out before the reports are read. esc ends the reading."
}

// steppingBack reports whether a step back of domain is half done: it is gone on with
// before anything is read, since until it is done senders may refuse mail.
func (k *kit) steppingBack(ctx context.Context, domain string) bool {
	r, err := k.engine.Load(ctx, domain)
	busy, unfinished := r.Unfinished()
	return err == nil && unfinished && busy.Plan.Purpose == rollout.ForStepBack
}

// takeReports takes in what has come into the inboxes of domain, so that no gate opens
// on reports that nobody has read, and says what that was, if it is anything. An inbox
// that cannot be read ends nothing: it is said, and a reason of the gate.
func (k *kit) takeReports(ctx context.Context, domain string, under *importing) (came string, err error) {
	r, err := k.engine.Load(ctx, domain)
	if err != nil || len(r.Settings.Inboxes) == 0 {
		return "", nil // the act that follows fails by it, and says so
	}
	under.begin(r.Settings.Inboxes)
	defer under.end()
	in, err := k.importer.Import(ctx, domain, r.Settings.Inboxes, under.tell)
	if err != nil {
		return "", fmt.Errorf("read what reports have come about %s: %w", domain, err)
	}
	if in.New == 0 && !slices.ContainsFunc(in.Sources, func(of rollout.SourceIntake) bool { return of.Error != "" }) {
		return "", nil
	}
	return intake(in), nil
}

// begin says that inboxes are read, and end that they were.
func (i *importing) begin(inboxes []string) {
	i.mu.Lock()
	i.from, i.begun = readingWord+finding.Clean(strings.Join(inboxes, ", "), 120)+" ...", false
	i.mu.Unlock()
	i.feed.ring()
}

func (i *importing) end() {
	i.mu.Lock()
	i.from, i.begun = "", false
	i.mu.Unlock()
	i.feed.ring()
}

// readingLines say how far the reading of reports is that comes before an act; none
// where there is none.
func (p *phase) readingLines(under *importing, w int) []string {
	line := under.line(w)
	if line == "" {
		return nil
	}
	return []string{p.styles.muted.Render("What reports have come is read first: no gate opens on what nobody has read."), p.styles.muted.Render(line), ""}
}
