package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"belay/rollout/finding"
)

// A Step is one phase's knowledge: what it would change, and when it lets go.
// Both are pure over what was seen.
type Step interface {
	Phase() Phase
	// Plan is what the phase would change, seen being fresh and holding what
	// the providers hold; now makes the id. An empty plan says that nothing is
	// left to do.
	Plan(r Rollout, seen Evidence, now time.Time) (Plan, error)
	// Gate is the way out of the phase.
	Gate(r Rollout, now time.Time) Gate
}

// A Writer carries out edits through a rollout's accounts, whatever plan they
// stand in.
type Writer interface {
	// Read says what stands at the edit's place, through its provider.
	Read(ctx context.Context, e Edit) (Held, error)
	// Apply checks that the place still holds e.Before (or already e.After),
	// writes, and reads back. It is idempotent. The receipt says what became of
	// it; the error is why, and an error without receipt means that nothing is
	// known (Unknown).
	Apply(ctx context.Context, e Edit) (Receipt, error)
}

// A Looker sees the world from outside.
type Looker interface {
	// Look asks everything there is to ask about domain once. On a deadline it
	// returns what it has and the error. The ledger tells it which bodies are
	// ours.
	Look(ctx context.Context, domain string, l Ledger, emit Sink) (Evidence, error)
	// See verifies one edit from outside: at every address of every
	// authoritative server, or at every address of the policy host. Value is
	// what all that answered agree on; Evidence has the sightings and findings.
	// What a wildcard answers in place of e.After does not stand there.
	See(ctx context.Context, e Edit, emit Sink) (Value, Evidence, error)
	// SeeAt is See of a policy at one address that DNS does not name yet.
	SeeAt(ctx context.Context, e Edit, at []string, emit Sink) (Value, Evidence, error)
}

// Sink takes what happens as it happens. It never blocks; a nil Sink takes
// nothing.
type Sink func(Event)

// Emit gives ev to the sink, if there is one.
func (s Sink) Emit(ev Event) {
	if s != nil {
		s(ev)
	}
}

// EventKind says what an Event tells.
type EventKind string

// The kinds of events.
const (
	Asking     EventKind = "asking"    // a question was put to Subject
	Answered   EventKind = "answered"  // Subject answered Text, after Took
	Concluded  EventKind = "concluded" // a finding stands
	Applying   EventKind = "applying"  // an edit's intent is on disk
	Edited     EventKind = "edited"    // an edit has its receipt
	Verifying  EventKind = "verifying" // an edit is looked for from outside
	BecameLive EventKind = "live"      // an edit is live
	Moving     EventKind = "moved"     // the phase or rung changed
)

// Event is one thing that happened during a look or a walk. Text is clean: it
// has no control characters.
type Event struct {
	Kind    EventKind
	Subject string
	Text    string
	Took    time.Duration
	// Severity of what Text says, for Answered.
	Severity finding.Severity
	Finding  *finding.Finding
	Edit     *Edit
	Receipt  *Receipt
	Sighting *Sighting
	// Until is, for BecameLive, until when resolvers may still answer what stood
	// before; zero where none keeps it.
	Until time.Time
}

// Store keeps rollouts. Every Append is one durable commit.
type Store interface {
	// Domains are the domains with a journal, sorted.
	Domains(ctx context.Context) ([]string, error)
	// Journal returns the entries of domain in order.
	Journal(ctx context.Context, domain string) ([]Entry, error)
	// Append adds entries in one durable commit. after is the last Seq the
	// caller saw (0 for none); when the journal has moved on, it fails with
	// ErrStale and nothing is written. It returns the entries with their Seq.
	Append(ctx context.Context, domain string, after int64, entries ...Entry) ([]Entry, error)
	// SaveEvidence keeps e as the newest look and folds it into the history.
	SaveEvidence(ctx context.Context, e Evidence) error
	// Evidence is the newest look; ok is false where there was none.
	Evidence(ctx context.Context, domain string) (e Evidence, ok bool, err error)
	// History is what all looks have shown.
	History(ctx context.Context, domain string) (History, error)
	// Forget removes a rollout of which nothing was published.
	Forget(ctx context.Context, domain string) error
	// Lock takes the domain's lock for holder and returns its release. Where a
	// living process holds it, it fails with *LockedError.
	Lock(domain, holder string) (release func() error, err error)
}

