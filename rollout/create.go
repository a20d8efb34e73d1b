package rollout

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// Create starts a rollout of domain, which is in A-label form: it proves the
// accounts, looks, adopts what is there, and journals all of it in one commit. It
// refuses a domain that has a rollout, does not exist or takes no mail, with
// *TakenError a place where another rollout serves its policy, and with
// *AdoptionError to adopt what adopt does not cover. Nothing is written then. A login
// that lacks a field is told before anything is asked.
func (e *Engine) Create(ctx context.Context, domain string, s Settings, adopt AdoptConsent, emit Sink) (Rollout, error) {
	release, err := e.Store.Lock(domain, e.Who)
	if err != nil {
		return Rollout{}, err
	}
	defer release()
	journal, err := e.Store.Journal(ctx, domain)
	if err != nil {
		return Rollout{}, err
	}
	if len(journal) > 0 {
		return Rollout{}, fmt.Errorf("start a rollout of %s: there is one already; belay status %s shows it, belay set %s changes it: %w", domain, domain, domain, ErrRefused)
	}
	if err := e.admit(ctx, domain, s); err != nil {
		return Rollout{}, err
	}
	if _, err := e.Accounts.Open(ctx, domain, s); err != nil {
		return Rollout{}, err
	}
	r := Rollout{Domain: domain, Settings: s}
	lookCtx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	seen, err := e.Looker.Look(lookCtx, domain, nil, emit)
	if err != nil {
		return Rollout{}, fmt.Errorf("start a rollout of %s: %w", domain, err)
	}
	if err := startable(seen); err != nil {
		return Rollout{}, err
	}
	if _, err := e.Accounts.Try(ctx, domain, s); err != nil {
		return Rollout{}, err
	}
	entries := []Entry{{Kind: Created, Settings: &s}}
	found, ledger := r.adoption(seen, e.now())
	if err := adopt.allows(found); err != nil {
		return Rollout{}, err
	}
	if found.Any() {
		entries = append(entries, Entry{Kind: Adopted, Ledger: ledger, Phase: found.Phase, Aim: found.Aim,
			Reason: "live before belay came"})
	}
	if err := e.append(ctx, &r, entries...); err != nil {
		return Rollout{}, err
	}
	if err := e.Store.SaveEvidence(ctx, seen); err != nil {
		return Rollout{}, err
	}
	return r, e.beside(ctx, &r)
}

// startable refuses a domain that no rollout can help.
func startable(seen Evidence) error {
	if !seen.Zone.Exists {
		return fmt.Errorf("%s does not exist in DNS; check the spelling, or register it first: %w", seen.Domain, ErrRefused)
	}
	for _, f := range seen.Findings {
		if f.Code == "M01" && f.Severity == finding.Fail {
			return fmt.Errorf("%s: %s; a domain that takes no mail needs no MTA-STS: %w", seen.Domain, f.Title, ErrRefused)
		}
	}
	if len(seen.MX) == 0 {
		return fmt.Errorf("%s has no MX record and no address, so it receives no mail; publish its MX records first: %w", seen.Domain, ErrRefused)
	}
	return nil
}

// admit checks settings against themselves and against the other rollouts of
// the store.
func (e *Engine) admit(ctx context.Context, domain string, s Settings) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.Host.Place == "" {
		return nil
	}
	domains, err := e.Store.Domains(ctx)
	if err != nil {
		return err
	}
	for _, d := range domains {
		if d == domain {
			continue
		}
		journal, err := e.Store.Journal(ctx, d)
		if err != nil {
			return err
		}
		other, err := Fold(d, journal)
		if err != nil {
			return err
		}
		if other.holdsPlace(s.Host) {
			return &TakenError{Place: s.Host.String(), Domain: d}
		}
	}
	return nil
}

