package tui

import (
	"fmt"

	"belay/rollout"
)

// Of edits that the operator makes belay writes none: it says what is to be made, waits
// and looks. The words for such a plan are others than those for one that it carries
// out.

// hands counts whose the edits of a plan are.
type hands struct{ belay, operator int }

func handsOf(p rollout.Plan) hands {
	var h hands
	for _, e := range p.Edits {
		if e.ByHand() {
			h.operator++
		} else {
			h.belay++
		}
	}
	return h
}

// alone reports whether the operator makes all of it.
func (h hands) alone() bool { return h.operator > 0 && h.belay == 0 }

// begins is what the key does that accepts a plan.
func (h hands) begins() string {
	switch {
	case h.alone():
		return "accept " + plural(h.operator, "edit") + " by hand"
	case h.operator > 0:
		return fmt.Sprintf("apply %s, %d by hand", plural(h.belay, "edit"), h.operator)
	}
	return "apply " + plural(h.belay, "edit")
}

// shown says what a plan that was just shown waits for.
func (h hands) shown() string {
	switch {
	case h.alone():
		return "This is the plan; you make it, and belay writes none of it. a again accepts it."
	case h.operator > 0:
		return "This is the plan; what is by hand you make. a again applies the rest."
	}
	return "This is the plan. a again applies it."
}

// all says that a plan is all that there is to change.
func (h hands) all() string {
	switch {
	case h.alone():
		return "All of this you make by hand; belay writes nothing there. a accepts the plan, after you have typed the domain; then belay looks for what you make."
	case h.operator > 0:
		return "This is all that would be changed; what is by hand you make. a applies the rest, after you have typed the domain."
	}
	return "This is all that would be changed. a applies it, after you have typed the domain."
}

// own says how a plan that was asked for is carried out: what it is for stands in
// purpose.
func (h hands) own(purpose string) string {
	said := "This is the plan to " + purpose + ". "
	switch {
	case h.alone():
		said += "You make it by hand: a accepts it, after you have typed the domain"
	case h.operator > 0:
		said += "What is by hand you make; a applies the rest, after you have typed the domain"
	default:
		said += "a applies it, after you have typed the domain"
	}
	return said + "; r goes back to what comes next."
}

// underWay says what goes on while a plan is carried out.
func (h hands) underWay() string {
	if h.alone() {
		return "Looking for what you make by hand. Closing the terminal is safe: what was seen is recorded, the rest is looked for again."
	}
	return "Carrying out the plan. Closing the terminal is safe: finished edits are recorded, the rest is looked at again."
}

// carriedOut says how the edits come about, and how they are taken back.
func (h hands) carriedOut(wayBack string) string {
	switch {
	case h.alone():
		if wayBack == undoes {
			wayBack = "u shows what to put back by hand."
		}
		return "You make each edit; belay writes none of them, and looks from outside until each is seen. " + wayBack
	case h.operator > 0:
		return "belay's own edits are written, read back and verified from outside; those by hand you make, and belay looks until they are seen. " + wayBack
	}
	return "Each edit is written, read back and verified from outside before the next. " + wayBack
}

// undoes is the way back by the key that undoes.
const undoes = "u undoes it."

// asked is the question whether a plan of records is to be carried out.
func (h hands) asked(domain string) string {
	if h.alone() {
		return fmt.Sprintf("Make %s for %s by hand?", plural(h.operator, "edit"), domain)
	}
	return fmt.Sprintf("Publish %s for %s?", plural(h.belay+h.operator, "edit"), domain)
}

// yours is a sentence for plans whose edits, or some of them, the operator makes.
func (h hands) yours() string {
	switch {
	case h.alone():
		return " You make it by hand, and belay looks until it is seen."
	case h.operator > 0:
		return " What is by hand you make, and belay looks until it is seen."
	}
	return ""
}

// came says what became of the edits of a walk.
func came(edits []rollout.EditOutcome) []string {
	var made, seen, waits, hand, lost, bad int
	for _, e := range edits {
		byHand := e.Edit.ByHand()
		switch e.Outcome {
		case rollout.Applied, rollout.Found:
			if byHand {
				seen++
			} else {
				made++
			}
		case rollout.Waiting:
			if byHand {
				hand++
			} else {
				waits++
			}
		case rollout.Unknown:
			lost++
		default:
			bad++
		}
	}
	var said []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{made, " made and read back."},
		{seen, " of yours seen wherever senders look."},
		{waits, " still to be seen everywhere."},
		{hand, " for you to make by hand; belay keeps looking."},
		{lost, " of unknown fate, looked for before it is made again."},
		{bad, " not made: see the plan."},
	} {
		if x.n > 0 {
			said = append(said, plural(x.n, "edit")+x.what)
		}
	}
	return said
}

// restores is what a plan that restores would do.
func restores(p rollout.Plan) string {
	if handsOf(p).alone() {
		return "have you make " + plural(len(p.Edits), "edit") + " by hand"
	}
	return "make " + plural(len(p.Edits), "edit")
}

// undoing is what the key does that undoes the newest plan.
func (p *phase) undoing() string {
	if n := len(p.rollout.Plans); n > 0 && handsOf(p.rollout.Plans[n-1].Plan).alone() {
		return "undo by hand"
	}
	return "undo"
}
