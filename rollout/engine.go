package rollout

import (
	"context"
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
	// Steps are the six phases' steps, one a phase.
	Steps []Step
	Clock world.Clock
	// Who is the operator as user@host, for the journal and the lock.
	Who string
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
}

// Drift is a world that differs from the store, and the two ways on.
type Drift struct {
	Findings []finding.Finding
	// Restore is the plan that puts the last verified state back; empty where
	// RestoreRefused says why it is not offered.
	Restore        Plan
	RestoreRefused string
	// Adopt is what adopting would take into the ledger; empty where AdoptRefused
	// says why it is not offered.
	Adopt        []LedgerEntry
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
}

// Propagation is how long a walk waits, in real time, for an edit to be seen
// everywhere before it is left as waiting.
const Propagation = 20 * time.Second

// A lookFor is how long one look may take, in real time.
const lookFor = 90 * time.Second

// List returns every rollout of the store, sorted by domain.
func (e *Engine) List(ctx context.Context) ([]Rollout, error) { return nil, nil }

// Load returns the rollout of domain as the store has it, without looking.
func (e *Engine) Load(ctx context.Context, domain string) (Rollout, error) { return Rollout{}, nil }

// Create starts a rollout of domain: it proves the accounts, looks, adopts what
// is there, and journals it. A place that another rollout holds is refused with
// *TakenError.
func (e *Engine) Create(ctx context.Context, domain string, s Settings, emit Sink) (Rollout, error) {
	return Rollout{}, nil
}

// Configure changes a rollout's settings. A changed account must prove the zone.
func (e *Engine) Configure(ctx context.Context, domain string, change func(*Settings) error) (Rollout, error) {
	return Rollout{}, nil
}

// Check looks at domain, whether or not there is a rollout for it; where there
// is, the evidence is kept. It takes no lock.
func (e *Engine) Check(ctx context.Context, domain string, emit Sink) (Evidence, error) {
	return Evidence{}, nil
}

// GateOf is the gate out of r's phase (or into its next rung), now.
func (e *Engine) GateOf(r Rollout) Gate { return Gate{} }

// Propose looks at domain and says what would be done next. It changes nothing
// but the kept evidence.
func (e *Engine) Propose(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	return Proposal{}, nil
}

// Next is one step of the way: look, carry out at most one plan, verify, then
// move at most one phase or rung. It fails with ErrRefused (wrapped) where
// consent is missing or a shown plan is stale, and with *LockedError.
func (e *Engine) Next(ctx context.Context, domain string, c Consent, emit Sink) (Progress, error) {
	return Progress{}, nil
}

// ProposeStepBack, ProposeUndo and ProposeRestore show the plans of these acts;
// CarryOut carries such a plan out once the operator has accepted it.
func (e *Engine) ProposeStepBack(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	return Proposal{}, nil
}

// ProposeUndo shows how the newest finished plan would be undone.
func (e *Engine) ProposeUndo(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	return Proposal{}, nil
}

// ProposeRestore shows how the last verified state would be put back.
func (e *Engine) ProposeRestore(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	return Proposal{}, nil
}

// CarryOut walks a plan made by one of the Propose acts.
func (e *Engine) CarryOut(ctx context.Context, p Plan, c Consent, emit Sink) (Progress, error) {
	return Progress{}, nil
}

// Adopt takes what is live into the ledger after drift.
func (e *Engine) Adopt(ctx context.Context, domain, reason string, emit Sink) (Rollout, error) {
	return Rollout{}, nil
}

// Override writes down that the operator goes on in spite of the reasons that
// the gate lists now. It returns the gate as it stands afterwards.
func (e *Engine) Override(ctx context.Context, domain, reason string) (Gate, error) {
	return Gate{}, nil
}

// Mended writes down that what failed was mended at that moment.
func (e *Engine) Mended(ctx context.Context, domain string, at time.Time, reason string) (Gate, error) {
	return Gate{}, nil
}

// Dismiss sets a reported failure (reporter/type/mx) aside for 30 days.
func (e *Engine) Dismiss(ctx context.Context, domain, key, reason string) (Gate, error) {
	return Gate{}, nil
}

// Trust writes down that source is believed: a DKIM domain, an inbox or a path.
func (e *Engine) Trust(ctx context.Context, domain, source, reason string) (Gate, error) {
	return Gate{}, nil
}

// Forget removes a rollout of which nothing was published.
func (e *Engine) Forget(ctx context.Context, domain string) error { return nil }
