package tui

import (
	"context"
	"errors"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	tea "github.com/charmbracelet/bubbletea"
)

// A rehearser orders the certificate of a policy host from its CA's staging directory,
// where that costs nothing and is shown to nobody. The engine of the wizard may be one.
type rehearser interface {
	// Rehearse says what came of it: Trouble is nil where the real order would go
	// well. The error is why nothing could be ordered at all.
	Rehearse(ctx context.Context, domain string) (rollout.HostCertificate, error)
}

// rehearsedMsg is what came of a rehearsal.
type rehearsedMsg struct {
	domain string
	cert   rollout.HostCertificate
	err    error
}

// rehearseActs are there where belay itself serves the policy.
func (p *phase) rehearseActs() []act {
	r, ok := p.engine.(rehearser)
	if !ok || !p.loaded || p.rollout.Settings.Host.Kind != rollout.HostServe {
		return nil
	}
	return []act{on("T", "rehearse the certificate", func() tea.Cmd {
		p.nav.say("Ordering a certificate for " + mtasts.PolicyHost(p.domain) + " from the CA's staging directory. What it issues is shown to nobody.")
		domain := p.domain
		return p.crew.errand(func(ctx context.Context) tea.Msg {
			cert, err := r.Rehearse(ctx, domain)
			return rehearsedMsg{domain, cert, err}
		})
	})}
}

// rehearsed shows what came of it.
func (p *phase) rehearsed(msg rehearsedMsg) tea.Cmd {
	if msg.domain != p.domain || errors.Is(msg.err, context.Canceled) {
		return nil
	}
	title := "Rehearsal of the certificate for " + mtasts.PolicyHost(msg.domain)
	switch t := msg.cert.Trouble; {
	case msg.err != nil:
		p.nav.read(title, []string{"Nothing could be ordered.", "", finding.Clean(msg.err.Error(), 1000)})
	case t != nil:
		p.nav.read(title, []string{"The order failed.", "", finding.Clean(t.Said, 1000), "", finding.Clean(t.Mend, 1000)})
	default:
		p.nav.read(title, []string{"It went well: " + finding.Clean(msg.cert.Issuer, 120) + " issued one, and the real order would go the same way.",
			"", "belay serve orders the real one by itself."})
	}
	return nil
}
