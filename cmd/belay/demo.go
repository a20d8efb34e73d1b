package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/tui"

	"github.com/spf13/cobra"
)

const demoLong = `The whole wizard against a built-in lab: an internet in a box with name servers, MX
hosts, a policy host and senders, all on this machine. It begins with something
wrong; the keys on screen mend it and let days pass. Nothing outside this machine is
touched, and nothing is left behind but a file into which you export reports.

Its keys beside the wizard's own: d lets a day pass in the lab; x lists what can be
broken in it, MX hosts, policy host, name servers, and space breaks or mends what is
selected. esc leads to the dashboard, where n starts a second rollout: its form is
filled in for spare.test, a domain of the lab that has none yet.`

// spareDomain is a domain of the demo's lab without a rollout.
const spareDomain = "spare.test"

// demoFault is what is wrong at first.
const demoFault = "mx2.expired"

func (p *program) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "Try the wizard in a built-in lab", Long: demoLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !p.canDraw() {
				return usagef("demo needs a terminal: it is the wizard, in a lab")
			}
			return p.demo(cmd.Context())
		},
	}
}

// demo runs the wizard in a lab of its own and takes everything away afterwards.
func (p *program) demo(ctx context.Context) (err error) {
	if _, err := lab.Sweep(""); err != nil {
		p.log.Warn("sweep", "error", err.Error())
	}
	box, err := lab.New(lab.Options{Extra: []string{spareDomain}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	if err := box.Set(demoFault, true); err != nil {
		return err
	}
	inside := p.inside(box)
	var first courtesy
	inside.world.Network = first.network(inside.world.Network)
	// The store stands in the lab's own folder, so that one sweep takes both.
	s, err := inside.openAt(ctx, filepath.Join(filepath.Dir(box.Inbox()), "state"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, err := s.engine.Create(ctx, box.Domain(), demoSettings(box), rollout.AdoptConsent{}, nil); err != nil {
		return fmt.Errorf("start the demo: %w", err)
	}
	o := inside.wizardOptions(s, box.Domain(), &first)
	o.Lab = labPanel{box}
	return p.wizard(ctx, o)
}

// inside is p with the lab for its world and no environment but the lab's
// credentials: nothing of the operator's is read or reached.
func (p *program) inside(box *lab.Lab) *program {
	inside := *p
	inside.world = box.World()
	key, algorithm, secret := box.TSIG()
	env := map[string]string{
		"RFC2136_NAMESERVER": box.NameServer(0), "RFC2136_TSIG_KEY": key,
		"RFC2136_TSIG_ALGORITHM": algorithm, "RFC2136_TSIG_SECRET": secret,
	}
	inside.env = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	inside.keyring = func(context.Context, string) (string, error) { return "", nil }
	return &inside
}

// demoSettings are the providers that ship, pointed at the lab.
func demoSettings(box *lab.Lab) rollout.Settings {
	s := rollout.DefaultSettings()
	s.DNS = rollout.Account{Provider: "rfc2136"}
	s.Host = rollout.HostAccount{Kind: "webroot", Place: box.WebRoot()}
	s.HostAddresses = box.PolicyAddresses()
	s.RUA = []string{"mailto:" + lab.ReportMailbox + "@" + box.Domain()}
	s.Inboxes = []string{box.Inbox()}
	s.Senders = box.KnownSenders()
	return s
}

// labPanel is the lab as the wizard shows it.
type labPanel struct{ box *lab.Lab }

func (l labPanel) Now() time.Time { return l.box.Now() }

// Spare is the lab's other domain, with the answers that demoSettings gives for the first.
func (l labPanel) Spare() tui.Spare {
	return tui.Spare{
		Domain: spareDomain, DNS: "rfc2136", WebRoot: l.box.WebRootOf(spareDomain), Addresses: l.box.PolicyAddresses(),
		RUA: "mailto:" + lab.ReportMailbox + "@" + spareDomain, Inbox: l.box.Inbox(), Senders: l.box.KnownSenders(),
	}
}

func (l labPanel) Faults() []tui.Fault {
	var out []tui.Fault
	for _, f := range l.box.Faults() {
		out = append(out, tui.Fault{ID: f.ID, Label: f.Where + ": " + f.Label, On: f.On})
	}
	return out
}

func (l labPanel) Set(_ context.Context, id string, on bool) error { return l.box.Set(id, on) }

// PassDay lets the lab's senders live a day and says what they met.
func (l labPanel) PassDay(ctx context.Context) (string, error) {
	day, err := l.box.PassDay(ctx)
	if err != nil {
		return "", err
	}
	said := fmt.Sprintf("%s: senders delivered %d messages", day.Day.Format("2 Jan"), day.Delivered)
	if n := len(day.Refused); n > 0 {
		said += fmt.Sprintf(", refused an MX host %d times (%s: %s)", n, day.Refused[0].MX, day.Refused[0].Type)
	}
	if n := len(day.Undelivered); n > 0 {
		said += fmt.Sprintf(", could not deliver %d (%s)", n, strings.TrimSuffix(day.Undelivered[0].Why, "."))
	}
	return fmt.Sprintf("%s and wrote %d reports.", said, len(day.Reports)), nil
}

var _ tui.Lab = labPanel{}
