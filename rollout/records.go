package rollout

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// PublishRecords plans what must stand in DNS before a policy can be hosted: the
// TLSRPT record with the settings' report addresses, and the policy host's
// address, or their aliases where a vendor keeps them. What stands there and is
// right is left; an existing rua list is kept and added to.
func (r Rollout) PublishRecords(seen Evidence, now time.Time) (Plan, error) {
	b := r.newPlan(ForPhase, now)
	if err := b.reports(seen); err != nil {
		return Plan{}, err
	}
	if err := b.hostAddress(seen); err != nil {
		return Plan{}, err
	}
	if err := b.delegate(seen); err != nil {
		return Plan{}, err
	}
	return b.plan, nil
}

// reports adds the edit of the _smtp._tls record.
func (b *builder) reports(seen Evidence) error {
	if len(b.r.Settings.RUA) == 0 || b.r.Settings.Delegate.Reports != "" {
		return nil
	}
	name := tlsrpt.RecordName(b.r.Domain)
	held, ok := seen.HeldAt(name, "TXT")
	if !ok {
		return notRead(seen, name, "TXT")
	}
	standing := held.Value.Records
	alias, _ := seen.HeldAt(name, "CNAME")
	if alias.Value.Exists && seen.TLSRPT.Raw != "" {
		standing = []string{seen.TLSRPT.Raw} // what senders read there by way of the alias
	}
	record, err := b.reportRecord(standing)
	if err != nil {
		return err
	}
	after := Records(append(OtherTXT(held.Value.Records, "v=TLSRPTv1"), record)...)
	if after.Equal(held.Value) || alias.Value.Exists && seen.TLSRPT.Valid && sameReportAddresses(standing, []string{record}) {
		return nil
	}
	if n := len(held.Value.Records) - len(OtherTXT(held.Value.Records, "v=TLSRPTv1")); n > 1 {
		b.note("%d records at %s begin with v=TLSRPTv1, which senders take for none: this leaves one, with every address of them", n, name)
	}
	needs := b.unalias(seen, name, nil)
	b.add(Edit{
		Kind: Record, Account: b.r.Settings.DNS.String(), Zone: held.Zone, Name: name, Type: "TXT",
		Before: held.Value, After: after, TTL: b.ttl(held), BeforeTTL: beforeTTL(held, seen), Needs: needs,
		Why: "ask senders for TLS reports",
	})
	return nil
}

// reportRecord is the one TLSRPT record to stand: the valid one there is with
// the settings' addresses added, or a new one that keeps every address which the
// broken or several records name.
func (b *builder) reportRecord(records []string) (string, error) {
	parsed, raw, faults := tlsrpt.ParseRRset(records)
	if raw != "" && mtasts.Usable(faults) {
		return tlsrpt.AddRUA(raw, b.r.Settings.RUA...)
	}
	merged := tlsrpt.Record{Extensions: parsed.Extensions}
	keep := func(uri string) {
		if tlsrpt.ValidURI(uri) == nil && !slices.Contains(merged.RUA, uri) {
			merged.RUA = append(merged.RUA, uri)
		}
	}
	for _, r := range records {
		one, _ := tlsrpt.ParseRecord(r)
		for _, uri := range one.RUA {
			keep(uri)
		}
	}
	for _, uri := range b.r.Settings.RUA {
		keep(uri)
	}
	return merged.String(), nil
}

// unalias adds the removal of a CNAME that stands where another type must, as an
// edit of its own, and returns needs with it.
func (b *builder) unalias(seen Evidence, name string, needs []string) []string {
	alias, ok := seen.HeldAt(name, "CNAME")
	if !ok || !alias.Value.Exists {
		return needs
	}
	id := b.add(Edit{
		Kind: Record, Account: b.r.Settings.DNS.String(), Zone: alias.Zone, Name: name, Type: "CNAME",
		Before: alias.Value, TTL: alias.TTL, BeforeTTL: beforeTTL(alias, seen), Needs: slices.Clone(needs),
		Why: "an alias stands where the record must stand",
	})
	return append(slices.Clone(needs), id)
}

