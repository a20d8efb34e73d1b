package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// StalePlanError says that a plan which was shown is not what would be done now:
// the world, the rollout or the plan has changed since. Nothing was done. It is
// ErrStale and ErrRefused.
type StalePlanError struct {
	// Shown is the plan that was accepted, Now the one that would be carried out;
	// Now is empty where nothing is left to be done.
	Shown, Now Plan
	// Done is when Shown was accepted before, and Unfinished whether it then was
	// not carried out to its end. Done is zero for a plan never accepted.
	Done       time.Time
	Unfinished bool
}

// Error names the plan and every difference.
func (e *StalePlanError) Error() string {
	return e.Lead() + ": " + strings.Join(e.Differences(), "; ") + "; look at the new plan"
}

// Lead names the plan and says what became of it before; the differences follow it.
func (e *StalePlanError) Lead() string {
	said := fmt.Sprintf("plan %s of %s is stale, and nothing was done", e.Shown.Hash(), e.Shown.Domain)
	switch {
	case !e.Done.IsZero() && e.Unfinished:
		said += fmt.Sprintf(": it was accepted %s and given up since", stamp(e.Done))
	case !e.Done.IsZero():
		said += fmt.Sprintf(": it was carried out already %s", stamp(e.Done))
	}
	return said
}

// Is reports whether target is ErrStale or ErrRefused.
func (e *StalePlanError) Is(target error) bool { return target == ErrStale || target == ErrRefused }

// Differences say what changed since the plan was shown, a sentence each.
func (e *StalePlanError) Differences() []string {
	if e.Now.Empty() {
		return []string{"nothing is left to be done of it"}
	}
	var out []string
	differ := func(what string, was, is any) {
		if was != is {
			out = append(out, fmt.Sprintf("%s was %v and is %v", what, was, is))
		}
	}
	differ("the phase", e.Shown.Phase, e.Now.Phase)
	differ("the purpose", e.Shown.Purpose, e.Now.Purpose)
	differ("the max_age to be published", e.Shown.Rung, e.Now.Rung)
	for _, was := range e.Shown.Edits {
		is, ok := e.Now.at(was)
		if !ok {
			out = append(out, fmt.Sprintf("%s %s is not to be changed any more", was.Name, was.Type))
			continue
		}
		out = append(out, differences(was, is)...)
	}
	for _, is := range e.Now.Edits {
		if _, ok := e.Shown.at(is); !ok {
			out = append(out, fmt.Sprintf("%s %s is to be changed too, from %s to %s", is.Name, is.Type, shown(is.Before), shown(is.After)))
		}
	}
	if len(out) == 0 {
		out = append(out, "its edits are in another order, or its id was used since")
	}
	return out
}

// at returns the edit of the same place.
func (p Plan) at(e Edit) (Edit, bool) {
	i := slices.IndexFunc(p.Edits, func(other Edit) bool {
		return other.Kind == e.Kind && other.Name == e.Name && other.Type == e.Type
	})
	if i < 0 {
		return Edit{}, false
	}
	return p.Edits[i], true
}

// differences of one place's edit, then and now.
func differences(was, is Edit) []string {
	var out []string
	place := was.Name + " " + was.Type
	if !was.Before.Equal(is.Before) {
		out = append(out, fmt.Sprintf("%s held %s and holds %s now", place, shown(was.Before), shown(is.Before)))
	}
	if !sameAfter(was, is) {
		out = append(out, fmt.Sprintf("%s was to become %s and is to become %s", place, shown(was.After), shown(is.After)))
	}
	if was.Account != is.Account {
		out = append(out, fmt.Sprintf("%s was to be changed at %s and is at %s", place, was.Account, is.Account))
	}
	if was.TTL != is.TTL {
		out = append(out, fmt.Sprintf("the TTL of %s was %d and is %d", place, was.TTL, is.TTL))
	}
	if was.Body != is.Body || !slices.Equal(was.At, is.At) || (was.PolicyID == "") != (is.PolicyID == "") {
		out = append(out, fmt.Sprintf("what %s announces, or where that is served, is another", place))
	}
	return out
}

// staleFor is the error for a plan that was shown and is not what p would do.
func (p Proposal) staleFor(was Plan) *StalePlanError {
	e := &StalePlanError{Shown: was, Now: p.Plan}
	for _, accepted := range p.Rollout.Plans {
		if accepted.Plan.Hash() != was.Hash() {
			continue
		}
		e.Done, e.Unfinished = accepted.At, false
		for _, edit := range accepted.Plan.Edits {
			e.Unfinished = e.Unfinished || accepted.Edits[edit.ID].Verified.IsZero()
		}
	}
	return e
}
