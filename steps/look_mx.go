package steps

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/steps/probe"
)

// mailSeen is what was seen of the MX set.
type mailSeen struct {
	records   probe.Authority
	recursive []rollout.Sighting
	// err says why nothing is known of the MX set.
	err   error
	hosts []hostSeen
	// inspectors issue certificates for hosts that are not theirs, on this side.
	inspectors []string
}

// hostSeen is what was seen of one MX host.
type hostSeen struct {
	name     string
	pref     uint16
	implicit bool
	alias    string
	err      error // its addresses could not be resolved
	sessions []probe.Session
	// manners are beside the sessions, one an address.
	manners []mannersSeen
	// proxies are what answers on port 80 where nothing does on port 25.
	proxies []probe.PlainHTTP
	tlsa    []string
	// secure is whether DNSSEC vouches for the TLSA records, or their absence.
	secure bool
	// unreported is true where nobody asks for reports about the host's DANE.
	unreported bool
}

// mxRecord is one MX record.
type mxRecord struct {
	pref uint16
	host string
}

// readMX reads MX values in canonical form, in preference order.
func readMX(values []string) []mxRecord {
	var out []mxRecord
	for _, s := range values {
		pref, host, _ := strings.Cut(s, " ")
		n, err := strconv.ParseUint(pref, 10, 16)
		if err == nil {
			out = append(out, mxRecord{uint16(n), host})
		}
	}
	slices.SortFunc(out, func(a, b mxRecord) int {
		if a.pref != b.pref {
			return int(a.pref) - int(b.pref)
		}
		return strings.Compare(a.host, b.host)
	})
	return slices.CompactFunc(out, func(a, b mxRecord) bool { return a.host == b.host })
}

// hurryMail begins the sessions with the MX hosts that the resolvers name, so
// that they are under way when the authoritative servers are heard. What comes of
// them is kept by the view, and judged only for hosts that are truly MX hosts.
func (k *look) hurryMail() {
	for _, mx := range readMX(k.view.Resolve(k.domain, "MX").Values) {
		if !usableHost(mx.host) {
			continue
		}
		k.view.Go(func() {
			addresses, _ := k.view.ResolveAddresses(mx.host)
			for _, ip := range addresses {
				k.view.Go(func() { k.view.Session(mx.host, ip) })
				k.glanceAt(mx.host, ip)
			}
		})
		k.view.Go(func() { k.view.Resolve("_25._tcp."+mx.host, "TLSA") })
	}
}

// usableHost reports whether an MX target is a host name at all.
func usableHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return host != "." && host != "" && err != nil
}

// mail meets every MX host that an authoritative server names.
func (k *look) mail() mailSeen {
	var seen mailSeen
	var asking sync.WaitGroup
	asking.Go(func() { seen.recursive = k.view.Recursive(k.domain, "MX") })
	seen.records = k.view.Authoritative(k.zone, k.domain, "MX")

	records := readMX(seen.records.Union())
	if !seen.records.Answered() {
		// No authoritative server can be asked; the resolvers are what is left.
		said := k.view.Resolve(k.domain, "MX")
		records, seen.err = readMX(said.Values), said.Err
	}
	implicit := len(records) == 0 && seen.err == nil && !seen.records.Missing
	if implicit {
		records = []mxRecord{{0, k.domain}}
	}
	seen.hosts = make([]hostSeen, len(records))
	for i, mx := range records {
		seen.hosts[i] = hostSeen{name: mx.host, pref: mx.pref, implicit: implicit}
		if usableHost(mx.host) {
			asking.Go(func() { k.meet(&seen.hosts[i]) })
		}
	}
	asking.Wait()
	seen.inspectors = k.inspectors(seen.hosts)
	return seen
}