// hostAddress adds the edits that point mta-sts where the settings say. While a
// policy is live and its place changes, the body is put at the new place and
// verified there first.
func (b *builder) hostAddress(seen Evidence) error {
	name := mtasts.PolicyHost(b.r.Domain)
	wanted := b.r.hostRecords()
	var needs []string
	if b.r.Settings.Host.NamesItself() {
		if err := b.makeRoom(seen, name); err != nil {
			return err
		}
	}
	if len(wanted) > 0 {
		moves, err := b.pointsElsewhere(seen, name, wanted)
		if err != nil {
			return err
		}
		if needs, err = b.bodyAtNewPlace(seen, wanted, moves); err != nil {
			return err
		}
		if !moves {
			return nil
		}
		return b.point(seen, name, wanted, needs)
	}
	_, err := b.bodyAtNewPlace(seen, nil, false)
	return err
}

// hostRecords are the values wanted at mta-sts, by type; none where the settings
// leave what stands.
func (r Rollout) hostRecords() map[string]Value {
	s := r.Settings
	target := r.delegation().Host
	if target == "" {
		target = strings.ToLower(strings.TrimSuffix(s.HostCNAME, "."))
	}
	if target != "" {
		return map[string]Value{"CNAME": Records(target), "A": {}, "AAAA": {}}
	}
	if len(s.HostAddresses) == 0 {
		return nil
	}
	byType := map[string][]string{}
	for _, a := range s.HostAddresses {
		a = a.Unmap()
		byType[addressType(a)] = append(byType[addressType(a)], a.String())
	}
	return map[string]Value{"CNAME": {}, "A": Records(byType["A"]...), "AAAA": Records(byType["AAAA"]...)}
}

func addressType(a netip.Addr) string {
	if a.Is4() {
		return "A"
	}
	return "AAAA"
}

var hostTypes = [...]string{"CNAME", "A", "AAAA"}

func (b *builder) pointsElsewhere(seen Evidence, name string, wanted map[string]Value) (bool, error) {
	for _, typ := range hostTypes {
		held, ok := seen.HeldAt(name, typ)
		if !ok {
			return false, notRead(seen, name, typ)
		}
		if !held.Value.Equal(wanted[typ]) {
			return true, nil
		}
	}
	return false, nil
}

// bodyAtNewPlace adds the edit that puts the live policy where the settings say
// it is served now, and returns it as a need.
func (b *builder) bodyAtNewPlace(seen Evidence, wanted map[string]Value, moves bool) ([]string, error) {
	live, _, ok := b.r.Live()
	place := b.r.placeOf(live)
	if !ok || live.Mode == mtasts.None || place == "" && !moves || place == b.r.Settings.Host.String() {
		return nil, nil
	}
	url := mtasts.PolicyURL(b.r.Domain)
	held, ok := seen.HeldAt(url, "policy")
	if !ok {
		return nil, notRead(seen, url, "policy")
	}
	if held.Value.SamePolicy(Body(live.Body)) {
		return nil, nil
	}
	var at []string
	if moves {
		at = placesOf(wanted)
	}
	if moves && b.r.Settings.Host.WritesID() {
		return nil, b.r.cannotMove()
	}
	return []string{b.add(Edit{
		Kind: Policy, Account: b.r.Settings.Host.String(), Name: url, Type: "policy",
		Before: held.Value, After: Body(live.Body), At: at,
		Why: fmt.Sprintf("serve the same policy from %s before anything points there", b.r.Settings.Host),
	})}, nil
}

// placesOf are the addresses, or the name, that wanted points at.
func placesOf(wanted map[string]Value) []string {
	var at []string
	for _, typ := range hostTypes {
		at = append(at, wanted[typ].Records...)
	}
	return at
}

// point adds the edits of mta-sts: what must go first goes first, and what takes
// its place needs it gone.
func (b *builder) point(seen Evidence, name string, wanted map[string]Value, needs []string) error {
	set := func(typ string, needs []string) string {
		held, _ := seen.HeldAt(name, typ)
		if held.Value.Equal(wanted[typ]) {
			return ""
		}
		why := "point the policy host's name at " + wanted[typ].String()
		if !wanted[typ].Exists {
			why = "take away where the policy host's name pointed"
		}
		return b.add(Edit{
			Kind: Record, Account: b.r.Settings.DNS.String(), Zone: held.Zone, Name: name, Type: typ,
			Before: held.Value, After: wanted[typ], TTL: b.ttl(held), BeforeTTL: beforeTTL(held, seen),
			Needs: slices.Clone(needs), Why: why,
		})
	}
	first, then := []string{"CNAME"}, []string{"A", "AAAA"}
	if wanted["CNAME"].Exists {
		first, then = then, first
	}
	for _, typ := range first {
		if id := set(typ, needs); id != "" {
			needs = append(needs, id)
		}
	}
	for _, typ := range then {
		set(typ, needs)
	}
	return nil
}
