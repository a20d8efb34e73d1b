package dns

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"belay/rollout/finding"

	"github.com/libdns/libdns"
	"github.com/libdns/rfc2136"
	"github.com/miekg/dns"
)

// signed is an account at a name server that takes dynamic updates (RFC 2136)
// signed with a shared key (TSIG, RFC 8945).
//
// It reads by zone transfer through libdns, because a transfer shows what stands
// in the zone and not what a wildcard makes of it. A transfer is often refused
// to a key that may update; then the names are asked for one by one at the same
// server. It writes by an UPDATE of its own, for libdns sends no prerequisites,
// and with the prerequisite the server itself refuses a change whose "before" is
// no longer so, even between two stores.
type signed struct {
	server  string // host:port
	keyName string // with final dot
	keyAlg  string // with final dot
	secret  string // base64

	mu sync.Mutex
	// primaries are the primary servers that SOA records name, by zone.
	primaries map[string]string
	// taken is true once an answer was signed with the key.
	taken bool
	// refused is why a transfer was not to be had where queries were answered; it
	// is not asked for again. odd is true where a record in it could not be read.
	refused string
	odd     bool
}

func openRFC2136(c credentials, o Options) (Source, error) {
	server, err := c.need("server", "the name server (host or host:port)")
	if err != nil {
		return nil, err
	}
	name, err := c.need("key_name", "the name of the TSIG key")
	if err != nil {
		return nil, err
	}
	secret, err := c.need("key", "the secret of the TSIG key")
	if err != nil {
		return nil, err
	}
	if raw, err := base64.StdEncoding.DecodeString(secret); err != nil || len(raw) == 0 {
		return nil, errors.New("the secret of the TSIG key is not base64: copy what stands behind \"secret\" in the key file, without the quotes")
	}
	alg := strings.ToLower(c.get("key_alg"))
	if alg == "" {
		alg = "hmac-sha256"
	}
	if !slices.Contains(algorithms(), dns.Fqdn(alg)) {
		return nil, fmt.Errorf("the TSIG algorithm %s is not one of %s", finding.Quote(alg, 40), strings.ReplaceAll(strings.Join(algorithms(), " "), ". ", " "))
	}
	if server, err = withPort(server); err != nil {
		return nil, err
	}
	return &signed{server: server, keyName: fqdn(name), keyAlg: dns.Fqdn(alg), secret: secret, primaries: map[string]string{}}, nil
}

// withPort is a name server as it is dialled: port 53 where none is named.
func withPort(server string) (string, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = strings.Trim(server, "[]"), ""
	}
	if port == "" {
		port = "53"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/ ") {
		return "", fmt.Errorf("%s is no name server: write host, or host:port, as in 192.0.2.53:53", finding.Quote(server, 100))
	}
	return net.JoinHostPort(host, port), nil
}

func algorithms() []string {
	return []string{dns.HmacSHA256, dns.HmacSHA512, dns.HmacSHA384, dns.HmacSHA224, dns.HmacSHA1}
}

func (s *signed) Label() string { return "the name server " + s.server }

// Zone asks the server for the SOA record of name and its parents.
func (s *signed) Zone(ctx context.Context, name string) (Zone, error) {
	var last error
	for _, n := range suffixes(name) {
		r, err := s.ask(ctx, n, dns.TypeSOA)
		if err != nil {
			last = err
			if said, ok := errors.AsType[*rcodeError](err); !ok || said.signature {
				return Zone{}, err
			}
			continue
		}
		if !r.Authoritative {
			continue
		}
		for _, rr := range append(slices.Clone(r.Answer), r.Ns...) {
			// Behind a CNAME stands the SOA of another name's zone.
			if soa, ok := rr.(*dns.SOA); ok && under(n, plainName(soa.Hdr.Name)) {
				z := Zone{Name: plainName(soa.Hdr.Name), Serial: soa.Serial, Notes: []string{
					fmt.Sprintf("%s accepts the key %s; serial %d.", s.server, plainName(s.keyName), soa.Serial),
				}}
				s.mu.Lock()
				s.primaries[z.Name] = plainName(soa.Ns)
				s.mu.Unlock()
				if r, err := s.ask(ctx, z.Name, dns.TypeNS); err == nil {
					for _, rr := range ownedBy(r.Answer, z.Name, dns.TypeNS) {
						z.NameServers = append(z.NameServers, plainName(rr.(*dns.NS).Ns))
					}
				}
				return z, nil
			}
		}
	}
	if last == nil {
		last = errors.New("it has no authority for any parent of that name")
	}
	return Zone{}, fmt.Errorf("%s keeps no zone for %s (name the primary server, and check the zone's name): %w", s.server, name, last)
}

