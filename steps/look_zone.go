package steps

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/steps/probe"
)

// longTTL is the longest TTL, in seconds, with which records can be changed in a
// rollout's time.
const longTTL = 3600

// wildcardSeen is what the zone answers for a name that nobody made.
type wildcardSeen struct {
	addresses []netip.Addr
	a, aaaa   []string
	txt, mx   []string
	alias     string
}

// values are the answers by type, as evidence keeps them.
func (w wildcardSeen) values() map[string]rollout.Value {
	out := map[string]rollout.Value{}
	for typ, records := range map[string][]string{"A": w.a, "AAAA": w.aaaa, "TXT": w.txt, "MX": w.mx} {
		if len(records) > 0 {
			out[typ] = rollout.Records(records...)
		}
	}
	if w.alias != "" {
		out["CNAME"] = rollout.Records(w.alias)
	}
	return out
}

// wildcard asks for a name under the domain that nobody made. It is asked of an
// authoritative server, so that no resolver remembers it.
func (k *look) wildcard() wildcardSeen {
	name := k.view.Unmade(k.domain)
	var a, aaaa, txt, mx probe.Authority
	var asking sync.WaitGroup
	asking.Go(func() { a = k.view.First(k.zone, name, "A") })
	asking.Go(func() { aaaa = k.view.First(k.zone, name, "AAAA") })
	asking.Go(func() { txt = k.view.First(k.zone, name, "TXT") })
	asking.Go(func() { mx = k.view.First(k.zone, name, "MX") })
	asking.Wait()
	w := wildcardSeen{a: a.Union(), aaaa: aaaa.Union(), txt: txt.Union(), mx: mx.Union(), alias: a.Alias}
	for _, s := range slices.Concat(w.a, w.aaaa) {
		if ip, err := netip.ParseAddr(s); err == nil {
			w.addresses = append(w.addresses, ip)
		}
	}
	return w
}

// stands reports whether the servers agree, and something stands at the name itself,
// be it an alias. One server is enough to tell it from a wildcard's answer.
func (k *look) stands(a probe.Authority) bool {
	value, agreed := rollout.Agreed(a.Sightings)
	if !agreed || !value.Exists && a.Alias == "" {
		return false
	}
	answered := slices.IndexFunc(a.Sightings, func(g rollout.Sighting) bool { return g.Answered })
	return !k.view.ByWildcard(a, a.Sightings[answered])
}

// judgeWildcard says what a wildcard answers for, and whether the policy host is
// nothing but that.
func (k *look) judgeWildcard(late context.Context, asked aside[wildcardSeen], names namesSeen) {
	w, ok := asked.take(late)
	if !ok {
		return
	}
	k.e.Zone.Wildcard = w.values()
	var types []string
	for typ, there := range map[string]bool{"A": len(w.addresses) > 0, "TXT": len(w.txt) > 0, "MX": len(w.mx) > 0, "CNAME": w.alias != ""} {
		if there {
			types = append(types, typ)
		}
	}
	if len(types) == 0 {
		return
	}
	slices.Sort(types)
	k.conclude(finding.New("P08", "*."+k.domain, "a wildcard under "+k.domain+" answers for every name that has no record: "+strings.Join(types, ", ")))
	if len(w.mx) > 0 && !slices.Equal(w.mx, []string{"0 ."}) {
		k.conclude(finding.New("P11", "*."+k.domain, "every name under "+k.domain+" receives mail, by a wildcard MX record, and no policy of "+k.domain+" covers it"))
	}
	host := mtasts.PolicyHost(k.domain)
	same := w.alias != "" && names.host.a.At.Alias == w.alias
	for _, ip := range names.host.addresses {
		same = same || slices.Contains(w.addresses, ip)
	}
	served := slices.ContainsFunc(k.e.Policy.Addresses, func(a rollout.PolicyAddress) bool { return a.Answered && a.Status == 200 })
	if same && !served {
		k.conclude(finding.New("H16", host, host+" has no record of its own: a wildcard leads it to "+leads(names.host, w)+", which serves no policy"))
	}
}

