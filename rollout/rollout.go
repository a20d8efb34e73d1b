package rollout

import (
	"slices"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Rollout is one policy domain's way through the phases, as its journal tells
// it, with the newest evidence, the history of looks and the report summaries
// beside it. It is a value: gates and plans are pure over it.
type Rollout struct {
	Domain   string
	Settings Settings
	Created  time.Time

	Phase Phase
	// Since is when the phase (or in RaiseMaxAge the rung) was entered.
	Since time.Time
	// From is the phase that was left last, FromAim its rung, and FromSince when
	// it had been entered: the gate that led in is theirs. In RaiseMaxAge each
	// rung counts.
	From      Phase
	FromAim   uint32
	FromSince time.Time
	// Aim is, in RaiseMaxAge, the rung that is to be published, in seconds.
	Aim uint32

	Ledger Ledger
	// UsedIDs are all ids that were ever announced, intended or abandoned.
	UsedIDs []string
	// Plans are the accepted plans in order, with what became of each edit.
	Plans []AcceptedPlan

	Overrides  []Override
	Mends      []Mend
	Dismissals []Dismissal
	Trusts     []Trust

	// HostMoved is the latest moment until which resolvers may still answer an
	// old address of the policy host; CachedUntil the same for a shared cache
	// before it. An id waits for both (promise 1).
	HostMoved   time.Time
	CachedUntil time.Time
	// Reannounce is set after a step back that did not wait: when the wait has
	// run out, a second new id is due.
	Reannounce time.Time

	// Changed is when belay last wrote, settled or adopted anything; a look that
	// began before does not show what stands there now.
	Changed time.Time

	LastSeq int64
	LastAt  time.Time

	// What stands beside the journal.
	Evidence *Evidence
	History  History
	Reports  []ReportDay
	// Unread are those of its inboxes that could not be read when that was tried last.
	Unread []UnreadInbox
	// Certificate is what belay's own server knows of the policy host's; nil where
	// another server has it, or nothing is known.
	Certificate *HostCertificate
}

// AcceptedPlan is a plan an operator accepted and what became of its edits.
type AcceptedPlan struct {
	Plan  Plan
	At    time.Time
	Who   string
	Edits map[string]EditState
	// Outdated is set where the settings it was made by were changed before it
	// was finished: it is made again, not resumed.
	Outdated bool

	hash string // of Plan, by which the journal names it
	host string // the policy host's account by the settings when it was accepted
}

// EditState is how far one edit came.
type EditState struct {
	Intended  time.Time
	Received  time.Time
	Receipt   Receipt
	Verified  time.Time
	Unseen    []string // servers that gave no answer when it was verified
	Abandoned bool
}

// Settled reports whether nothing more is to be done about the edit.
func (s EditState) Settled() bool { return s.Abandoned || !s.Verified.IsZero() }

// Override is an operator's decision to go on in spite of reasons of the gate out
// of Phase, in RaiseMaxAge of the rung Aim.
type Override struct {
	At      time.Time
	Who     string
	Phase   Phase
	Aim     uint32
	Reasons []ReasonKey
	Reason  string
}

// Mend is an operator's word that something was mended.
type Mend struct {
	At     time.Time // when it was said
	Mended time.Time // when it was mended
	Who    string
	Reason string
}

// Dismissal sets a reported failure aside for 30 days.
type Dismissal struct {
	At     time.Time
	Who    string
	Key    string // reporter/type/mx, or the name of a signer or of an MX that is not ours
	Reason string
}

// Trust is an operator's word that a DKIM domain is a known reporter, or that
// the unsigned reports of an inbox or path count.
type Trust struct {
	At     time.Time
	Who    string
	Source string
	Reason string
}

// Live is the policy that senders are told of now: the newest ledger entry that
// was verified and announced; ok is false where there is none.
func (r Rollout) Live() (entry LedgerEntry, id string, ok bool) {
	for _, e := range slices.Backward(r.Ledger) {
		if len(e.IDs) > 0 && !e.Live.IsZero() {
			return e, e.IDs[len(e.IDs)-1], true
		}
	}
	return LedgerEntry{}, "", false
}

// Serving is the newest body that a sender may be fetching now, whether or not it
// was verified or announced; ok is false where there is none.
func (r Rollout) Serving() (entry LedgerEntry, ok bool) {
	for _, e := range slices.Backward(r.Ledger) {
		if e.Until.IsZero() {
			return e, true
		}
	}
	return LedgerEntry{}, false
}

// Rung is the max_age now live, in seconds; 0 where no policy is.
func (r Rollout) Rung() uint32 {
	e, _, ok := r.Live()
	if !ok {
		return 0
	}
	return e.MaxAge
}

// Mode is the mode now live, or mtasts.None where no policy is.
func (r Rollout) Mode() mtasts.Mode {
	e, _, ok := r.Live()
	if !ok {
		return mtasts.None
	}
	return e.Mode
}

// UsesID reports whether id was ever used, intended or abandoned here.
func (r Rollout) UsesID(id string) bool { return slices.Contains(r.UsedIDs, id) }

// Unfinished returns the accepted plan that still has edits to settle.
func (r Rollout) Unfinished() (AcceptedPlan, bool) {
	if len(r.Plans) == 0 {
		return AcceptedPlan{}, false
	}
	last := r.Plans[len(r.Plans)-1]
	for _, e := range last.Plan.Edits {
		if !last.Edits[e.ID].Settled() {
			return last, true
		}
	}
	return AcceptedPlan{}, false
}

// Worst is the worst finding of the newest look, or nil where it has none or was
// never made.
func (r Rollout) Worst() *finding.Finding {
	if r.Evidence == nil {
		return nil
	}
	var worst *finding.Finding
	for i, f := range r.Evidence.Findings {
		if f.Severity != finding.Pass && (worst == nil || f.Severity.Worse(worst.Severity)) {
			worst = &r.Evidence.Findings[i]
		}
	}
	return worst
}
