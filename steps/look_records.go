package steps

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
	"belay/steps/probe"
)

// namesSeen is what stands at the three names that belay may write, and where
// such records are put by mistake.
type namesSeen struct {
	record probe.Settled // _mta-sts TXT
	tlsrpt probe.Settled // _smtp._tls TXT
	host   hostRecords
	// recursive are the resolvers' answers, by name and type; only what exists
	// is asked of them.
	recursive map[string][]rollout.Sighting
	astray    []probe.Authority
	// beside are CNAME records at the names where a TXT record belongs.
	beside []probe.Authority
	// reports are the places of the rua list.
	reports aside[[]destination]
}

// hostRecords is where the policy host's name leads.
type hostRecords struct {
	addresses []netip.Addr
	a, aaaa   probe.Settled
	cname     probe.Authority
}

// answered reports whether any authoritative server told about the addresses.
func (h hostRecords) answered() bool { return h.a.Last.Answered() || h.aaaa.Last.Answered() }

// names asks the authoritative servers what stands at the names. The resolvers
// are asked only about what is there: a question about a name that does not exist
// yet would make them remember its absence, or what a wildcard answers for it.
func (k *look) names() namesSeen {
	var seen namesSeen
	seen.recursive = make(map[string][]rollout.Sighting)
	var mu sync.Mutex
	compare := func(a probe.Authority) {
		if !k.stands(a) {
			return
		}
		said := k.view.Recursive(a.Name, a.Type)
		mu.Lock()
		defer mu.Unlock()
		seen.recursive[a.Name+" "+a.Type] = said
	}
	var asking sync.WaitGroup
	asking.Go(func() {
		seen.record = k.view.Settle(k.zone, mtasts.RecordName(k.domain), "TXT")
		compare(seen.record.At)
	})
	asking.Go(func() {
		seen.tlsrpt = k.view.Settle(k.zone, tlsrpt.RecordName(k.domain), "TXT")
		if record, raw, _ := tlsrpt.ParseRRset(firstSeen(seen.tlsrpt.Last)); raw != "" {
			seen.reports = beside(k.view, func() []destination { return k.reachable(record.RUA) })
		}
		compare(seen.tlsrpt.At)
	})
	asking.Go(func() {
		h := &seen.host
		host := mtasts.PolicyHost(k.domain)
		asking.Go(func() { h.cname = k.view.Authoritative(k.zone, host, "CNAME") })
		h.addresses, h.a, h.aaaa = k.view.SettleAddresses(k.zone, host)
		asking.Go(func() { compare(h.a.At) })
		asking.Go(func() { compare(h.aaaa.At) })
	})
	texts := []string{mtasts.RecordName(k.domain), tlsrpt.RecordName(k.domain)}
	seen.beside = make([]probe.Authority, len(texts))
	for i, name := range texts {
		asking.Go(func() { seen.beside[i] = k.view.First(k.zone, name, "CNAME") })
	}
	usual := usualPlaces(k.domain, k.zone.Apex)
	seen.astray = make([]probe.Authority, len(usual))
	for i, place := range usual {
		asking.Go(func() { seen.astray[i] = k.view.Authoritative(k.zone, place.name, "TXT") })
	}
	asking.Wait()
	return seen
}

// servers says how the zone's name servers fare.
func (k *look) servers() {
	k.e.Zone = k.view.Describe(k.zone)
	for _, s := range k.e.Zone.Servers {
		k.judgeServer(s)
	}
}

func (k *look) judgeServer(s rollout.NameServer) {
	if k.view.Err() != nil {
		return
	}
	answers := slices.ContainsFunc(s.Addresses, func(a rollout.NameServerAddress) bool { return a.Answered })
	if !answers {
		why := "its name resolves to no address"
		if len(s.Addresses) > 0 {
			why = s.Addresses[0].Err
		}
		k.conclude(unknown(finding.New("D02", s.Name, "the name server "+s.Name+" gives no answer for "+k.zone.Apex+": "+why).
			Because("What it would tell senders is not known; the other name servers were asked.").
			Mend("Mend the name server, or remove it from the delegation.")))
		return
	}
	for _, a := range s.Addresses {
		subject := probe.At(s.Name, a.IP)
		switch {
		case a.Answered:
		case a.NoRoute:
			k.conclude(finding.New("D02", subject, "not asked: no route to "+familyOf(a.IP)+" from here").As(finding.Info).
				Because("The same server answered at another address.").Mend(""))
		default:
			k.conclude(finding.New("D02", subject, "one address of the name server gives no answer: "+a.Err).As(finding.Warn).
				Because("The same server answered at another address, so its answers are known.").
				Mend("Mend the name server at this address, or remove the address."))
		}
	}
}

