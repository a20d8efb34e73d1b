package rollout

import (
	"fmt"
	"slices"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// Delegation is where a vendor keeps what stands at the three names of a policy
// domain: each name is made an alias (CNAME) of the vendor's. An empty target
// leaves the name to belay. "{domain}" in a target stands for the policy domain.
//
// Who has the record (RFC 8461 section 8.2) has the policy's id: body and id are
// then the vendor's, and belay points the names there, watches, and adopts.
type Delegation struct {
	// Vendor is what the vendor is called in sentences.
	Vendor  string `json:"vendor"`
	Record  string `json:"record,omitempty"`  // target of _mta-sts
	Reports string `json:"reports,omitempty"` // target of _smtp._tls
	Host    string `json:"host,omitempty"`    // target of mta-sts
}

// On reports whether anything is delegated.
func (d Delegation) On() bool { return d.Record != "" || d.Reports != "" || d.Host != "" }

// For is d with the targets of domain, in lower case and without final dot.
func (d Delegation) For(domain string) Delegation {
	for _, target := range []*string{&d.Record, &d.Reports, &d.Host} {
		*target = strings.ToLower(strings.TrimSuffix(strings.ReplaceAll(*target, "{domain}", domain), "."))
	}
	return d
}

// validate refuses targets that are no names.
func (d Delegation) validate() error {
	of := d.For("example.com")
	for _, target := range []string{of.Record, of.Reports, of.Host} {
		if target != "" && !ownerName(target) {
			return fmt.Errorf("settings: %s is no name to which a CNAME could lead (--delegate)", finding.Quote(target, 100))
		}
	}
	if d.On() && d.Vendor == "" {
		return fmt.Errorf("settings: it is not said to whom the names are delegated (--delegate)")
	}
	return nil
}

// ownerName reports whether name is two labels or more of letters, digits, hyphens
// and underscores, as vendors' targets are.
func ownerName(name string) bool {
	labels := strings.Split(name, ".")
	if len(name) > 253 || len(labels) < 2 {
		return false
	}
	return !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != ""
	})
}

// delegation is where the settings delegate r's names to.
func (r Rollout) delegation() Delegation { return r.Settings.Delegate.For(r.Domain) }

// delegate adds the edits that make the record and the reports' name aliases of the
// vendor's. The record comes last, when the policy's host is verified there: who
// follows it must find the policy.
func (b *builder) delegate(seen Evidence) error {
	to := b.r.delegation()
	if to.Reports != "" {
		needs, err := b.vendorReports(seen)
		if err != nil {
			return err
		}
		if _, err := b.alias(seen, tlsrpt.RecordName(b.r.Domain), to.Reports, "TXT", needs); err != nil {
			return err
		}
		if ours := b.r.Settings.RUA; len(ours) > 0 && !b.r.Settings.Host.WritesID() {
			b.note("%s writes the report addresses from then on: add %s there", to.Vendor, strings.Join(ours, ", "))
		}
	}
	if to.Record == "" {
		return nil
	}
	var hosted []string
	for _, e := range b.plan.Edits {
		if e.MovesHost() || e.Kind == Policy {
			hosted = append(hosted, e.ID)
		}
	}
	added, err := b.alias(seen, mtasts.RecordName(b.r.Domain), to.Record, "TXT", hosted)
	switch {
	case err == nil && added && b.r.Settings.Host.WritesID():
		b.note("%s makes its certificate by way of these names, and writes policy and id itself: belay cannot order them", to.Vendor)
	case err == nil && added:
		b.note("%s writes policy and id: belay cannot order them, and takes into the ledger what it finds there", to.Vendor)
	}
	return err
}

// alias adds the edits that make name an alias of target and nothing else: what
// stands there with type typ is removed first, by an edit of its own. added is
// false where it is so already.
func (b *builder) alias(seen Evidence, name, target, typ string, needs []string) (added bool, err error) {
	held, ok := seen.HeldAt(name, "CNAME")
	if !ok {
		return false, notRead(seen, name, "CNAME")
	}
	other, ok := seen.HeldAt(name, typ)
	if !ok {
		return false, notRead(seen, name, typ)
	}
	after := Records(target)
	if held.Value.Equal(after) {
		return false, nil
	}
	needs = slices.Clone(needs)
	if other.Value.Exists {
		needs = append(needs, b.add(Edit{
			Kind: Record, Account: b.r.Settings.DNS.String(), Zone: other.Zone, Name: name, Type: typ,
			Before: other.Value, TTL: other.TTL, BeforeTTL: beforeTTL(other, seen), Needs: slices.Clone(needs),
			Why: "a CNAME must stand alone, so the record that stands here goes first",
		}))
	}
	b.add(Edit{
		Kind: Record, Account: b.r.Settings.DNS.String(), Zone: held.Zone, Name: name, Type: "CNAME",
		Before: held.Value, After: after, TTL: b.ttl(held), BeforeTTL: beforeTTL(held, seen), Needs: needs,
		Why: "let " + b.r.Settings.Delegate.Vendor + " answer here",
	})
	return true, nil
}

// keptElsewhere is why belay publishes no policy where a vendor has the record. A
// step back does all the same.
func (r Rollout) keptElsewhere(want mtasts.Policy) error {
	to := r.delegation()
	if to.Record == "" {
		return nil
	}
	return fmt.Errorf("plan for %s: %s keeps the policy and its id, as %s is an alias of %s: publish mode %s with max_age %d there, and belay adopt %s takes it into the ledger: %w",
		r.Domain, to.Vendor, mtasts.RecordName(r.Domain), to.Record, want.Mode, want.MaxAge, r.Domain, ErrRefused)
}
