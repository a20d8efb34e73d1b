package tui

import (
	"context"
	"errors"
	"strings"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
)

// phase is one rollout: what is seen as it comes in, the plan as a diff and how
// it goes, the gate with its reasons, and what to do next.
type phase struct {
	*kit
	domain        string
	pane          pane
	width, height int

	rollout  rollout.Rollout
	gate     rollout.Gate
	loaded   bool
	proposal *rollout.Proposal
	// offer is the plan that a carries out.
	offer offer
	// course is how the offered plan goes.
	course    *course
	planShown bool
	undoable  bool // whether u would make a plan

	looking *look // under way, or nil
	seen    live  // what that look has told
	walk    *walk // under way, or nil
	// watching is the newest look for what the operator makes by hand, or nil: its
	// feed may tell more when it has ended.
	watching *look
	asking   bool // whether it is under way
	handMade bool // whether it saw all of it
	form     int  // the form in which his edits are shown
	err      error

	items []row    // what the marks of the pane select, where findings are shown
	foot  []string // what stands below the pane: gate and guide
}

// offer is a plan and how it is carried out.
type offer struct {
	plan rollout.Plan
	// from is the proposal that the plan came with.
	from    rollout.Proposal
	gate    rollout.Gate
	resumes bool
	// own marks a plan of step back, undo or restore, which does not move the
	// rollout on.
	own bool
}

// proposedMsg is what a look proposes.
type proposedMsg struct {
	look     *look
	proposal rollout.Proposal
	own      bool
	// came says what reports came before the look; empty where there is nothing to say.
	came string
	err  error
}

// loadedMsg is a rollout as the store has it.
type loadedMsg struct {
	domain string
	standing
	err error
}

// decidedMsg is the end of an act that only writes into the journal.
type decidedMsg struct {
	domain string
	said   string
	err    error
}

func newPhase(k *kit, domain string) *phase { return &phase{kit: k, domain: domain} }

// Init shows what is stored at once, reads what reports have come, and looks at the
// world.
func (p *phase) Init() tea.Cmd {
	if p.walk != nil {
		return nil
	}
	return tea.Batch(p.load(), p.readAndLook())
}

func (p *phase) load() tea.Cmd { return p.loadOf(p.domain) }

// loadOf reads a rollout and its gate from the store.
func (k *kit) loadOf(domain string) tea.Cmd {
	return k.crew.errand(func(ctx context.Context) tea.Msg { return k.read(ctx, domain) })
}

func (k *kit) read(ctx context.Context, domain string) loadedMsg {
	r, err := k.engine.Load(ctx, domain)
	if err != nil {
		return loadedMsg{domain: domain, err: err}
	}
	return loadedMsg{domain: domain, standing: standing{r, k.engine.GateOf(r)}}
}

// Close ends the look that is under way. A walk is not ended by closing.
func (p *phase) Close() {
	if p.looking != nil {
		p.looking.cancel()
		p.looking = nil
	}
	p.stopWatching()
}

func (p *phase) Typing() bool { return false }

func (p *phase) Rollout() (rollout.Rollout, bool) {
	r := p.rollout
	r.Domain = p.domain
	return r, true
}

func (p *phase) Title() (string, string) {
	left := shownDomain(p.domain)
	if p.rollout.Phase != "" {
		left += "   " + p.rollout.Phase.String()
	}
	live, id, ok := p.rollout.Live()
	if !ok {
		return left, "not yet published"
	}
	return left, string(live.Mode) + ", max_age " + seconds(live.MaxAge) + ", id " + id
}

func (p *phase) SetSize(w, h int) {
	if p.width != w || p.height != h {
		p.width, p.height = w, h
		p.render()
	}
}

func (p *phase) View() []string {
	return append(p.pane.view(), p.foot...)
}

func (p *phase) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case loadedMsg:
		p.take(msg)
	case feedMsg:
		return p.follow(msg)
	case beatMsg:
		if p.looking != nil && msg.feed == p.looking.feed || p.walk != nil && msg.feed == p.walk.feed {
			p.render()
			return p.after(beat, msg)
		}
	case proposedMsg:
		return p.proposed(msg)
	case walkedMsg:
		return p.walked(msg)
	case decidedMsg:
		return p.decided(msg)
	case rehearsedMsg:
		return p.rehearsed(msg)
	case handSeenMsg:
		return p.handSeen(msg)
	case handMsg:
		if msg.after == p.watching {
			return p.watchHand()
		}
	case refreshMsg:
		if p.walk == nil {
			return p.again()
		}
	}
	return nil
}