// judgeNames says what the records mean.
func (k *look) judgeNames(seen namesSeen) {
	for _, a := range []probe.Authority{seen.record.At, seen.tlsrpt.At, seen.host.a.At, seen.host.aaaa.At, seen.host.cname} {
		k.note(a.Type, a, seen.recursive[a.Name+" "+a.Type])
		k.judgeSpread(a)
	}
	for i, at := range []probe.Authority{seen.record.At, seen.tlsrpt.At, seen.host.a.At} {
		aliases := seen.host.cname.Union()
		if i < len(seen.beside) {
			aliases = seen.beside[i].Union()
		}
		if at.Alias == "" && len(aliases) > 0 && len(at.Union()) > 0 {
			k.judgeCrowded(at, aliases[0])
		}
	}
	k.judgeRecord(seen)
	k.judgeTLSRPT(seen)
	k.judgeAstray(seen)
	k.judgeIDN()
}

// note keeps what was seen of one question, and says where resolvers still hold
// something older.
func (k *look) note(typ string, a probe.Authority, recursive []rollout.Sighting) {
	k.e.Names = append(k.e.Names, rollout.NameSeen{Name: a.Name, Type: typ, Sightings: a.Sightings, Recursive: recursive, Alias: a.Alias})
	value, agreed := rollout.Agreed(a.Sightings)
	if !agreed || a.Alias != "" {
		return
	}
	if value.Exists {
		k.rememberedMissing(a, recursive)
	}
	for _, r := range recursive {
		if !r.Answered || r.Value.Equal(value) {
			continue
		}
		until := k.view.Now().Add(seconds(r.TTL)).UTC()
		k.conclude(finding.New("P07", a.Name+" "+typ, fmt.Sprintf("the resolver %s still answers %s until %s at the latest; the name servers say %s",
			r.Where, finding.Quote(r.Value.String(), 100), until.Format("2006-01-02 15:04:05 MST"), finding.Quote(value.String(), 100))).As(finding.Info))
	}
}

// judgeSpread says where the servers of one zone differ, where a name has more
// beside an alias, and where it lies in a zone of its own.
func (k *look) judgeSpread(a probe.Authority) {
	subject := a.Name + " " + a.Type
	if _, agreed := rollout.Agreed(a.Sightings); a.Answered() && !agreed {
		k.conclude(finding.New("D02", subject, "the name servers disagree: "+tellApart(a.Sightings)))
	}
	if a.Zone != k.zone.Apex && a.Type != "AAAA" && a.Type != "CNAME" {
		k.conclude(finding.New("P05", a.Name, a.Name+" lies in the zone "+a.Zone+", which is delegated to servers of its own"))
	}
	if a.Alias != "" && len(a.Union()) > 0 {
		k.judgeCrowded(a, a.Alias)
	}
}

// judgeCrowded says that a name has more than the alias that must stand alone.
func (k *look) judgeCrowded(a probe.Authority, alias string) {
	k.conclude(finding.New("D06", a.Name, fmt.Sprintf("%s has a CNAME to %s and a %s record beside it", a.Name, alias, a.Type)))
}

// judgeRecord reads the _mta-sts record as a sender does.
func (k *look) judgeRecord(seen namesSeen) {
	name := mtasts.RecordName(k.domain)
	if seen.record.Err != nil {
		k.conclude(finding.New("T01", name, seen.record.Err.Error()))
		return
	}
	if !seen.record.Last.Answered() {
		return // the servers' silence is a finding of its own
	}
	records := firstSeen(seen.record.Last)
	if len(records) == 0 {
		k.conclude(k.absent("T01", name, "there is no MTA-STS record at "+name))
		return
	}
	record, raw, fs := mtasts.ParseRRset(records)
	_, agreed := rollout.Agreed(seen.record.Last.Sightings)
	k.e.Record = rollout.RecordSeen{Raw: raw, Valid: mtasts.Usable(fs) && agreed, ID: record.ID, TTL: seen.record.Last.TTL()}
	if raw == "" && !slices.ContainsFunc(records, func(s string) bool { return strings.Contains(strings.ToLower(s), "stsv1") }) {
		// Other TXT records, of a wildcard say, are no MTA-STS record at all.
		k.conclude(k.absent("T01", name, fmt.Sprintf("none of %s at %s is an MTA-STS record", count(len(records), "TXT record", "TXT records"), name)))
		return
	}
	k.conclude(under(name, fs)...)
	k.judgeText(name, records, "v=STSv1;")
	if seen.record.At.Alias != "" && seen.host.answered() && len(seen.host.addresses) > 0 && seen.host.a.At.Alias == "" && seen.host.aaaa.At.Alias == "" &&
		!strings.HasSuffix(seen.record.At.Alias, "."+k.domain) {
		k.conclude(finding.New("T10", name, name+" is an alias of "+seen.record.At.Alias+", yet "+mtasts.PolicyHost(k.domain)+" is not delegated to the same vendor"))
	}
	if mtasts.Usable(fs) && agreed {
		k.conclude(fine("T01", name, "one valid MTA-STS record with the id "+record.ID))
	}
}

