package rollout

import (
	"fmt"
	"time"
)

// EntryKind says what a journal entry records.
type EntryKind string

// The kinds of journal entries. The journal is append-only; a rollout is the
// fold over it.
const (
	Created   EntryKind = "created"   // Settings
	Set       EntryKind = "set"       // Settings
	Adopted   EntryKind = "adopted"   // Ledger, Phase, Aim, Reason: what was live is ours now
	Accepted  EntryKind = "accepted"  // Plan: an operator accepted it
	Abandoned EntryKind = "abandoned" // PlanHash, EditID: a new plan took its place; made no more, its id never used again
	Intended  EntryKind = "intended"  // PlanHash, EditID: about to be written
	Received  EntryKind = "received"  // PlanHash, Receipt
	Seen      EntryKind = "verified"  // PlanHash, EditID: seen live from outside; Shown names who showed it, Unseen what gave no answer; PolicyID: of a body that its vendor announces
	Moved     EntryKind = "moved"     // From, Phase, Aim: the phase or rung was left
	Overrode  EntryKind = "override"  // Reasons, Reason; Phase and Aim: the gate out of there, where it is not the present phase's
	Mended    EntryKind = "mended"    // MendedAt, Reason
	Dismissed EntryKind = "dismissed" // Key, Reason
	Trusted   EntryKind = "trusted"   // Key, Reason: a DKIM domain, an inbox or a path
	Cached    EntryKind = "cached"    // Wait: a shared cache stands before the policy host
)

// Entry is one line of the journal. Exactly the fields that its kind names are
// set. It never holds a secret.
type Entry struct {
	Seq    int64     `json:"seq"`
	Domain string    `json:"domain"`
	At     time.Time `json:"at"`
	// Who is the operator, as user@host.
	Who  string    `json:"who"`
	Kind EntryKind `json:"kind"`

	Settings *Settings     `json:"settings,omitempty"`
	Ledger   []LedgerEntry `json:"ledger,omitempty"`
	Plan     *Plan         `json:"plan,omitempty"`
	PlanHash string        `json:"plan_hash,omitempty"`
	EditID   string        `json:"edit_id,omitempty"`
	Receipt  *Receipt      `json:"receipt,omitempty"`
	// PolicyID is, of a verified body, the id under which its vendor announced it.
	PolicyID string `json:"policy_id,omitempty"`
	// Unseen names the servers that gave no answer when an edit was verified.
	Unseen []string `json:"unseen,omitempty"`
	// Shown names the servers that showed an edit when it was verified.
	Shown []string `json:"shown,omitempty"`
	From  Phase    `json:"from,omitempty"`
	Phase Phase    `json:"phase,omitempty"`
	// Aim is the rung that the rollout is on its way to publish.
	Aim      uint32      `json:"aim,omitempty"`
	Reasons  []ReasonKey `json:"reasons,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	MendedAt time.Time   `json:"mended_at,omitzero"`
	Key      string      `json:"key,omitempty"`
	Wait     time.Time   `json:"wait,omitzero"`
}

// whole refuses an entry that lacks what its kind must name.
func (e Entry) whole() error {
	missing := ""
	switch e.Kind {
	case Created, Set:
		if e.Settings == nil {
			missing = "settings"
		}
	case Accepted:
		if e.Plan == nil {
			missing = "plan"
		}
	case Received:
		if e.Receipt == nil {
			missing = "receipt"
		}
	}
	if missing != "" {
		return fmt.Errorf("it lacks its %s", missing)
	}
	return nil
}