// holdsPlace reports whether r serves its body at this place, or is to: what the
// settings say, and where the body stands that senders are still led to.
func (r Rollout) holdsPlace(h HostAccount) bool {
	place := h.canonical()
	if r.Settings.Host.canonical() == place {
		return true
	}
	live, _, ok := r.Live()
	return ok && live.Mode != mtasts.None && slices.Contains(r.placesOf(live), place.String())
}

// canonical is h with one spelling of its place.
func (h HostAccount) canonical() HostAccount {
	if h.Place != "" {
		h.Place = filepath.Clean(h.Place)
	}
	return h
}

// Validate refuses settings that no rollout can go by, with what was seen and
// what to do.
func (s Settings) Validate() error {
	if s.DNS.Provider == "" || s.Host.Kind == "" {
		return fmt.Errorf("settings: a DNS provider and a policy host are needed (--dns, --host)")
	}
	if len(s.HostAddresses) > 0 && s.HostCNAME != "" {
		return fmt.Errorf("settings: mta-sts points either at addresses or at another name, not both (--host-address, --host-cname)")
	}
	for _, a := range s.HostAddresses {
		if !a.IsValid() || a.Zone() != "" || a.IsUnspecified() {
			return fmt.Errorf("settings: host address %s is no address that senders could reach", a)
		}
	}
	if s.HostCNAME != "" {
		if err := mtasts.ValidPattern(strings.TrimSuffix(s.HostCNAME, ".")); err != nil || strings.HasPrefix(s.HostCNAME, "*") {
			return fmt.Errorf("settings: host name %s is no host name", finding.Quote(s.HostCNAME, 80))
		}
	}
	if err := s.Delegate.validate(); err != nil {
		return err
	}
	if s.Delegate.Host != "" && (len(s.HostAddresses) > 0 || s.HostCNAME != "") {
		return fmt.Errorf("settings: %s is to answer at mta-sts, so it points nowhere else (--delegate, --host-address, --host-cname)", finding.Quote(s.Delegate.Vendor, 60))
	}
	if err := s.validateHost(); err != nil {
		return err
	}
	if s.TTL != 0 && (s.TTL < LeastTTL || s.TTL > MostTTL) {
		return fmt.Errorf("settings: the TTL is %d; it must lie between %d and %d seconds (--ttl)", s.TTL, LeastTTL, MostTTL)
	}
	for _, p := range s.MX {
		if err := mtasts.ValidPattern(p); err != nil {
			return fmt.Errorf("settings: %w", err)
		}
	}
	for _, u := range s.RUA {
		if err := tlsrpt.ValidURI(u); err != nil {
			return fmt.Errorf("settings: %w", err)
		}
	}
	for _, id := range s.AuthservID {
		if id == "" || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ';' }) {
			return fmt.Errorf("settings: %s is no id that an MX writes in Authentication-Results (--authserv-id)", finding.Quote(id, 80))
		}
	}
	if s.MaxAge < TestingMaxAge || s.MaxAge > LongestMaxAge {
		return fmt.Errorf("settings: the target max_age is %d; it must lie between %d (a day) and %d (RFC 8461 section 3.2)", s.MaxAge, TestingMaxAge, LongestMaxAge)
	}
	if s.HeldBefore != nil && *s.HeldBefore > LongestMaxAge {
		return fmt.Errorf("settings: no sender holds a policy longer than %d seconds, so --held-before %d cannot be", LongestMaxAge, *s.HeldBefore)
	}
	if s.MinReporters < 0 || s.Stray < 0 || s.Soak.Testing < 0 || s.Soak.Silent < 0 || s.Soak.Enforce < 0 {
		return fmt.Errorf("settings: a number or a time is negative")
	}
	return nil
}

