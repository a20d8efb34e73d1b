package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/world"

	"github.com/miekg/dns"
)

// Replace sends one UPDATE (RFC 2136 section 2). Its prerequisites are that the
// set is still exactly what was read, and that no CNAME stands beside it, which
// servers would pass over in silence (section 3.4.2.2). It is carried out whole
// or not at all.
func (s *signed) Replace(ctx context.Context, z Zone, have, want RRset) error {
	m := new(dns.Msg)
	m.SetUpdate(fqdn(z.Name))
	if err := s.require(ctx, m, z.Name, have, want); err != nil {
		return err
	}
	place := &dns.ANY{Hdr: dns.RR_Header{Name: fqdn(want.Name), Rrtype: dns.StringToType[want.Type]}}
	if len(have.Values) > 0 {
		m.RemoveRRset([]dns.RR{place})
	}
	if len(want.Values) > 0 {
		rrs, err := records(want)
		if err != nil {
			return err
		}
		m.Insert(rrs)
	}
	_, err := s.exchange(ctx, m)
	return err
}

// require adds the prerequisites for want to replace have.
func (s *signed) require(ctx context.Context, m *dns.Msg, zone string, have, want RRset) error {
	typ := dns.StringToType[want.Type]
	place := func(t uint16) []dns.RR {
		return []dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: fqdn(want.Name), Rrtype: t}}}
	}
	if len(have.Values) == 0 {
		if want.Type == "CNAME" {
			m.NameNotUsed(place(dns.TypeANY))
			return nil
		}
		m.RRsetNotUsed(place(typ))
		m.RRsetNotUsed(place(dns.TypeCNAME))
		return nil
	}
	// The server compares wire data, and one TXT value can be cut into strings in
	// many ways: it is asked how it holds the set.
	exact, err := s.askSet(ctx, zone, want.Name, typ)
	raw, ok := exact.own.([]dns.RR)
	if err != nil || !ok || !exact.Value().Equal(have.Value()) {
		if raw, err = records(have); err != nil {
			return err
		}
	}
	m.Used(raw)
	if want.Type != "CNAME" && len(want.Values) > 0 {
		m.RRsetNotUsed(place(dns.TypeCNAME))
	}
	return nil
}

// records are the set's records as they go over the wire.
func records(set RRset) ([]dns.RR, error) {
	var out []dns.RR
	for _, v := range set.Values {
		h := dns.RR_Header{Name: fqdn(set.Name), Rrtype: dns.StringToType[set.Type], Class: dns.ClassINET, Ttl: set.TTL}
		switch set.Type {
		case "TXT":
			out = append(out, &dns.TXT{Hdr: h, Txt: txtStrings(v)})
		case "CNAME":
			out = append(out, &dns.CNAME{Hdr: h, Target: presented("CNAME", v)})
		case "A":
			out = append(out, &dns.A{Hdr: h, A: net.ParseIP(v).To4()})
		case "AAAA":
			out = append(out, &dns.AAAA{Hdr: h, AAAA: net.ParseIP(v).To16()})
		default:
			return nil, fmt.Errorf("belay writes no %s records", set.Type)
		}
	}
	return out, nil
}

// Prove asks whether the key may write at name, by UPDATEs that no server can
// carry out: they require that the zone's apex is there and that it is not, and
// all they would do is to remove a value that nobody has. The server judges zone,
// key and access list, and changes nothing (RFC 2136 sections 3.2 and 3.3).
func (s *signed) Prove(ctx context.Context, z Zone, name string) ([]string, error) {
	lines := []string{fmt.Sprintf("%s takes signed updates of %s.", s.server, z.Name)}
	if why := s.noTransfer(); why != "" {
		lines = append(lines, fmt.Sprintf("%s gave no zone transfer, so the names are read one by one (%s).", s.server, finding.Clean(why, 200)))
	}
	types := []string{"TXT"}
	if !strings.HasPrefix(name, "_") { // the policy host
		types = []string{"A", "AAAA", "CNAME"}
	}
	var refused []string
	for _, typ := range types {
		err := s.wouldChange(ctx, z, name, typ)
		said, judged := errors.AsType[*rcodeError](err)
		switch {
		case err == nil:
		case judged && said.denied && typ != "TXT":
			refused = append(refused, typ)
		default:
			return lines, fmt.Errorf("an UPDATE that changes nothing was not taken: %w", err)
		}
	}
	if len(refused) > 0 {
		lines = append(lines, fmt.Sprintf("It does not let the key %s change %s %s; belay can do without where the record stays as it is.",
			plainName(s.keyName), name, strings.Join(refused, ", ")))
	}
	return lines, nil
}

// wouldChange asks for a change of name that cannot come true; nil means that
// nothing but that stood in its way.
func (s *signed) wouldChange(ctx context.Context, z Zone, name, typ string) error {
	apex := []dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: fqdn(z.Name)}}}
	nobodys := map[string]string{"TXT": "belay: may this key write here?", "A": "0.0.0.0", "AAAA": "::", "CNAME": "invalid"}
	rrs, err := records(RRset{Name: name, Type: typ, Values: []string{nobodys[typ]}})
	if err != nil {
		return err
	}
	m := new(dns.Msg)
	m.SetUpdate(fqdn(z.Name))
	m.NameUsed(apex)
	m.NameNotUsed(apex)
	m.Remove(rrs)
	if _, err = s.exchange(ctx, m); errors.Is(err, rollout.ErrStale) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%s heeds no prerequisites, so nothing would keep two writers apart", s.server)
	}
	return err
}

// ask sends one signed query. An answer that says the name does not exist is an
// answer.
func (s *signed) ask(ctx context.Context, name string, typ uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(fqdn(name), typ)
	m.RecursionDesired = false
	return s.exchange(ctx, m)
}

// exchange signs m, sends it over TCP and judges the answer.
func (s *signed) exchange(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	// Both ends judge a signature's time by the machine's clock (RFC 8945
	// section 5.2.3), whatever day it is in a lab.
	m.SetTsig(s.keyName, s.keyAlg, 300, world.SystemClock().Now().Unix())
	client := &dns.Client{Net: "tcp", Timeout: 10 * time.Second, TsigSecret: map[string]string{s.keyName: s.secret}}
	r, _, err := client.ExchangeContext(ctx, m, s.server)
	if said := s.judge(r, m); said != nil {
		return nil, said
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("nothing listens at %s; check the name server and its port: %w", s.server, err)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", s.server, err)
	}
	if r.IsTsig() == nil {
		return nil, fmt.Errorf("%s answered without a signature, so the answer is not believed; is it the primary server, and does it know the key %s?", s.server, plainName(s.keyName))
	}
	s.mu.Lock()
	s.taken = true
	s.mu.Unlock()
	return r, nil
}
