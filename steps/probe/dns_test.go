package probe

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"belay/rollout"

	"github.com/miekg/dns"
)

// zoneText answers like an authoritative server of box.test.
func zoneText(t *testing.T, records ...string) func(dns.ResponseWriter, *dns.Msg) {
	t.Helper()
	var rrs []dns.RR
	for _, s := range append(records, "box.test. 3600 SOA ns.box.test. h.box.test. 7 3600 600 86400 300") {
		rr, err := dns.NewRR(s)
		if err != nil {
			t.Fatal(err)
		}
		rrs = append(rrs, rr)
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.Authoritative = true
		known := false
		for _, rr := range rrs {
			if !strings.EqualFold(rr.Header().Name, q.Question[0].Name) {
				continue
			}
			known = true
			if rr.Header().Rrtype == q.Question[0].Qtype || rr.Header().Rrtype == dns.TypeCNAME {
				m.Answer = append(m.Answer, rr)
			}
		}
		if len(m.Answer) == 0 {
			m.Ns = []dns.RR{rrs[len(rrs)-1]}
			if !known {
				m.Rcode = dns.RcodeNameError
			}
		}
		w.WriteMsg(m)
	}
}

const (
	resolverAt = "192.0.2.53:53"
	serverAt   = "192.0.2.2:53"
)

var delegation = []string{"box.test. 60 NS ns.box.test.", "ns.box.test. 60 A 192.0.2.2"}

func TestAuthoritative(t *testing.T) {
	for name, row := range map[string]struct {
		records []string
		typ     string
		values  []string
		alias   string
		missing bool
	}{
		"a record of two strings":     {[]string{`x.box.test. 60 TXT "v=STSv1; " "id=1;"`}, "TXT", []string{"v=STSv1; id=1;"}, "", false},
		"quotes and bytes in a TXT":   {[]string{`x.box.test. 60 TXT "a\"b\\c\200"`}, "TXT", []string{"a\"b\\c\xc8"}, "", false},
		"addresses in canonical form": {[]string{"x.box.test. 60 AAAA 2001:DB8:0::1"}, "AAAA", []string{"2001:db8::1"}, "", false},
		"names in lower case":         {[]string{"x.box.test. 60 CNAME Other.Example."}, "CNAME", []string{"other.example"}, "", false},
		"an alias":                    {[]string{"x.box.test. 60 CNAME other.example."}, "A", nil, "other.example", false},
		"an MX set":                   {[]string{"x.box.test. 60 MX 20 B.test.", "x.box.test. 60 MX 10 a.test."}, "MX", []string{"10 a.test", "20 b.test"}, "", false},
		"a null MX":                   {[]string{"x.box.test. 60 MX 0 ."}, "MX", []string{"0 ."}, "", false},
		"another type":                {[]string{"x.box.test. 60 A 192.0.2.9"}, "TXT", nil, "", false},
		"no such name":                {nil, "TXT", nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			b.dns(resolverAt, zoneText(t, delegation...))
			b.dns(serverAt, zoneText(t, row.records...))
			v := b.open(t.Context())
			z, err := v.Zone("box.test")
			if err != nil {
				t.Fatal(err)
			}
			a := v.Authoritative(z, "x.box.test", row.typ)
			if !slices.Equal(a.Union(), row.values) || a.Alias != row.alias || a.Missing != row.missing || !a.Answered() {
				t.Errorf("heard %+v", a)
			}
			if len(row.values) == 0 && row.alias == "" && a.TTL() != 300 {
				t.Errorf("negative TTL %d", a.TTL())
			}
		})
	}
}