func leads(h hostRecords, w wildcardSeen) string {
	if w.alias != "" {
		return w.alias
	}
	var out []string
	for _, ip := range h.addresses {
		out = append(out, ip.String())
	}
	return strings.Join(out, ", ")
}

// mailSubdomains are the labels under which other mail systems are commonly found.
func mailSubdomains() []string { return []string{"mail", "lists", "news", "newsletter", "support"} }

// subdomains are those names under the domain that receive mail and announce no
// policy. Only common names can be tried from outside; that none is found does not
// say that there is none.
func (k *look) subdomains() []string {
	labels := mailSubdomains()
	found := make([]string, len(labels))
	var asking sync.WaitGroup
	for i, label := range labels {
		asking.Go(func() {
			name := label + "." + k.domain
			mx := k.view.First(k.zone, name, "MX").Union()
			if len(mx) == 0 || slices.Equal(mx, []string{"0 ."}) {
				return
			}
			record := k.view.First(k.zone, mtasts.RecordName(name), "TXT")
			if record.Alias == "" && !slices.ContainsFunc(record.Union(), func(s string) bool { return strings.HasPrefix(s, "v=STSv1;") }) {
				found[i] = name
			}
		})
	}
	asking.Wait()
	return slices.DeleteFunc(found, func(s string) bool { return s == "" })
}

func (k *look) judgeSubdomains(late context.Context, asked aside[[]string]) {
	found, _ := asked.take(late)
	for _, name := range found {
		k.conclude(finding.New("P11", name, name+" receives mail of its own, which no policy of "+k.domain+" covers, and announces none"))
	}
}

// judgeValidation says whether resolvers that validate hold the zone's records
// back from their senders.
func (k *look) judgeValidation(late context.Context, asked aside[[]netip.Addr]) {
	at, _ := asked.take(late)
	if len(at) == 0 {
		return
	}
	k.conclude(finding.New("P10", k.zone.Apex, fmt.Sprintf("the resolver %s answers SERVFAIL for %s, and answers when it is told not to validate", at[0], k.zone.Apex)))
}

// judgeIDN says how an internationalised domain is looked at.
func (k *look) judgeIDN() {
	if !strings.HasPrefix(k.domain, "xn--") && !strings.Contains(k.domain, ".xn--") {
		return
	}
	if _, shown, err := mtasts.Domain(k.domain); err == nil && shown != k.domain {
		k.conclude(finding.New("P01", k.domain, shown+" is looked at as "+k.domain))
	}
}

// judgeTTLs warns of records that change too slowly for a rollout. Under enforce,
// when little changes any more, a long TTL does no harm.
func (k *look) judgeTTLs(names namesSeen) {
	if k.e.Policy.Policy.Mode == mtasts.Enforce {
		return
	}
	for _, a := range []probe.Authority{names.record.At, names.host.a.At, names.host.aaaa.At} {
		if ttl := a.TTL(); ttl > longTTL && (len(a.Union()) > 0 || a.Alias != "") {
			k.conclude(finding.New("D07", a.Name+" "+a.Type, fmt.Sprintf("the TTL is %d seconds: each change takes that long to be seen everywhere", ttl)))
		}
	}
}

// rememberedMissing says until when resolvers may go on denying a name that exists
// by now.
func (k *look) rememberedMissing(a probe.Authority, recursive []rollout.Sighting) {
	var until time.Time
	var who string
	for _, r := range recursive {
		end := k.view.Now().Add(seconds(r.TTL)).UTC()
		if r.Answered && !r.Value.Exists && end.After(until) {
			until, who = end, r.Where
		}
	}
	if who == "" {
		return
	}
	k.conclude(finding.New("D08", a.Name+" "+a.Type, fmt.Sprintf("the resolver %s was asked before the record was there, and goes on denying it until %s; others may for up to %d seconds",
		who, until.Format("2006-01-02 15:04:05 MST"), k.e.Zone.NegativeTTL)))
}