// take shows what is stored, as long as nothing newer is known.
func (p *phase) take(msg loadedMsg) {
	if msg.domain != p.domain || p.proposal != nil && msg.err == nil {
		return
	}
	p.loaded = true
	if msg.err != nil {
		p.Close()
		p.err = msg.err
	} else {
		p.rollout, p.gate = msg.rollout, msg.gate
		p.undoable = canUndo(p.rollout, p.clock.Now())
		p.nav.learned(p.rollout, p.gate)
	}
	p.render()
}

// follow shows what an act tells while it goes on.
func (p *phase) follow(msg feedMsg) tea.Cmd {
	switch {
	case p.looking != nil && msg.feed == p.looking.feed:
		for _, ev := range msg.events {
			p.seen.take(ev)
		}
	case p.walk != nil && msg.feed == p.walk.feed:
		for _, ev := range msg.events {
			p.course.take(ev)
		}
	case p.watching != nil && msg.feed == p.watching.feed && p.course != nil:
		for _, ev := range msg.events {
			p.course.watch(ev)
		}
	default:
		return nil
	}
	p.render()
	if msg.ended {
		return nil
	}
	return msg.feed.next(p.crew)
}

// proposed takes the end of a look.
func (p *phase) proposed(msg proposedMsg) tea.Cmd {
	if p.looking == nil || msg.look != p.looking {
		return nil
	}
	p.looking = nil
	if msg.err != nil {
		p.err = msg.err
		if msg.own {
			p.nav.say("Not possible now: " + plain(msg.err))
			p.err = nil
		}
		p.render()
		return nil
	}
	if msg.came != "" {
		p.nav.say(msg.came)
	}
	next := msg.proposal
	p.rollout, p.gate, p.loaded = next.Rollout, next.Gate, true
	if p.rollout.Evidence == nil {
		p.rollout.Evidence = &next.Evidence
	}
	p.undoable = canUndo(p.rollout, p.clock.Now())
	if p.proposal == nil || !msg.own {
		next.Since = p.lasting(next.Since)
		p.proposal = &next
	}
	p.offer = offer{plan: next.Plan, from: next, gate: next.Gate, resumes: next.Resumes, own: msg.own}
	p.course, p.handMade = nil, false
	if !next.Plan.Empty() {
		p.course = newCourse(next.Plan, next.Rollout)
	}
	p.planShown = p.course != nil
	p.pane.end(false)
	p.nav.learned(p.rollout, p.gate)
	p.render()
	if msg.own && p.course == nil {
		p.nav.say("There is nothing to change for that.")
		return nil
	}
	if msg.own {
		d := p.confirm(p.rollout, next.Plan, p.carryOffer)
		d.unasked = true
		return p.nav.ask(d)
	}
	return p.watchHand()
}

// walked takes the end of a walk and looks where that has led.
func (p *phase) walked(msg walkedMsg) tea.Cmd {
	if p.walk == nil || msg.walk != p.walk {
		return nil
	}
	p.walk = nil
	p.nav.walking(nil)
	if msg.unbegun {
		return p.unbegun(msg.walk.then)
	}
	if p.proposal != nil {
		p.proposal.Since = nil // what follows is belay's own doing
	}
	p.course.conclude(msg.progress)
	if p.offer.plan.Empty() {
		p.course = nil
	}
	if msg.err != nil {
		p.err = msg.err
		p.render()
		return nil
	}
	p.nav.say(strings.TrimSpace(report(msg.progress) + " " + msg.came))
	return tea.Batch(p.load(), p.again())
}

// decided takes the end of a decision.
func (p *phase) decided(msg decidedMsg) tea.Cmd {
	if msg.domain != p.domain {
		return nil
	}
	if msg.err != nil {
		p.nav.say("Not done: " + plain(msg.err))
		if errors.Is(msg.err, rollout.ErrStale) && p.walk == nil {
			return p.again() // what was decided about has moved on
		}
		return nil
	}
	p.nav.say(msg.said)
	if p.walk != nil {
		return nil
	}
	return p.again()
}
