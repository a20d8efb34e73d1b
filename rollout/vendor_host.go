package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// The kinds of policy hosts that a vendor runs.
const (
	HostWorker   = "cloudflare-worker"
	HostValimail = "valimail"
)

// TypeRUA is the type of an edit of a vendor's report addresses.
const TypeRUA = "rua"

// WritesID reports whether who keeps the body at h also writes the policy's id, so
// that belay cannot order the two: it asks for a policy, waits until body and id
// both show it, and records both. The three names are aliases of the vendor's then.
func (h HostAccount) WritesID() bool { return h.Kind == HostValimail }

// NamesItself reports whether h makes the address of mta-sts by itself when it
// first takes a body, and takes no other record beside it.
func (h HostAccount) NamesItself() bool { return h.Kind == HostWorker }

// LaterError is a provider's word that what it was asked for cannot be done yet,
// that nobody need do anything about it, and when to ask again. Beside a receipt that
// is Applied or Found it says that the value was taken and may not be served yet: it
// is looked for all the same.
type LaterError struct {
	// After is how long to wait.
	After time.Duration
	// Text is what is waited for, clean.
	Text string
}

func (e *LaterError) Error() string { return e.Text }

// validateHost refuses settings that a vendor's host has no use for, or lacks.
func (s Settings) validateHost() error {
	switch d := s.Delegate; {
	case s.Host.NamesItself() && (len(s.HostAddresses) > 0 || s.HostCNAME != "" || d.Host != ""):
		return fmt.Errorf("settings: %s makes the record of mta-sts itself, so it is pointed nowhere else (--host-address, --host-cname, --delegate)", s.Host.Kind)
	case s.Host.WritesID() && (d.Record == "" || d.Reports == "" || d.Host == ""):
		return fmt.Errorf("settings: %s serves the policy only where all three names are aliases of its own (--delegate %[1]s)", s.Host.Kind)
	}
	return nil
}

// vendorTells reports whether the vendor that keeps the body is also whom senders
// ask for the id: the record is an alias of its own.
func (r Rollout) vendorTells(seen Evidence) bool {
	held, ok := seen.HeldAt(mtasts.RecordName(r.Domain), "CNAME")
	return r.Settings.Host.WritesID() && ok && held.Value.Equal(Records(r.delegation().Record))
}

// vendorOf is who announces a body by itself; "" where belay does.
func (r Rollout) vendorOf(seen Evidence) string {
	if !r.vendorTells(seen) {
		return ""
	}
	return r.delegation().Vendor
}

// vendorFills reports whether what is behind the alias that e makes may be empty
// yet: the vendor is asked to publish there by an edit that e needs, or it does so
// later and no sender is told of a policy meanwhile.
func (r Rollout) vendorFills(p Plan, e Edit, seen Evidence) bool {
	if !r.Settings.Host.WritesID() {
		return false
	}
	if e.Name == tlsrpt.RecordName(r.Domain) {
		return slices.ContainsFunc(e.Needs, func(id string) bool {
			need, _ := p.Edit(id)
			return need.Kind == RUA
		})
	}
	_, _, live := r.Live()
	_, enforced := r.enforced(seen)
	return !live && !enforced
}

// vendorReports adds the edit that has the vendor publish the settings' report
// addresses beside those it publishes already, and returns it as a need.
func (b *builder) vendorReports(seen Evidence) (needs []string, err error) {
	if !b.r.Settings.Host.WritesID() {
		return nil, nil
	}
	name, to := tlsrpt.RecordName(b.r.Domain), b.r.delegation()
	held, ok := seen.HeldAt(name, TypeRUA)
	if !ok {
		return nil, notRead(seen, name, TypeRUA)
	}
	if holdsAll(held.Value.Records, b.r.Settings.RUA) {
		return nil, nil
	}
	return []string{b.add(Edit{
		Kind: RUA, Account: b.r.Settings.Host.String(), Name: name, Type: TypeRUA,
		Before: held.Value, After: Records(slices.Concat(held.Value.Records, b.r.Settings.RUA)...),
		At: []string{to.Reports}, Vendor: to.Vendor,
		Why: "have " + to.Vendor + " ask senders for reports to these addresses, beside its own",
	})}, nil
}

func holdsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}