// Whatever a server answers, it is no word about the name unless it answers the
// question, and with authority.
func TestServersThatDoNotAnswer(t *testing.T) {
	reply := func(change func(*dns.Msg)) func(dns.ResponseWriter, *dns.Msg) {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg)
			m.SetReply(q)
			m.Authoritative = true
			rr, _ := dns.NewRR(q.Question[0].Name + ` 60 TXT "evil"`)
			m.Answer = []dns.RR{rr}
			change(m)
			w.WriteMsg(m)
		}
	}
	for name, row := range map[string]struct {
		serve func(dns.ResponseWriter, *dns.Msg)
		says  string
	}{
		"another id":        {reply(func(m *dns.Msg) { m.Id++ }), "timeout"},
		"another question":  {reply(func(m *dns.Msg) { m.Question[0].Name = "y.box.test." }), "timeout"},
		"a question itself": {reply(func(m *dns.Msg) { m.Response = false }), "timeout"},
		"refused":           {reply(func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }), "REFUSED"},
		"no authority":      {reply(func(m *dns.Msg) { m.Authoritative = false }), "authority"},
		"garbage": {func(w dns.ResponseWriter, q *dns.Msg) {
			wire, _ := q.Pack()
			wire[2] |= 0x80
			wire[7] = 40 // answers that are not there
			w.Write(wire[:20])
		}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			b.dns(serverAt, row.serve)
			z := Zone{Apex: "box.test", Servers: []Server{{Name: "ns.box.test", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}}}}
			a := b.open(t.Context()).Authoritative(z, "x.box.test", "TXT")
			if a.Answered() || len(a.Union()) > 0 || !strings.Contains(a.Sightings[0].Err, row.says) {
				t.Errorf("heard %+v", a.Sightings)
			}
		})
	}
}

// An answer too long for UDP is read over TCP.
func TestCutAnswerIsReadOverTCP(t *testing.T) {
	b := newBox(t)
	var overTCP atomic.Int32
	long := strings.Repeat("x", 200)
	b.dns(serverAt, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.Authoritative = true
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncated = true
		} else {
			overTCP.Add(1)
			for range 40 {
				m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 1}, Txt: []string{long, long, long}})
			}
		}
		w.WriteMsg(m)
	})
	z := Zone{Apex: "box.test", Servers: []Server{{Name: "ns", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}}}}
	a := b.open(t.Context()).Authoritative(z, "x.box.test", "TXT")
	if overTCP.Load() != 1 || len(a.Union()) != 1 || len(a.Union()[0]) != 600 {
		t.Errorf("asked %d times over TCP, heard %d values: %v", overTCP.Load(), len(a.Union()), a.Sightings[0].Err)
	}
}

// A name delegated to other servers is asked of these.
func TestDelegatedNameIsAskedBelow(t *testing.T) {
	b := newBox(t)
	b.dns(serverAt, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		ns, _ := dns.NewRR("_tls.box.test. 60 NS ns.elsewhere.test.")
		glue, _ := dns.NewRR("ns.elsewhere.test. 60 A 192.0.2.3")
		m.Ns, m.Extra = []dns.RR{ns}, []dns.RR{glue}
		w.WriteMsg(m)
	})
	b.dns("192.0.2.3:53", zoneText(t, `_smtp._tls.box.test. 60 TXT "v=TLSRPTv1; rua=mailto:a@b.test;"`))
	z := Zone{Apex: "box.test", Servers: []Server{{Name: "ns", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}}}}
	a := b.open(t.Context()).Authoritative(z, "_smtp._tls.box.test", "TXT")
	if a.Zone != "_tls.box.test" || len(a.Union()) != 1 {
		t.Errorf("heard %+v", a)
	}
}

