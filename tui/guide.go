package tui

import (
	"errors"
	"fmt"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// guide says in a sentence or two where the rollout stands and which key is next.
// Every key it names is enabled then.
func (p *phase) guide() string {
	switch {
	case p.walk != nil && (p.walk.reading() || p.walk.ended()):
		return p.guideReading()
	case p.walk != nil:
		return handsOf(p.course.plan).underWay()
	case p.looking != nil:
		return p.looking.what
	case errors.Is(p.err, rollout.ErrNoRollout):
		return "n starts a rollout of " + p.domain + "."
	case p.err != nil:
		if _, ok := p.lacksLogin(); ok {
			return "t types what the login lacks, for this session; r tries again."
		}
		return "r tries again."
	case p.proposal == nil:
		return "r looks at the domain."
	case p.proposal.Drift != nil && p.offer.plan.Empty():
		return p.guideDrift(*p.proposal.Drift)
	case p.heldUp():
		return p.guideHeld()
	case !p.offer.plan.Empty() && !p.planShown:
		return fmt.Sprintf("A plan of %s is ready: p shows it.", plural(len(p.offer.plan.Edits), "edit"))
	case !p.offer.plan.Empty() && p.waitsForHand():
		if p.handMade {
			return "What was made by hand is seen everywhere. a goes on."
		}
		return "Make the change by hand (c copies it). It is looked for every few seconds; a goes on when it is there."
	case !p.offer.plan.Empty() && p.offer.resumes:
		return "This plan was accepted and is not finished: a goes on with it, where the world is now."
	case !p.offer.plan.Empty() && p.offer.own:
		return handsOf(p.offer.plan).own(toDo(p.offer.plan.Purpose))
	case !p.offer.plan.Empty():
		return handsOf(p.offer.plan).all()
	case p.gate.Open && p.rollout.Phase != rollout.Holding:
		return fmt.Sprintf("The gate is open: a goes on to %s.", p.goal())
	}
	return p.guideClosed()
}

// toDo says what a plan of its own is for.
func toDo(purpose rollout.Purpose) string {
	switch purpose {
	case rollout.ForStepBack:
		return "step back to testing"
	case rollout.ForRestore:
		return "put back what was verified last"
	}
	return "undo the last one"
}

// goal is where an open gate leads.
func (p *phase) goal() string {
	r := p.rollout
	if r.Phase == rollout.RaiseMaxAge {
		if rung, ok := r.Settings.NextRung(r.Rung()); ok {
			return "max_age " + seconds(rung)
		}
	}
	return r.Phase.Next().String()
}

func (p *phase) guideDrift(d rollout.Drift) string {
	said := "The world is not as belay left it."
	if d.RestoreRefused == "" && !d.Restore.Empty() {
		said += " R puts back what was verified last."
	}
	if d.AdoptRefused == "" && len(d.Adopt) > 0 {
		said += " A takes what is live as it is."
	}
	return said
}

// guideHeld is for a plan that enforces or raises and must wait for the gate.
func (p *phase) guideHeld() string {
	said := "The plan waits: the gate into it is closed."
	if fails := failsOf(standing{rollout: p.rollout}); len(fails) > 0 {
		return said + " Mend " + finding.Clean(fails[0].Subject, 60) + ", then r looks again." + p.labMend()
	}
	anyway := ""
	if p.mayOverride() {
		anyway = " o goes on anyway, in writing."
	}
	if !p.gate.Until.IsZero() {
		return said + " It opens " + p.when(p.gate.Until) + " if it stays clean; then r looks again." + anyway
	}
	return said + " " + sentence(p.local(finding.Clean(about(p.gate.Closed()[0]), 200))) + " r looks again." + anyway
}

// guideClosed is for a gate that is shut, with nothing to be carried out.
func (p *phase) guideClosed() string {
	closed := p.gate.Closed()
	if p.rollout.Phase == rollout.Holding {
		if len(failsOf(standing{rollout: p.rollout})) > 0 {
			return "The target is reached, but something fails now: mend it, then r looks again." + p.labMend()
		}
		return fmt.Sprintf("The target is reached: %s, max_age %s. Nothing is left to do; belay check from cron watches.", p.mode(), seconds(p.rollout.Rung()))
	}
	if len(closed) == 0 {
		return "Nothing is left to do here."
	}
	if fails := failsOf(standing{rollout: p.rollout}); len(fails) > 0 {
		said := "Mend " + finding.Clean(fails[0].Subject, 60) + ", then r looks again." + p.labMend()
		if p.overridable() {
			said += " o goes on anyway, in writing."
		}
		return said
	}
	said := "The gate is closed."
	if !p.gate.Until.IsZero() {
		said = fmt.Sprintf("Wait: the gate opens %s if it stays clean.", p.when(p.gate.Until))
	}
	if p.lab != nil {
		return said + " d winds a day; the senders work and report."
	}
	if p.reviewing() {
		return said + " i imports reports; v shows them."
	}
	if p.overridable() {
		return said + " r looks again; o goes on anyway, in writing."
	}
	return said + " r looks again."
}

func (p *phase) labMend() string {
	if p.lab == nil {
		return ""
	}
	return " Here in the lab x, then space, mends it."
}

// mode is the live mode as a sentence has it.
func (p *phase) mode() mtasts.Mode { return p.rollout.Mode() }

// reviewing reports whether reports matter to the gate now.
func (p *phase) reviewing() bool {
	return !p.rollout.Phase.Before(rollout.ReviewReports)
}

// overridable reports whether an override would remove a reason.
func (p *phase) overridable() bool {
	for _, r := range p.gate.Closed() {
		if !r.Final {
			return true
		}
	}
	return false
}

// waitsForHand reports whether an edit waits for the operator to make it.
func (p *phase) waitsForHand() bool {
	if p.course == nil {
		return false
	}
	for _, e := range p.course.plan.Edits {
		if s := p.course.states[e.ID]; s.word == "wait" && e.ByHand() {
			return true
		}
	}
	return false
}
