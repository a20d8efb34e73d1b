package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"belay/providers/host/certs"
	"belay/rollout"
	"belay/rollout/mtasts"

	"github.com/spf13/cobra"
)

// certificateFlags are the flags of serve that say where certificates come from and how
// names are proved.
type certificateFlags struct {
	dir, ca, staging, email string
	ways                    []string
	rehearse                bool
	// noHTTP is true where nothing listens for the CA on port 80.
	noHTTP bool
}

// register adds them to the command.
func (f *certificateFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.dir, "certificates", "", "keep certificates in `DIR`, which several instances may share (default: certificates in the state directory)")
	c.Flags().StringVar(&f.ca, "acme-ca", certs.LetsEncrypt, "ACME directory `URL` of the CA")
	c.Flags().StringVar(&f.staging, "acme-staging", "", "ACME directory `URL` that --rehearse orders from (default: that of the CA, where belay knows it)")
	c.Flags().BoolVar(&f.rehearse, "rehearse", false, "order every certificate once from the CA's staging directory, say how that went, and end; nothing is kept or shown")
	c.Flags().StringVar(&f.email, "acme-email", "", "`ADDRESS` that the CA may write to")
	c.Flags().StringArrayVar(&f.ways, "challenge", nil, "`HOW` names are proved to the CA: tls-alpn, http or dns (repeatable; default tls-alpn and http, and dns for domains that were set so)")
}

// The environment gives what binds the ACME account to one that the operator has with
// the CA. A secret is never a flag.
const (
	bindingKeyEnv  = "BELAY_ACME_EAB_KID"
	bindingHMACEnv = "BELAY_ACME_EAB_HMAC"
)

// certificatesFor opens the certificates of the policy hosts that s serves, by these
// flags. What it returns is what serve.Options.Certificates takes; it orders and renews
// by itself from its first Manage until Close, which the caller must call. Its States
// tell how each host stands, for metrics and pages. An error is about the flags, the
// environment or the directory; nothing has been asked of the CA then.
func (p *program) certificatesFor(s *session, given serveFlags) (*certs.Certificates, error) {
	settings, err := p.certificateSettings(s, &given.certificates)
	if err != nil {
		return nil, err
	}
	kept, err := certs.Open(settings)
	if err != nil {
		return nil, err
	}
	if err := p.note(given); err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	return kept, nil
}

func (p *program) certificateSettings(s *session, f *certificateFlags) (certs.Settings, error) {
	dir, err := p.certificateDir(f)
	if err != nil {
		return certs.Settings{}, err
	}
	for _, way := range f.ways {
		if !slices.Contains([]string{certs.TLSALPN, certs.HTTP, certs.DNS}, way) {
			return certs.Settings{}, usagef("--challenge: %q is none of %s, %s and %s", way, certs.TLSALPN, certs.HTTP, certs.DNS)
		}
	}
	var binding certs.Binding
	binding.KeyID, _ = p.env(bindingKeyEnv)
	binding.HMAC, _ = p.env(bindingHMACEnv)
	if (binding.KeyID == "") != (binding.HMAC == "") {
		return certs.Settings{}, usagef("%s and %s belong together, and one of them is not set", bindingKeyEnv, bindingHMACEnv)
	}
	challenges := f.ways
	if len(challenges) == 0 && f.noHTTP {
		challenges = []string{certs.TLSALPN}
	}
	looks := outside{p.world}
	return certs.Settings{
		CA: f.ca, Email: f.email, Binding: binding, Ways: challenges, ByDNS: p.byDNS(s, f.ways),
		CAA: looks.caa, Outside: looks.shown, Roots: p.world.Network.Roots, Clock: p.world.Clock,
		Storage: certs.Folder(dir), Log: p.log,
	}, nil
}

// challengeHelp is that of --challenge at new and set.
const challengeHelp = "`dns`: belay serve proves mta-sts.DOMAIN to the CA by DNS, and may write and remove its own TXT values at _acme-challenge.mta-sts.DOMAIN whenever a certificate is due; empty ends that"

func (s *settingFlags) setChallenge(to *rollout.Settings) error {
	switch {
	case s.challenge != "" && s.challenge != rollout.ChallengeDNS:
		return fmt.Errorf("%q is neither dns nor empty; the other challenges need no consent, and belay serve --challenge names them", s.challenge)
	case s.challenge == rollout.ChallengeDNS && to.DNS.Provider == "manual":
		return fmt.Errorf("records that are changed by hand cannot answer a CA; a DNS provider that belay writes through can")
	}
	to.Challenge = s.challenge
	return nil
}

// certificateDir is where serve keeps certificates by its flags.
func (p *program) certificateDir(f *certificateFlags) (string, error) {
	if f.dir != "" {
		dir, err := filepath.Abs(f.dir)
		if err != nil {
			return "", fmt.Errorf("find the folder for certificates: %w", err)
		}
		return dir, nil
	}
	state, err := p.stateDir()
	return filepath.Join(state, "certificates"), err
}

// keptCertificates is what belay serve, running here or on a machine that shares the
// folder, knows of certificates.
type keptCertificates struct{ p *program }

var _ rollout.HostCertificates = keptCertificates{}

// HostCertificate implements rollout.HostCertificates.
func (k keptCertificates) HostCertificate(ctx context.Context, domain string) (rollout.HostCertificate, bool, error) {
	f, err := k.p.noted()
	if err != nil {
		return rollout.HostCertificate{}, false, err
	}
	if f.own.given() {
		return rollout.HostCertificate{}, false, nil // the operator's own are in nobody's books
	}
	dir, err := k.p.certificateDir(&f.certificates)
	if err != nil {
		return rollout.HostCertificate{}, false, err
	}
	return certs.Known(ctx, certs.Folder(dir), mtasts.PolicyHost(domain))
}

// printCertificate prints what is known of a certificate that belay serve keeps.
func (p *program) printCertificate(c rollout.HostCertificate) {
	p.say("certificate: %s", c.Line(p.world.Clock.Now()))
	if t := c.Trouble; t != nil {
		p.say("  could not be had %s: %s", local(t.At), clean(t.Said))
		if t.Mend != "" {
			p.say("  %s", clean(t.Mend))
		}
		if !t.Next.IsZero() {
			p.say("  tried %s; again %s", many(t.Tries, "time"), local(t.Next))
		}
	}
}