// meet finds the host's addresses and plays a session with each. Hosts in the
// domain's own zone are looked up where the zone is served, because their
// addresses are the operator's to change; others as senders look them up.
func (k *look) meet(h *hostSeen) {
	var asking sync.WaitGroup
	asking.Go(func() {
		said := k.view.Resolve("_25._tcp."+h.name, "TLSA")
		h.tlsa, h.secure = said.Values, said.Secure
		h.unreported = len(h.tlsa) > 0 && h.secure && !k.wantsReports(*h)
	})

	var addresses []netip.Addr
	if h.name == k.zone.Apex || strings.HasSuffix(h.name, "."+k.zone.Apex) {
		var a, aaaa probe.Settled
		addresses, a, aaaa = k.view.SettleAddresses(k.zone, h.name)
		h.alias = a.At.Alias + aaaa.At.Alias
		if a.At.Alias == aaaa.At.Alias {
			h.alias = a.At.Alias
		}
		if len(addresses) == 0 && !a.Last.Answered() && !aaaa.Last.Answered() {
			addresses, h.err = k.view.ResolveAddresses(h.name)
		}
	} else {
		addresses, h.err = k.view.ResolveAddresses(h.name)
		h.alias = k.view.Resolve(h.name, "A").Alias
	}
	h.sessions = make([]probe.Session, len(addresses))
	h.proxies = make([]probe.PlainHTTP, len(addresses))
	for i, ip := range addresses {
		h.manners = append(h.manners, k.glanceAt(h.name, ip))
		asking.Go(func() {
			h.sessions[i] = k.view.Session(h.name, ip)
			if fate := h.sessions[i].Fate; fate == probe.Silent || fate == probe.Refused {
				h.proxies[i] = k.view.Plain(h.name, ip, "/")
			}
		})
	}
	asking.Wait()
}

// judgeMail says what the MX set means for mail.
func (k *look) judgeMail(late context.Context, seen mailSeen) {
	k.e.MX = seen.facts()
	k.note("MX", seen.records, seen.recursive)
	if seen.records.Missing {
		k.e.Zone.Exists = false
		k.conclude(finding.New("M03", k.domain, "the domain "+k.domain+" does not exist").
			Because("The name servers of " + seen.records.Zone + " say that there is no such name.").
			Mend("Check the spelling, and that the domain is registered and delegated."))
		return
	}
	switch {
	case seen.err != nil && k.view.Err() != nil:
		return
	case seen.err != nil:
		k.conclude(unknown(finding.New("M04", k.domain, "the MX records could not be read: "+seen.err.Error())))
		return
	case len(seen.hosts) == 1 && seen.hosts[0].name == ".":
		k.conclude(finding.New("M01", k.domain, "the domain has a null MX: it accepts no mail"))
		return
	}
	if _, agreed := rollout.Agreed(seen.records.Sightings); seen.records.Answered() && !agreed {
		k.conclude(finding.New("M22", k.domain, "the name servers disagree on the MX records: "+tellApart(seen.records.Sightings)))
	}
	proof := k.proofOf(seen.hosts)
	verdicts := make([]finding.Severity, len(seen.hosts))
	for i, h := range seen.hosts {
		fs := k.judgeHost(late, h, judged{proof, seen.inspectors}, k.e.MX[i].Addresses)
		verdicts[i] = finding.Worst(fs)
		k.conclude(fs...)
	}
	k.judgeBackups(seen.hosts, verdicts)
}

// judgeBackups warns of a backup that fails beside a primary that does not.
func (k *look) judgeBackups(hosts []hostSeen, verdicts []finding.Severity) {
	if len(hosts) == 0 {
		return
	}
	first := hosts[0].pref
	for i, h := range hosts {
		if h.pref == first && verdicts[i] == finding.Fail {
			return
		}
	}
	for i, h := range hosts {
		if h.pref > first && verdicts[i] == finding.Fail {
			k.conclude(finding.New("M17", h.name, fmt.Sprintf("the backup %s (preference %d) fails where %s (preference %d) does not", h.name, h.pref, hosts[0].name, first)))
		}
	}
}

// facts are the MX hosts as evidence; verdicts are filled in by the judgement.
func (seen mailSeen) facts() []rollout.MXHost {
	out := []rollout.MXHost{}
	for _, h := range seen.hosts {
		if h.name == "." {
			continue
		}
		m := rollout.MXHost{Host: h.name, Preference: h.pref, Implicit: h.implicit, TLSA: h.tlsa, Addresses: []rollout.MXAddress{}}
		for _, s := range h.sessions {
			m.Addresses = append(m.Addresses, s.MXAddress)
		}
		out = append(out, m)
	}
	return out
}

