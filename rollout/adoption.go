package rollout

import (
	"fmt"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Adoption is what is live before a rollout starts, or in place of what it verified
// last, put there by somebody else; and where the rollout goes on that takes it into
// its ledger (promises 4 and 5). Two are the same adoption when they are equal.
type Adoption struct {
	Domain string
	// Record is the text at _mta-sts, and ID the id that it announces; both are
	// empty where there is none, ID where the record is not valid.
	Record, ID string
	// Body is the policy as it answers; empty where none does.
	Body string
	// Mode and MaxAge (seconds) are the policy's, where it can be read.
	Mode   mtasts.Mode
	MaxAge uint32
	// Valid says that record and body are both valid: then senders hold the policy,
	// and the rollout goes on from it. Anything else starts at phase 1, and phase 3
	// replaces it by a plan that shows it.
	Valid bool
	// Phase is where the rollout starts, and Aim the rung it stands on in phase 6.
	Phase Phase
	Aim   uint32
}

// AdoptConsent is the operator's word on what a rollout finds live when it starts, or
// after drift. The zero value is no.
type AdoptConsent struct {
	Given bool
	// Shown is what the operator was shown, and nothing else is adopted then; nil
	// takes up whatever is live.
	Shown *Adoption
}

// AdoptionError says that something is live which belay did not publish and the
// operator has not agreed to adopt. Nothing was written. It is an ErrRefused; where
// the operator agreed to something else that was live before, an ErrStale.
type AdoptionError struct {
	Found Adoption
	// Moved is true where the operator agreed to what was live before.
	Moved bool
	// Drift is true where the rollout has begun: it is adopted after drift.
	Drift bool
}

func (e *AdoptionError) Error() string {
	switch {
	case e.Drift && e.Moved:
		return fmt.Sprintf("adopt %s: %s, which is not what was shown and agreed to; nothing was adopted", e.Found.Domain, e.Found)
	case e.Drift:
		return fmt.Sprintf("adopt %s: %s; it is adopted only when you say so, and nothing was", e.Found.Domain, e.Found)
	case e.Moved:
		return fmt.Sprintf("start a rollout of %s: %s, which is not what was shown and agreed to; nothing was started", e.Found.Domain, e.Found)
	}
	return fmt.Sprintf("start a rollout of %s: %s, and belay did not publish it; it is adopted only when you say so, and nothing was started", e.Found.Domain, e.Found)
}

func (e *AdoptionError) Unwrap() error {
	if e.Moved {
		return ErrStale
	}
	return ErrRefused
}

// String says in half a sentence what is live.
func (a Adoption) String() string {
	switch {
	case !a.Any():
		return "nothing is live there"
	case a.Valid:
		return fmt.Sprintf("a policy is live there in mode %s with max_age %d, announced by id %s", a.Mode, a.MaxAge, finding.Clean(a.ID, 40))
	case a.Body == "":
		return fmt.Sprintf("a record stands at %s and no policy answers", mtasts.RecordName(a.Domain))
	case a.Record == "":
		return fmt.Sprintf("a policy answers there (mode %s, max_age %d) that no record announces", a.mode(), a.MaxAge)
	}
	return fmt.Sprintf("a record stands at %s and a policy answers, and they are not both valid", mtasts.RecordName(a.Domain))
}

// Starts says in half a sentence where the rollout starts that adopts it.
func (a Adoption) Starts() string {
	switch {
	case !a.Valid:
		return fmt.Sprintf("the rollout starts in phase %s, and what is live is replaced by a plan that shows it", a.Phase)
	case a.Phase == RaiseMaxAge:
		return fmt.Sprintf("the rollout starts in phase %s at max_age %d, and goes on from this policy", a.Phase, a.Aim)
	}
	return fmt.Sprintf("the rollout starts in phase %s, and goes on from this policy", a.Phase)
}

// GoesOn says in half a sentence where a rollout stands that adopts it after drift.
func (a Adoption) GoesOn() string {
	if a.Phase == RaiseMaxAge {
		return fmt.Sprintf("the rollout goes on from this policy in phase %s at max_age %d", a.Phase, a.Aim)
	}
	return fmt.Sprintf("the rollout goes on from this policy in phase %s", a.Phase)
}

func (a Adoption) mode() string {
	if a.Mode == "" {
		return "not readable"
	}
	return string(a.Mode)
}

// Any reports whether anything is live.
func (a Adoption) Any() bool { return a.Record != "" || a.Body != "" }

// adoption is what a rollout that starts now would adopt, and how the ledger has it.
func (r Rollout) adoption(seen Evidence, now time.Time) (a Adoption, ledger []LedgerEntry) {
	ledger, phase, aim := r.Adoptable(seen, now)
	a = Adoption{
		Domain: r.Domain, Record: seen.Record.Raw, Body: seen.Policy.Body,
		Mode: seen.Policy.Policy.Mode, MaxAge: seen.Policy.Policy.MaxAge,
		Valid: seen.Record.Valid && seen.Policy.Valid, Phase: phase, Aim: aim,
	}
	if seen.Record.Valid {
		a.ID = seen.Record.ID
	}
	return a, ledger
}

// allows is nil where c covers what was found.
func (c AdoptConsent) allows(found Adoption) *AdoptionError {
	switch {
	case found.Any() && !c.Given:
		return &AdoptionError{Found: found}
	case c.Shown != nil && *c.Shown != found:
		return &AdoptionError{Found: found, Moved: true}
	}
	return nil
}
