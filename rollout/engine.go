package rollout

import (
	"time"

	"belay/rollout/finding"
	"belay/rollout/world"
)

// Engine acts on rollouts: it is the only one that does. The TUI, the
// subcommands and the tests call the same engine, so they cannot drift apart.
// One engine may serve many domains and many callers at once; the store's lock
// lets one of them act on a domain at a time.
type Engine struct {
	Store    Store
	Reports  Reports
	Looker   Looker
	Accounts Accounts
	// Inboxes may be nil: then nothing is known of inboxes.
	Inboxes Inboxes
	// Certificates may be nil.
	Certificates HostCertificates
	// Steps are the six phases' steps, one a phase.
	Steps []Step
	Clock world.Clock
	// Who is the operator as user@host, for the journal and the lock.
	Who string
	// Patience is how long a walk waits, in real time, for an edit to be seen
	// everywhere before it is left as waiting; zero is Propagation. It decides between
	// looks: one that has begun is not cut short by it.
	Patience time.Duration
}

// Proposal is what belay would do next, shown before anything is done.
type Proposal struct {
	Rollout  Rollout
	Evidence Evidence
	// Plan is what would be carried out; empty where there is nothing to do or
	// something stands in the way.
	Plan Plan
	// Resumes is true where Plan was accepted before and is not finished.
	Resumes bool
	// Gate leads into what Plan does where promise 9 asks for it, else it is the
	// gate out of the phase.
	Gate Gate
	// Drift is set where the world differs from the store. The operator chooses
	// between its plan and adopting; neither is carried out unasked.
	Drift *Drift
	// Since is what changed since the look stored before Evidence; nil where there
	// was none.
	Since *Since
}

// Drift is a world that differs from the store, and the two ways on.
type Drift struct {
	Findings []finding.Finding
	// Restore is the plan that puts the last verified state back; empty where
	// RestoreRefused says why it is not offered.
	Restore        Plan
	RestoreRefused string
	// Adopt is what adopting would take into the ledger; empty where AdoptRefused
	// says why it is not offered. Found is the same as it is live, which consent to
	// adopt names.
	Adopt        []LedgerEntry
	Found        Adoption
	AdoptRefused string
}

// Consent is how an operator accepted what would be done.
type Consent struct {
	// Given is true where the operator said yes (typed the domain, or --yes).
	Given bool
	// Shown is the very plan that was shown; nil where none was. A plan that
	// changes a value belay neither wrote nor adopted is only carried out when
	// it was shown.
	Shown *Plan
}

// EditOutcome is one edit of a walk and what became of it.
type EditOutcome struct {
	Edit
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail,omitempty"`
	// ResolversUntil is until when resolvers may still answer what stood before;
	// zero for an edit that is not live, and for one that no resolver keeps.
	ResolversUntil time.Time `json:"resolvers_until,omitzero"`
}

// Progress is what an act did; it is the JSON of `next`.
type Progress struct {
	Domain      string            `json:"domain"`
	PhaseBefore Phase             `json:"phase_before"`
	Phase       Phase             `json:"phase"`
	Rung        uint32            `json:"rung"`
	Moved       bool              `json:"moved"`
	Gate        Gate              `json:"gate"`
	Edits       []EditOutcome     `json:"edits"`
	Findings    []finding.Finding `json:"findings"`
	// Applied is true where this act wrote or settled at least one edit.
	Applied bool `json:"applied"`
	// Since is what the first look of this act saw changed since the one stored
	// before it; nil where there was none.
	Since *Since `json:"since,omitempty"`
}

// Propagation is the usual Patience of an Engine.
const Propagation = 20 * time.Second

// lookFor is how long one look may take, and holdFor how long the reading through
// the providers after it, in real time.
const (
	lookFor = 90 * time.Second
	holdFor = 60 * time.Second
)