// Configure changes a rollout's settings. A changed account must prove the zone,
// and a place that another rollout holds is refused.
func (e *Engine) Configure(ctx context.Context, domain string, change func(*Settings) error) (Rollout, error) {
	var out Rollout
	err := e.locked(ctx, domain, func(r *Rollout) error {
		s := r.Settings.clone()
		if err := change(&s); err != nil {
			return err
		}
		if err := e.admit(ctx, domain, s); err != nil {
			return err
		}
		if s.DNS != r.Settings.DNS || s.Host != r.Settings.Host {
			if _, err := e.Accounts.Try(ctx, domain, s); err != nil {
				return err
			}
		}
		entries := []Entry{{Kind: Set, Settings: &s}}
		if _, more := s.NextRung(r.Rung()); more && r.Phase == Holding && r.Mode() == mtasts.Enforce {
			// A higher target than the one reached: the way goes on from the live rung.
			entries = append(entries, Entry{Kind: Moved, From: Holding, Phase: RaiseMaxAge, Aim: r.Rung()})
		}
		if err := e.append(ctx, r, entries...); err != nil {
			return err
		}
		out = *r
		return nil
	})
	return out, err
}

// clone is s with its own slices and maps.
func (s Settings) clone() Settings {
	s.HostAddresses = append([]netip.Addr(nil), s.HostAddresses...)
	s.RUA, s.MX = slices.Clone(s.RUA), slices.Clone(s.MX)
	s.Inboxes, s.Senders = slices.Clone(s.Inboxes), slices.Clone(s.Senders)
	s.AuthservID = slices.Clone(s.AuthservID)
	soak := s.Soak.MaxAge
	s.Soak.MaxAge = nil
	for rung, d := range soak {
		s.Soak.Set(rung, d)
	}
	return s
}

// Set changes the clean time before a rung; rung 0 stands for every rung not
// named.
func (s *Soak) Set(rung uint32, d time.Duration) {
	if s.MaxAge == nil {
		s.MaxAge = map[uint32]time.Duration{}
	}
	s.MaxAge[rung] = d
}

// Forget removes a rollout of which nothing was published.
func (e *Engine) Forget(ctx context.Context, domain string) error {
	return e.locked(ctx, domain, func(r *Rollout) error {
		for _, p := range r.Plans {
			for id, state := range p.Edits {
				if !state.Intended.IsZero() {
					edit, _ := p.Plan.Edit(id)
					return fmt.Errorf("forget %s: belay wrote %s; what was published is not forgotten: %w", domain, edit.Name, ErrRefused)
				}
			}
		}
		return e.Store.Forget(ctx, domain)
	})
}

// Adopt takes what is live into the ledger after drift, and puts the rollout
// where that policy stands. It refuses where nothing valid is live, or what is live
// is what the ledger says; and with *AdoptionError what consent does not cover.
func (e *Engine) Adopt(ctx context.Context, domain, reason string, consent AdoptConsent, emit Sink) (Rollout, error) {
	var out Rollout
	if strings.TrimSpace(reason) == "" {
		return out, fmt.Errorf("adopt %s: a decision needs a reason; it stands in the journal for ever: %w", domain, ErrRefused)
	}
	err := e.locked(ctx, domain, func(r *Rollout) error {
		w, err := e.Accounts.Open(ctx, domain, r.Settings)
		if err != nil {
			return err
		}
		if err := e.look(ctx, r, w, emit); err != nil {
			return err
		}
		if len(r.faced(*r.Evidence)) == 0 {
			return fmt.Errorf("adopt %s: what is live is what the ledger says, so there is nothing to adopt: %w", domain, ErrRefused)
		}
		found, entries, why := r.adoptNow(*r.Evidence, e.now())
		if why != "" {
			return fmt.Errorf("adopt %s: %s: %w", domain, why, ErrRefused)
		}
		if err := consent.allows(found); err != nil {
			err.Drift = true
			return err
		}
		journal, err := e.settleBegun(ctx, r, w, false)
		if err != nil {
			return err
		}
		journal = append(journal, Entry{Kind: Adopted, Ledger: entries, Phase: found.Phase, Aim: found.Aim, Reason: reason})
		if err := e.append(ctx, r, journal...); err != nil {
			return err
		}
		out = *r
		return nil
	})
	return out, err
}
