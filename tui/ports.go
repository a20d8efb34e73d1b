package tui

import (
	"context"
	"io"
	"net/netip"
	"os"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

// Engine is what the wizard asks of the engine; *rollout.Engine is one.
type Engine interface {
	List(ctx context.Context) ([]rollout.Rollout, error)
	Load(ctx context.Context, domain string) (rollout.Rollout, error)
	Create(ctx context.Context, domain string, s rollout.Settings, adopt rollout.AdoptConsent, emit rollout.Sink) (rollout.Rollout, error)
	Check(ctx context.Context, domain string, emit rollout.Sink) (rollout.Evidence, error)
	GateOf(r rollout.Rollout) rollout.Gate
	SeeWaiting(ctx context.Context, domain string, emit rollout.Sink) (rollout.Gate, error)

	Propose(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error)
	Next(ctx context.Context, domain string, c rollout.Consent, emit rollout.Sink) (rollout.Progress, error)
	ProposeStepBack(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error)
	ProposeUndo(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error)
	ProposeRestore(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error)
	CarryOut(ctx context.Context, p rollout.Plan, c rollout.Consent, emit rollout.Sink) (rollout.Progress, error)
	Adopt(ctx context.Context, domain, reason string, consent rollout.AdoptConsent, emit rollout.Sink) (rollout.Rollout, error)

	Override(ctx context.Context, domain, reason string) (rollout.Gate, error)
	Mended(ctx context.Context, domain string, at time.Time, reason string) (rollout.Gate, error)
	Dismiss(ctx context.Context, domain, key, reason string) (rollout.Gate, error)
	Trust(ctx context.Context, domain, source, reason string) (rollout.Gate, error)
}

// Journal reads what was decided, intended and done; a rollout.Store is one.
type Journal interface {
	Journal(ctx context.Context, domain string) ([]rollout.Entry, error)
}

// Importer takes in the TLS reports found at paths (files, folders, Maildirs, URLs of mailboxes)
// that are about domain. It calls progress, if it is not nil, from time to time
// with how far it is, and returns the whole intake.
type Importer interface {
	Import(ctx context.Context, domain string, paths []string, progress func(rollout.ImportProgress)) (rollout.Intake, error)
}

// Lab is the internet in a box that the demo runs in. Outside the demo there is
// none. Its methods may be called from any goroutine.
type Lab interface {
	// Faults are the things that can be broken and mended, in a fixed order.
	Faults() []Fault
	// Set switches one fault on or off and returns when the lab behaves so.
	Set(ctx context.Context, id string, on bool) error
	// PassDay winds the lab's clock on by a day, lets its senders work through
	// it, and says in a sentence what they did.
	PassDay(ctx context.Context) (string, error)
	// Now is the time in the lab.
	Now() time.Time
	// Spare is a domain of the lab that has no rollout yet; its Domain is empty where
	// there is none.
	Spare() Spare
}

// Spare is a mail domain on which a form for a new rollout can be tried in the lab, and
// the answers that lead to it.
type Spare struct {
	Domain string
	// DNS is the catalogue's id of the provider that changes its zone; the lab's login
	// needs no typing.
	DNS string
	// WebRoot is a folder that the lab's policy host serves for it, and Addresses are
	// that host's.
	WebRoot   string
	Addresses []netip.Addr
	// RUA is a report address at it, and Inbox where that mail arrives.
	RUA, Inbox string
	// Senders are the lab's own, whose reports are to count.
	Senders []string
}

// Fault is one thing in the lab that can be broken.
type Fault struct {
	ID string
	// Label says what is broken while the fault is on, such as "mx2 shows an
	// expired certificate".
	Label string
	On    bool
}

// Options are what the wizard is run with.
type Options struct {
	Engine   Engine
	Journal  Journal
	Accounts rollout.Accounts
	Importer Importer
	// Lab is nil outside the demo.
	Lab   Lab
	Clock world.Clock
	// Zone is where times are shown for; nil is the machine's.
	Zone *time.Location
	// Domain, if set, is the policy domain whose rollout the wizard opens at
	// once: A-labels in lower case.
	Domain string

	// Forms are the ways to write an edit of a record down for the hand that makes
	// it, the first as a provider's form asks for it. Nil shows none.
	Forms func(rollout.Edit) []Form
	// Export writes what the reports about domain say into file, in the form that the
	// name's end says, and says in a sentence what it did. Nil exports nothing.
	Export func(ctx context.Context, domain, file string) (said string, err error)
	// Courtesy, which may be nil, is told of each key and frame.
	Courtesy Courtesy
	// Input and Output are the terminal; nil means standard input and output.
	Input  io.Reader
	Output io.Writer
	// Signals asks the wizard to end as ctrl+c does. Nil means that it listens
	// for the interrupt, terminate and hang-up signals itself.
	Signals <-chan os.Signal
}
