package dns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// A Delegation says from outside who answers for a zone.
type Delegation interface {
	// Delegated is the zone with this apex as the world sees it: its name servers,
	// and the serial at which each of their addresses answers.
	Delegated(ctx context.Context, apex string) (rollout.Zone, error)
}

// reaches is an error where a provider's zone is not the one that DNS answers
// from, though it has the same name: none of its name servers is among those of
// the delegation. Where nobody can be asked it is nil; then what is written is
// waited for, and not called live.
func (a *remote) reaches(ctx context.Context, z Zone) error {
	if a.o.Delegation == nil || len(z.NameServers) == 0 {
		return nil
	}
	key := z.Name + " " + z.ID
	a.mu.Lock()
	known := a.reached[key]
	a.mu.Unlock()
	if known {
		return nil
	}
	seen, err := a.o.Delegation.Delegated(ctx, z.Name)
	if err != nil || len(seen.Servers) == 0 {
		return nil
	}
	answering := namesOf(seen)
	if !slices.ContainsFunc(z.NameServers, func(n string) bool { return slices.Contains(answering, n) }) {
		return strangers(a.source.Label(), z, answering)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reached == nil {
		a.reached = map[string]bool{}
	}
	a.reached[key] = true
	return nil
}

func namesOf(z rollout.Zone) []string {
	var out []string
	for _, s := range z.Servers {
		out = append(out, plainName(s.Name))
	}
	return out
}

// strangers says what a zone is whose name servers are not those of the world.
func strangers(label string, z Zone, answering []string) error {
	its, theirs := finding.Clean(strings.Join(z.NameServers, ", "), 300), finding.Clean(strings.Join(answering, ", "), 300)
	if z.Serial != 0 {
		return fmt.Errorf("split horizon: %s shows a zone %s whose name servers are %s, and the world sees one with %s: this is another view of the zone, or a copy that was left behind; name the primary server of the zone that answers outside", label, z.Name, its, theirs)
	}
	return fmt.Errorf("%s keeps a zone %s in this account on %s, but DNS answers from %s: the zone that answers is one of the same name in another account, or elsewhere; use the account whose zone has those name servers", label, z.Name, its, theirs)
}

// besides are remarks about a zone whose name servers are among those of the
// world, but not quite the same, or whose serial the world has passed.
func (a *remote) besides(ctx context.Context, z Zone) []string {
	if a.o.Delegation == nil || len(z.NameServers) == 0 {
		return nil
	}
	seen, err := a.o.Delegation.Delegated(ctx, z.Name)
	if err != nil {
		return nil
	}
	var out, others []string
	for _, n := range namesOf(seen) {
		if !slices.Contains(z.NameServers, n) {
			others = append(others, n)
		}
	}
	if len(others) > 0 {
		out = append(out, fmt.Sprintf("DNS also answers from %s, which %s does not name: unless they take the zone from there, changes will not be seen at them.", finding.Clean(strings.Join(others, ", "), 300), a.source.Label()))
	}
	if z.Serial == 0 {
		return out
	}
	for _, s := range seen.Servers {
		for _, at := range s.Addresses {
			if at.Answered && at.Serial != 0 && int32(at.Serial-z.Serial) > 0 { // RFC 1982 section 3.2
				return append(out, fmt.Sprintf("%s [%s] has serial %d, which is newer than %d at %s: a signer stands between them, or %s is not the primary.", s.Name, at.IP, at.Serial, z.Serial, a.source.Label(), a.source.Label()))
			}
		}
	}
	return out
}

// typesAt are the types that belay may write at name.
func typesAt(domain, name string) []string {
	if name == mtasts.PolicyHost(domain) {
		return []string{"A", "AAAA", "CNAME"}
	}
	return []string{"TXT", "CNAME"}
}

// compare is an error where every authoritative server answers something else at
// name than the provider shows: then its zone is a copy that nobody asks, or
// something there answers that its records do not tell.
func (a *remote) compare(ctx context.Context, z Zone, name string, sets []RRset) error {
	if a.o.Seer == nil {
		return nil
	}
	types := typesAt(a.o.Domain, name)
	if slices.ContainsFunc(sets, func(s RRset) bool { return s.Fronted }) {
		return nil // the answers are the provider's own servers, and no record tells them
	}
	differences := make([]error, len(types))
	var asking sync.WaitGroup
	for i, typ := range types {
		set := pick(sets, name, typ)
		if set.Special != "" {
			continue
		}
		asking.Go(func() {
			answer, ok := a.answer(ctx, rollout.Edit{Kind: rollout.Record, Zone: z.Name, Name: name, Type: typ, After: set.Value()})
			if !ok || answer.Equal(set.Value()) {
				return
			}
			differences[i] = fmt.Errorf("%s shows %s at %s %s, and every name server answers %s: %s; if it changed just now, wait and try again",
				a.source.Label(), inWords(set.Value()), name, typ, inWords(answer), rollout.Apart(set.Value(), answer))
		})
	}
	asking.Wait()
	for _, err := range differences {
		if err != nil {
			return err
		}
	}
	return nil
}

// answer is what all name servers that answer agree on.
func (a *remote) answer(ctx context.Context, e rollout.Edit) (rollout.Value, bool) {
	_, seen, err := a.o.Seer.See(ctx, e, nil)
	if err != nil {
		return rollout.Value{}, false
	}
	return rollout.Agreed(seen.Sightings)
}
