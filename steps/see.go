package steps

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
	"belay/steps/probe"
)

// See looks for one edit from outside: a record at every address of every
// authoritative server of its zone, a policy at every address that those servers
// give for the policy host. The evidence holds one sighting an address.
//
// The value is what all that answered agree on. Where they differ it is one of
// theirs that is not e.After, so that an edit is never taken for live because some
// servers have it. What answers, but not with a policy as RFC 8461 asks, has the
// absent value, and so has a record that only a wildcard answers for, unless that is
// e.After. The error says that nothing could be asked at all.
func (l *Looker) See(ctx context.Context, e rollout.Edit, emit rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	return l.seeing(ctx, e, emit, func(s *sight) error {
		if e.Kind == rollout.Policy {
			return s.policy()
		}
		return s.record()
	})
}

// SeeAt looks for domain's policy at addresses that DNS need not name yet, by the
// policy host's name: at holds IP addresses, or host names to be resolved. e is an
// edit of the policy or of the policy host's address.
func (l *Looker) SeeAt(ctx context.Context, e rollout.Edit, at []string, emit rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	return l.seeing(ctx, e, emit, func(s *sight) error {
		addresses, err := s.addresses(at)
		if err != nil {
			return err
		}
		s.policyAt(addresses)
		return nil
	})
}

// sight is the verification of one edit while it is made.
type sight struct {
	view   *probe.View
	edit   rollout.Edit
	domain string
	e      rollout.Evidence
}

func (l *Looker) seeing(ctx context.Context, e rollout.Edit, emit rollout.Sink, look func(*sight) error) (rollout.Value, rollout.Evidence, error) {
	watch := world.Start()
	v := probe.Open(ctx, l.world, emit)
	defer v.Close()
	s := &sight{view: v, edit: e, domain: domainOf(e)}
	s.e.Domain, s.e.At = s.domain, v.Now().UTC()
	err := look(s)
	if ended := v.Err(); ended != nil {
		err = ended
	}
	s.e.Took = watch.Elapsed()
	s.e.Findings = inOrder(s.e.Findings)
	if err != nil {
		s.e.Cut = cutReason(err, s.e.Took)
		return rollout.Absent(), s.e, fmt.Errorf("see %s %s: %w", e.Name, e.Type, err)
	}
	return s.value(), s.e, nil
}

// value is what the sightings agree on, or where they differ one that is not
// what the edit wants.
func (s *sight) value() rollout.Value {
	value, agreed := rollout.Agreed(s.e.Sightings)
	if agreed {
		return value
	}
	for _, g := range s.e.Sightings {
		if g.Answered && !g.Value.Equal(s.edit.After) {
			return g.Value
		}
	}
	return rollout.Absent()
}

// record asks every authoritative server for the edit's RRset.
func (s *sight) record() error {
	zone, err := s.view.Zone(s.domain)
	if err != nil {
		return err
	}
	a := s.view.Authoritative(zone, s.edit.Name, s.edit.Type)
	s.view.NoteSerials(a)
	s.discount(a)
	s.e.Zone.Apex, s.e.Zone.Exists = a.Zone, !zone.Missing
	s.e.Names = []rollout.NameSeen{{Name: a.Name, Type: a.Type, Sightings: a.Sightings, Alias: a.Alias}}
	s.e.Sightings = a.Sightings
	wrong := s.mistakes(zone, a) // before what was seen is told, so that this stands last
	for i := range a.Sightings {
		s.tell(a.Sightings[i])
	}
	s.conclude(wrong...)
	if !a.Answered() {
		return fmt.Errorf("no name server of %s gives an answer", a.Zone)
	}
	if _, agreed := rollout.Agreed(a.Sightings); !agreed {
		s.conclude(finding.New("D02", a.Name+" "+a.Type, "the name servers disagree: "+tellApart(a.Sightings)))
	}
	return nil
}

// discount takes out of a's sightings what a wildcard answers in place of what the
// edit leaves behind: it does not stand at the name.
func (s *sight) discount(a probe.Authority) {
	var all sync.WaitGroup
	for i := range a.Sightings {
		g := &a.Sightings[i]
		if !g.Value.Exists || rollout.Live(s.edit, []rollout.Sighting{*g}) {
			continue
		}
		all.Go(func() {
			if s.view.ByWildcard(a, *g) {
				g.Value, g.Wildcard = rollout.Absent(), g.Value
			}
		})
	}
	all.Wait()
}