// Reports keeps TLS reports, summed up by day.
type Reports interface {
	// AddReports takes reports in one durable commit, recognises duplicates,
	// and says what became of each in order.
	AddReports(ctx context.Context, rs []ReceivedReport) ([]Taken, error)
	// ReportDays are the summaries of domain whose period ends after since.
	ReportDays(ctx context.Context, domain string, since time.Time) ([]ReportDay, error)
	// PendingReports are some of those whose signature is to be verified again: at
	// most limit, in the order of their IDs, from the first behind after on.
	PendingReports(ctx context.Context, after int64, limit int) ([]PendingReport, error)
	// SettlePending replaces the standing of a pending report.
	SettlePending(ctx context.Context, id int64, standing Standing, signer string) error
}

// PendingReport is a report whose DKIM key could not be looked up.
type PendingReport struct {
	ID int64
	// Raw is nil where what was kept is damaged: it is no longer the mail that came.
	Raw []byte
	// Received is when it was taken in.
	Received time.Time
}

// Taken is what the report store did with one report.
type Taken string

// The ways a report is taken.
const (
	TakenNew       Taken = "new"
	TakenDuplicate Taken = "duplicate"
	TakenReplaced  Taken = "replaced" // a verified report took an unverified one's place
	TakenDiffers   Taken = "differs"  // a duplicate, but its signer's report that is kept says something else
	TakenDropped   Taken = "dropped"  // nothing proves it, and MostVariants of its key and source are kept
)

// Accounts opens what a rollout's settings name. Secrets never pass through it
// into the store: they come from the environment, the keyring or this session.
type Accounts interface {
	// Open returns the writer for the rollout's DNS account and policy host.
	Open(ctx context.Context, domain string, s Settings) (Writer, error)
	// Detect says which provider serves the zone, by its name servers.
	Detect(ctx context.Context, domain string) (Detection, error)
	// Try proves that the settings' accounts reach the zone and the host,
	// without writing: what was reached, or the one clear sentence why not.
	Try(ctx context.Context, domain string, s Settings) (Trial, error)
	// Keep holds a credential field for this session only.
	Keep(provider, account, field, value string)
}

// Detection is what the name servers tell about where a zone is kept.
type Detection struct {
	Zone        string   `json:"zone"`
	NameServers []string `json:"name_servers"`
	// Provider is the catalogue's id, or empty where none is recognised.
	Provider string `json:"provider"`
	// MX are the MX names found.
	MX []string `json:"mx"`
	// Missing are the credential fields of the provider that no environment
	// variable or keyring entry gives.
	Missing []string `json:"missing,omitempty"`
}

// Trial is what trying an account showed.
type Trial struct {
	Zone  string   `json:"zone"`
	Lines []string `json:"lines"` // what was reached, one sentence a line
}

// Errors that callers tell apart.
var (
	// ErrStale says that the journal or the world moved on since it was read.
	ErrStale = errors.New("changed since it was read; look again")
	// ErrNoRollout says that there is no rollout for the domain.
	ErrNoRollout = errors.New("no rollout of this domain")
	// ErrRefused says that an act was refused and nothing was done.
	ErrRefused = errors.New("refused")
	// ErrRollbackClock says that now is before the last journal entry.
	ErrRollbackClock = errors.New("the clock stands before the last journal entry")
)

// LockedError says who holds a domain's lock.
type LockedError struct {
	Domain string
	// Holder is information only: the lock is the operating system's.
	Holder string
}

func (e *LockedError) Error() string {
	if e.Holder == "" {
		return fmt.Sprintf("another belay works on %s; wait until it is done", e.Domain)
	}
	return fmt.Sprintf("another belay works on %s: %s; wait until it is done", e.Domain, e.Holder)
}

// TakenError says that a place where a body is written belongs to another
// rollout.
type TakenError struct{ Place, Domain string }

func (e *TakenError) Error() string {
	return fmt.Sprintf("%s is where %s serves its policy; give this rollout a place of its own", e.Place, e.Domain)
}