// makeRoom adds the edits that take away what stands at the policy host's name,
// where a host makes its own record there and has not yet. While senders are told
// of a policy nothing is taken away: then the host itself says what is in the way.
func (b *builder) makeRoom(seen Evidence, name string) error {
	place, ok := seen.HeldAt(mtasts.PolicyURL(b.r.Domain), "policy")
	if _, _, live := b.r.Live(); live || ok && place.Value.Exists {
		return nil
	}
	for _, typ := range hostTypes {
		held, ok := seen.HeldAt(name, typ)
		if !ok || !held.Value.Exists {
			continue // what cannot be read as a record the host will name
		}
		b.add(Edit{
			Kind: Record, Account: b.r.Settings.DNS.String(), Zone: held.Zone, Name: name, Type: typ,
			Before: held.Value, TTL: held.TTL, BeforeTTL: beforeTTL(held, seen),
			Why: "make room: " + b.r.Settings.Host.String() + " makes its own record here and takes none beside it",
		})
	}
	return nil
}

// cannotMove is why a policy that senders are told of is not moved to a vendor that
// makes its certificate only when the name leads there.
func (r Rollout) cannotMove() error {
	to := r.delegation()
	return fmt.Errorf("plan for %s: the policy is live elsewhere, and %s has a certificate for %s only once that name leads there, where belay leads nobody before the policy answers: let the old host serve until you have pointed the name at %s yourself, then belay adopt %s takes over: %w",
		r.Domain, to.Vendor, mtasts.PolicyHost(r.Domain), to.Host, r.Domain, ErrRefused)
}

// later is the gate of an edit that its provider asks to be asked for again.
func (k *walk) later(edit Edit, e *LaterError) Gate {
	var g Gate
	g.Close(Reason{Code: ReasonWait, Subject: edit.Name, Until: k.engine.now().Add(e.After),
		Text: finding.Clean(e.Text, 400), Fix: "nothing is to be done; belay next tries again then"})
	return g.Settle()
}

// took reports whether the provider has what the edit leaves there.
func (r Receipt) took() bool { return r.Outcome == Applied || r.Outcome == Found }

// askedTime is held with the wait in its place, where what is not seen is what its
// provider asked time for; ok is false where it did not, or the time is over.
func (k *walk) askedTime(edit Edit, held Gate) (g Gate, ok bool) {
	r := k.state(edit).Receipt
	if r.Again.IsZero() || !k.engine.now().Before(r.Again) {
		return held, false
	}
	seen := r.Detail
	for _, reason := range held.Reasons {
		seen += "; " + reason.Text
	}
	g.Close(Reason{Code: ReasonWait, Subject: edit.Name, Until: r.Again, Text: finding.Clean(seen, 600),
		Fix: "nothing is to be done; belay next looks again, and asks again after that time"})
	return g.Settle(), true
}

// heard is the new id under which the vendor announces a body that every address
// serves: where all its name servers that answer tell of one valid record whose id
// no sender was told before. Else it is "", and the gate says what they tell.
func (k *walk) heard(ctx context.Context, edit Edit) (id string, held Gate) {
	name, to := mtasts.RecordName(k.r.Domain), k.r.delegation()
	ctx, cancel := context.WithTimeout(ctx, seeFor)
	defer cancel()
	told := k.engine.target(ctx, name, to.Record, k.emit)
	wrong := told.wanting(func(v Value) string {
		if why := validAt(name)(v); why != "" {
			return why
		}
		record, _, _ := mtasts.ParseRRset(v.Records)
		switch {
		case k.r.UsesID(record.ID):
			return "it still announces id " + record.ID + ", and senders who hold the old policy under it do not fetch the new one"
		case id != "" && id != record.ID:
			return "its name servers do not agree on an id: " + id + " and " + record.ID
		}
		id = record.ID
		return ""
	})
	if wrong == "" {
		return id, Gate{Open: true}
	}
	held.Close(Reason{Code: ReasonEdits, Subject: name, Final: true,
		Text: finding.Clean(edit.Vendor+" serves the new policy, but at "+to.Record+": "+wrong, 500),
		Fix:  "belay next looks again; nothing is written twice"})
	return "", held.Settle()
}

// seeReports looks at the report addresses where the vendor publishes them.
func (k *walk) seeReports(ctx context.Context, edit Edit) (live bool, sightings []Sighting, err error) {
	if len(edit.At) == 0 {
		return false, nil, errors.New("the edit of report addresses does not say where they are published")
	}
	there := k.engine.target(ctx, edit.Name, edit.At[0], k.emit)
	for _, s := range there.Sightings {
		if s.Answered && s.Value.Exists {
			record, _, faults := tlsrpt.ParseRRset(s.Value.Records)
			s.Value = Absent()
			if mtasts.Usable(faults) {
				s.Value = Records(record.RUA...)
			}
		}
		sightings = append(sightings, s)
	}
	k.found = nil
	return there.Err == "" && Live(edit, sightings), sightings, nil
}