// policy fetches the policy from every address that the authoritative servers
// give for its host.
func (s *sight) policy() error {
	zone, err := s.view.Zone(s.domain)
	if err != nil {
		return err
	}
	host := mtasts.PolicyHost(s.domain)
	addresses, a, aaaa := s.view.SettleAddresses(zone, host)
	if !a.Last.Answered() && !aaaa.Last.Answered() {
		return fmt.Errorf("no name server tells the addresses of %s", host)
	}
	if len(addresses) == 0 {
		s.conclude(finding.New("H01", host, host+" has neither an A nor an AAAA record"))
		s.conclude(s.bodyMistakes(nil)...)
		return nil
	}
	s.policyAt(addresses)
	return nil
}

// policyAt fetches the policy from each address, all at once.
func (s *sight) policyAt(addresses []netip.Addr) {
	host := mtasts.PolicyHost(s.domain)
	fetches := make([]probe.Fetch, len(addresses))
	var all sync.WaitGroup
	for i, ip := range addresses {
		all.Go(func() { fetches[i] = s.view.Fetch(s.domain, ip) })
	}
	all.Wait()
	k := &look{view: s.view, domain: s.domain, e: s.e}
	for _, f := range fetches {
		g := sightingOf(host, f)
		s.e.Sightings = append(s.e.Sightings, g)
		s.e.Policy.Addresses = append(s.e.Policy.Addresses, f.PolicyAddress)
		s.tell(g)
		s.conclude(k.judgeFetch(host, f, false, fetches)...)
	}
	s.conclude(s.bodyMistakes(fetches)...)
	s.e.Policy.URL = mtasts.PolicyURL(s.domain)
	if value, agreed := rollout.Agreed(s.e.Sightings); agreed && value.Exists {
		policy, faults := mtasts.ParsePolicy([]byte(value.Body))
		s.e.Policy.Body, s.e.Policy.Agree = value.Body, true
		s.e.Policy.Policy, s.e.Policy.Valid = policy, mtasts.Usable(faults)
	}
}

// sightingOf is a fetch as a sighting of the policy body. Who keeps a connection and
// says nothing whole over it serves nobody another body: that is no answer.
func sightingOf(host string, f probe.Fetch) rollout.Sighting {
	g := rollout.Sighting{
		Where: host, IP: f.IP, Answered: f.Fate.Answers() && !f.Late, NoRoute: f.NoRoute, Err: f.Err, Took: f.Took,
	}
	if f.Fate == probe.Served {
		g.Value = rollout.Body(f.Body)
	}
	return g
}

// addresses reads IP addresses, and resolves names to theirs.
func (s *sight) addresses(at []string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, where := range at {
		if ip, err := netip.ParseAddr(where); err == nil {
			out = append(out, ip)
			continue
		}
		resolved, err := s.view.ResolveAddresses(strings.ToLower(strings.TrimSuffix(where, ".")))
		if err != nil {
			return nil, err
		}
		out = append(out, resolved...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s leads to no address", strings.Join(at, ", "))
	}
	return out, nil
}

func (s *sight) tell(g rollout.Sighting) {
	said, sev := g.Value.String(), finding.Pass
	if g.Wildcard.Exists {
		said = "nothing of its own; a wildcard answers " + g.Wildcard.String()
	}
	switch {
	case g.Err != "":
		said, sev = g.Err, finding.Warn
	case g.Serial != 0:
		said += fmt.Sprintf("   TTL %d, serial %d", g.TTL, g.Serial)
	}
	s.view.Emit(rollout.Event{Kind: rollout.Answered, Subject: probe.At(g.Where, g.IP), Text: said, Took: g.Took, Severity: sev, Edit: &s.edit, Sighting: &g})
}

func (s *sight) conclude(fs ...finding.Finding) {
	for _, f := range fs {
		s.e.Findings = append(s.e.Findings, f)
		s.view.Emit(rollout.Event{Kind: rollout.Concluded, Subject: f.Subject, Text: f.Title, Severity: f.Severity, Finding: &f, Edit: &s.edit})
	}
}

// domainOf is the policy domain that an edit belongs to.
func domainOf(e rollout.Edit) string {
	name := e.Name
	if u, err := url.Parse(name); err == nil && u.Host != "" {
		name = u.Host
	}
	for _, prefix := range []string{"_mta-sts.", "_smtp._tls.", "mta-sts."} {
		if domain, ok := strings.CutPrefix(name, prefix); ok {
			return domain
		}
	}
	return name
}