// judgeHost says what was found at one MX host, and writes each address's verdict
// into its facts.
func (k *look) judgeHost(late context.Context, h hostSeen, by judged, facts []rollout.MXAddress) []finding.Finding {
	var fs []finding.Finding
	if len(h.sessions) > 0 || k.view.Err() == nil {
		fs = hostFindings(h)
	}
	for i, s := range h.sessions {
		mine := append(judgeSession(h, s, by), judgeDANE(h, s)...)
		mine = append(mine, judgeSNI(late, h, i)...)
		if p := h.proxies[i].Proxy; p != "" {
			mine = append(mine, finding.New("D11", probe.At(h.name, s.IP), "nothing answers on port 25, and the content proxy of "+p+" on port 80"))
		}
		facts[i].Verdict = finding.Worst(mine)
		unseen := s.Fate == probe.CutOff || slices.ContainsFunc(mine, func(f finding.Finding) bool { return f.Unknown })
		if unseen && facts[i].Verdict != finding.Fail {
			facts[i].Verdict = finding.Unknown
		}
		fs = append(fs, mine...)
	}
	if f, differ := leavesDiffer(h); differ {
		fs = append(fs, f)
	}
	if len(fs) == 0 && wholly(h.sessions) {
		fs = append(fs, fine("M08", h.name, fmt.Sprintf("%s answers with %s and a valid certificate at %s", h.name, h.sessions[0].TLSVersion, count(len(h.sessions), "address", "addresses"))))
	}
	if len(h.tlsa) > 0 {
		fs = append(fs, daneInfo(h))
	}
	if h.unreported {
		fs = append(fs, finding.New("R12", h.name, "DANE is in use at "+h.name+", and no record at _smtp._tls."+h.name+" asks for reports about it"))
	}
	return fs
}

// wholly reports whether every session came to its end.
func wholly(sessions []probe.Session) bool {
	return len(sessions) > 0 && !slices.ContainsFunc(sessions, func(s probe.Session) bool { return s.Fate != probe.Fine })
}

// hostFindings are about the host's name, before any address.
func hostFindings(h hostSeen) []finding.Finding {
	var fs []finding.Finding
	switch {
	case !usableHost(h.name) && h.name == ".":
		fs = append(fs, finding.New("M03", h.name, "a null MX stands beside other MX records"))
	case !usableHost(h.name):
		fs = append(fs, finding.New("M03", h.name, "the MX target "+h.name+" is an IP address, not a host name"))
	case h.implicit && len(h.sessions) == 0 && h.err == nil:
		fs = append(fs, finding.New("M03", h.name, h.name+" has neither an MX record nor an address: it receives no mail"))
	case h.implicit:
		fs = append(fs, finding.New("M02", h.name, h.name+" has no MX record; senders use its own address"))
	case h.err != nil:
		fs = append(fs, unknown(finding.New("M03", h.name, "the addresses of "+h.name+" could not be looked up: "+h.err.Error()).
			Because("The resolvers give no answer, so nothing is known about this host.").
			Mend("Try again; if it stays so, the zone of this name is broken.")))
	case h.alias != "":
		fs = append(fs, finding.New("M03", h.name, "the MX target "+h.name+" is an alias (CNAME) of "+h.alias))
	case len(h.sessions) == 0:
		fs = append(fs, finding.New("M03", h.name, "the MX target "+h.name+" has neither an A nor an AAAA record"))
	}
	return fs
}

// leavesDiffer warns where addresses of one host show different certificates.
func leavesDiffer(h hostSeen) (finding.Finding, bool) {
	by := map[string]netip.Addr{}
	var told []string
	for _, s := range h.sessions {
		if len(s.Certificates) == 0 {
			continue
		}
		leaf := s.Certificates[0]
		if _, ok := by[leaf.Fingerprint]; !ok {
			by[leaf.Fingerprint] = s.IP
			told = append(told, fmt.Sprintf("%s shows one valid to %s", s.IP, leaf.NotAfter.Format(time.DateOnly)))
		}
	}
	if len(by) < 2 {
		return finding.Finding{}, false
	}
	return finding.New("M18", h.name, "the addresses of "+h.name+" show different certificates: "+strings.Join(told, ", ")), true
}

// fine is a finding that says that all is well; it has nothing to mend.
func fine(code finding.Code, subject, title string) finding.Finding {
	f := finding.New(code, subject, title).As(finding.Pass)
	f.Detail, f.Fix = "", ""
	return f
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