// absent is the finding that something is not there: for a domain whose policy was
// never announced that is nothing but what belay is about to publish.
func (k *look) absent(code finding.Code, subject, title string) finding.Finding {
	f := finding.New(code, subject, title)
	if k.ours() {
		return f
	}
	return f.As(finding.Info).Because("Not published yet.").Mend("Nothing to do now: the rollout publishes it.")
}

// ours reports whether the ledger has a body that was announced and is still
// served: then what is missing was there before.
func (k *look) ours() bool { return k.ledger.Announced() }

// judgeText finds what a provider's form did to a record: quotes and backslashes
// that became part of it, and a second record appended to the first.
func (k *look) judgeText(name string, records []string, prefix string) {
	same := 0
	for _, txt := range records {
		if strings.HasPrefix(txt, prefix) {
			same++
		}
		if strings.ContainsAny(txt, `"\`) && strings.Contains(txt, strings.TrimSuffix(prefix, ";")) {
			k.conclude(finding.New("D03", name, "the record holds a literal quote or backslash: "+finding.Quote(txt, 200)))
		}
	}
	if same > 1 {
		k.conclude(finding.New("D05", name, fmt.Sprintf("%d records at %s begin with %s", same, name, prefix)))
	}
}

// judgeTLSRPT reads the _smtp._tls record as a sender does.
func (k *look) judgeTLSRPT(seen namesSeen) {
	name := tlsrpt.RecordName(k.domain)
	if seen.tlsrpt.Err != nil {
		k.conclude(finding.New("R03", name, seen.tlsrpt.Err.Error()))
		return
	}
	if !seen.tlsrpt.Last.Answered() {
		return
	}
	records := firstSeen(seen.tlsrpt.Last)
	if !slices.ContainsFunc(records, func(s string) bool { return strings.Contains(strings.ToLower(s), "tlsrpt") }) {
		k.conclude(k.absent("R03", name, "there is no TLS reporting record at "+name))
		if len(records) > 0 {
			k.conclude(finding.New("R11", name, "what answers at "+name+" is no TLS reporting record: "+finding.Quote(records[0], 100)))
		}
		return
	}
	record, raw, fs := tlsrpt.ParseRRset(records)
	_, agreed := rollout.Agreed(seen.tlsrpt.Last.Sightings)
	k.e.TLSRPT = rollout.TLSRPTSeen{Raw: raw, Valid: mtasts.Usable(fs) && agreed, RUA: append([]string{}, record.RUA...), TTL: seen.tlsrpt.Last.TTL()}
	k.conclude(under(name, fs)...)
	k.judgeText(name, records, "v=TLSRPTv1;")
	if k.e.TLSRPT.Valid {
		k.conclude(fine("R03", name, "reports go to "+strings.Join(record.RUA, ", ")))
	}
}

// judgeAstray says where a record stands at a name at which no sender looks.
func (k *look) judgeAstray(seen namesSeen) {
	for i, p := range usualPlaces(k.domain, k.zone.Apex) {
		if i >= len(seen.astray) {
			return
		}
		for _, txt := range seen.astray[i].Union() {
			if strings.HasPrefix(txt, p.prefix) {
				k.conclude(p.strayed(txt))
			}
		}
	}
}

// firstSeen are the records of the first server that has any.
func firstSeen(a probe.Authority) []string {
	for _, s := range a.Sightings {
		if s.Answered && s.Value.Exists {
			return s.Value.Records
		}
	}
	return nil
}

// tellApart says which server answers what, one server for each answer.
func tellApart(sightings []rollout.Sighting) string {
	var told []string
	var values []rollout.Value
	for _, s := range sightings {
		if !s.Answered || slices.ContainsFunc(values, s.Value.Equal) {
			continue
		}
		values = append(values, s.Value)
		said := "nothing"
		if s.Value.Exists {
			said = finding.Quote(s.Value.String(), 100)
		}
		told = append(told, probe.At(s.Where, s.IP)+" says "+said)
	}
	return strings.Join(told, "; ")
}