// At reads the name by transfer, or where there is none to be had by query.
func (s *signed) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	if s.noTransfer() != "" {
		return s.noted(s.query(ctx, z.Name, name))
	}
	sets, refusal := s.transfer(ctx, z.Name, name)
	if refusal == nil {
		return sets, nil
	}
	sets, err := s.query(ctx, z.Name, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.refused, s.odd = transferRefusal(refusal), isOdd(refusal)
	s.mu.Unlock()
	return s.noted(sets, nil)
}

// noted says of sets that were asked for one by one why that was, where it is an
// odd record elsewhere in the zone that spoiled the transfer.
func (s *signed) noted(sets []RRset, err error) ([]RRset, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.odd {
		return sets, err
	}
	for i := range sets {
		sets[i].Note = finding.Clean(fmt.Sprintf("the zone transfer of %s could not be read (%s), so the names were asked for one by one", s.server, s.refused), 400)
	}
	return sets, err
}

// primaryOf is the zone's primary server by its SOA record; empty while unknown.
func (s *signed) primaryOf(zone string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.primaries[zone]
}

// keyTaken reports whether the server has taken the key before.
func (s *signed) keyTaken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// noTransfer is why the names are read one by one; empty while they are not.
func (s *signed) noTransfer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

func (s *signed) transfer(ctx context.Context, zone, name string) ([]RRset, error) {
	p := &rfc2136.Provider{KeyName: s.keyName, KeyAlg: s.keyAlg, Key: s.secret, Server: s.server}
	records, err := p.GetRecords(ctx, dns.Fqdn(zone))
	if err != nil {
		return nil, fmt.Errorf("transfer of %s: %w", zone, oddRecord(err))
	}
	var sets []RRset
	for _, r := range records {
		rr := r.RR()
		if !strings.EqualFold(libdns.AbsoluteName(rr.Name, zone), name) {
			continue
		}
		value := rr.Data
		if rr.Type == "TXT" {
			value = unescapeTXT(value) // libdns hands the escapes on
		}
		sets = gather(sets, name, rr.Type, uint32(rr.TTL.Seconds()), value)
	}
	return sets, nil
}

// gather adds one value to the set it belongs to.
func gather(sets []RRset, name, typ string, ttl uint32, value string) []RRset {
	value = canonical(typ, value)
	for i := range sets {
		if sets[i].Type == typ {
			sets[i].Values = append(sets[i].Values, value)
			return sets
		}
	}
	return append(sets, RRset{Name: name, Type: typ, TTL: ttl, Values: []string{value}})
}

// query asks for the types that can stand at a writable name.
func (s *signed) query(ctx context.Context, zone, name string) ([]RRset, error) {
	var sets []RRset
	for _, typ := range []uint16{dns.TypeCNAME, dns.TypeTXT, dns.TypeA, dns.TypeAAAA} {
		set, err := s.askSet(ctx, zone, name, typ)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// askSet reads one RRset by query. What a wildcard of the zone answers with is
// not in the zone at this name: it counts as nothing.
func (s *signed) askSet(ctx context.Context, zone, name string, typ uint16) (RRset, error) {
	set := RRset{Name: name, Type: dns.TypeToString[typ]}
	r, err := s.ask(ctx, name, typ)
	if err != nil {
		return set, err
	}
	raw := ownedBy(r.Answer, name, typ)
	if len(raw) == 0 {
		return set, nil
	}
	if s.byWildcard(ctx, zone, name, typ, raw) {
		return set, nil
	}
	set.TTL, set.own = raw[0].Header().Ttl, raw
	for _, rr := range raw {
		set.Values = append(set.Values, rdata(rr))
	}
	return set, nil
}

// ownedBy are the records of this name and type among rrs.
func ownedBy(rrs []dns.RR, name string, typ uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range rrs {
		if rr.Header().Rrtype == typ && plainName(rr.Header().Name) == name {
			out = append(out, rr)
		}
	}
	return out
}

// rdata is a record's canonical value.
func rdata(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.TXT:
		var b strings.Builder
		for _, part := range rr.Txt {
			b.WriteString(unescapeTXT(part))
		}
		return b.String()
	case *dns.CNAME:
		return canonical("CNAME", rr.Target)
	case *dns.A:
		return canonical("A", rr.A.String())
	case *dns.AAAA:
		return canonical("AAAA", rr.AAAA.String())
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}