// The zone of a name is the one around it, not the one its alias leads to.
func TestZoneIsNotThatOfAnAlias(t *testing.T) {
	b := newBox(t)
	zone := zoneText(t, append(delegation, "www.box.test. 60 CNAME www.vendor.test.")...)
	b.dns(resolverAt, func(w dns.ResponseWriter, q *dns.Msg) {
		if q.Question[0].Name != "www.box.test." {
			zone(w, q)
			return
		}
		m := new(dns.Msg)
		m.SetReply(q)
		alias, _ := dns.NewRR("www.box.test. 60 CNAME www.vendor.test.")
		soa, _ := dns.NewRR("vendor.test. 60 SOA ns.vendor.test. h.vendor.test. 1 1 1 1 1")
		m.Answer, m.Ns = []dns.RR{alias}, []dns.RR{soa}
		w.WriteMsg(m)
	})
	z, err := b.open(t.Context()).Zone("www.box.test")
	if err != nil || z.Apex != "box.test" {
		t.Errorf("zone %+v, %v", z, err)
	}
}

// An alias that leads to itself is told, not followed for ever.
func TestAliasLoop(t *testing.T) {
	b := newBox(t)
	b.dns(resolverAt, zoneText(t, delegation...))
	b.dns(serverAt, zoneText(t, "a.box.test. 60 CNAME b.box.test.", "b.box.test. 60 CNAME a.box.test."))
	v := b.open(t.Context())
	z, err := v.Zone("box.test")
	if err != nil {
		t.Fatal(err)
	}
	if s := v.Settle(z, "a.box.test", "TXT"); s.Err == nil {
		t.Errorf("settled at %+v", s.Last)
	}
}

// One question is put to a server once, however many ask it.
func TestEachQuestionIsAskedOnce(t *testing.T) {
	b := newBox(t)
	var asked atomic.Int32
	serve := zoneText(t, delegation...)
	b.dns(resolverAt, func(w dns.ResponseWriter, q *dns.Msg) { asked.Add(1); serve(w, q) })
	v := b.open(t.Context())
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { v.Resolve("ns.box.test", "A") })
	}
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// The sink is never called twice at once.
func TestSinkIsCalledByOneAtATime(t *testing.T) {
	b := newBox(t)
	b.dns(resolverAt, zoneText(t, delegation...))
	var inside, events int // unguarded on purpose: the race detector would tell
	v := Open(t.Context(), b.world(), func(rollout.Event) {
		inside++
		if inside != 1 {
			t.Error("two events at once")
		}
		events++
		inside--
	})
	var all sync.WaitGroup
	for _, typ := range []string{"A", "AAAA", "TXT", "MX", "NS", "SOA"} {
		all.Go(func() { v.Resolve("ns.box.test", typ) })
	}
	all.Wait()
	v.Close()
	if events != 12 {
		t.Errorf("%d events for 6 questions", events)
	}
}

func FuzzReadAnswer(f *testing.F) {
	asked := new(dns.Msg)
	asked.SetQuestion("x.box.test.", dns.TypeTXT)
	asked.Id = 0x1234
	answer := new(dns.Msg)
	answer.SetReply(asked)
	answer.Authoritative = true
	for _, s := range []string{`x.box.test. 60 TXT "v=STSv1; id=1;"`, "x.box.test. 60 CNAME y.test.", "box.test. 60 SOA a. b. 1 2 3 4 5"} {
		rr, err := dns.NewRR(s)
		if err != nil {
			f.Fatal(err)
		}
		answer.Answer = append(answer.Answer, rr)
		wire, err := answer.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, err := readAnswer(wire, asked)
		if err != nil {
			return
		}
		if m.Id != asked.Id {
			t.Errorf("took an answer with the id %d", m.Id)
		}
		s := interpret(m, "x.box.test", dns.TypeTXT, "box.test")
		if !s.answered && (len(s.values) > 0 || s.alias != "") {
			t.Errorf("values without an answer: %+v", s)
		}
		if s.referral != "" && !within("x.box.test", s.referral) {
			t.Errorf("referred to %q", s.referral)
		}
		if apex, ok := apexIn(m, "x.box.test"); ok && !within("x.box.test", apex) {
			t.Errorf("apex %q", apex)
		}
		resolved(m, "x.box.test", dns.TypeTXT)
		summary(m)
	})
}
