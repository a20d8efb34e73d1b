package dnscale

import (
	"context"
	"fmt"

	"github.com/libdns/libdns"
)

// Standing is one record as it stands at DNScale.
type Standing struct {
	// ID is DNScale's. It is made from the record's name, type and content: it
	// means this value, and none that takes its place.
	ID string
	// Disabled says that the record is not in DNS.
	Disabled bool
	// Record is what the record says.
	Record libdns.Record
}

// StandingAt returns what stands at one name, of every type, as RecordsAt does, but
// with the ids, and with what is disabled.
func (p *Provider) StandingAt(ctx context.Context, zone, name string) ([]Standing, error) {
	found, err := p.at(ctx, zone, name)
	if err != nil {
		return nil, err
	}
	var out []Standing
	for _, r := range found {
		out = append(out, Standing{ID: r.ID, Disabled: r.Disabled, Record: r.libdns(zoneName(zone))})
	}
	return out, nil
}

// at reads the records of one name, disabled ones too.
func (p *Provider) at(ctx context.Context, zone, name string) ([]record, error) {
	z := zoneName(zone)
	name, err := relative(name, z)
	if err != nil {
		return nil, err
	}
	found, err := p.read(ctx, zone, func(r record) bool { return r.name(z) == name })
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", name, z, err)
	}
	return found, nil
}

// RewriteRecord makes rec of the record with this id, by one call that looks at no
// other: what has come to stand beside it stays, with rec's TTL. It enables the
// record. rec must be of its name and type; TTLs are bounded as elsewhere. Where no
// record has the id, for its value is another one by now, the error is an *Error of
// status 404, and nothing has changed.
func (p *Provider) RewriteRecord(ctx context.Context, zone, id string, rec libdns.Record) error {
	z := zoneName(zone)
	sets, err := grouped(z, []libdns.Record{rec})
	if err != nil {
		return err
	}
	s := sets[0]
	return p.single(ctx, z, id, "rewrite "+s.name+" "+s.typ+" in", func() error {
		return p.put(ctx, z, id, s.record(z, s.contents[0]))
	})
}

// RemoveRecord deletes the record with this id, and no other. One that is gone
// already is no error.
func (p *Provider) RemoveRecord(ctx context.Context, zone, id string) error {
	z := zoneName(zone)
	return p.single(ctx, z, id, "delete a record from", func() error { return p.remove(ctx, z, id) })
}

// single makes one change of one record, when the zone's turn comes.
func (p *Provider) single(ctx context.Context, zone, id, verb string, do func() error) error {
	if id == "" {
		return fmt.Errorf("%s %s: the record's id is missing", verb, zone)
	}
	done, err := p.changing.take(ctx, zone)
	if err != nil {
		return fmt.Errorf("wait for an earlier change of %s: %w", zone, err)
	}
	defer done()
	if err := do(); err != nil {
		return fmt.Errorf("%s %s: %w", verb, zone, err)
	}
	return nil
}
