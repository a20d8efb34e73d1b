package relay_test

import (
	"slices"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/providers/lab/relay"

	"github.com/miekg/dns"
)

// TestBeforeUpdate: queries go through, and what is to happen before an update
// happens once, before the server has it.
func TestBeforeUpdate(t *testing.T) {
	l, err := lab.New(lab.Options{Domain: "corp.test", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	way, err := relay.To(l.NameServer(0))
	if err != nil {
		t.Fatal(err)
	}
	defer way.Close()
	name, alg, secret := l.TSIG()
	send := func(m *dns.Msg) *dns.Msg {
		m.SetTsig(dns.Fqdn(name), dns.Fqdn(alg), 300, time.Now().Unix())
		c := &dns.Client{Net: "tcp", TsigSecret: map[string]string{dns.Fqdn(name): secret}}
		r, _, err := c.ExchangeContext(t.Context(), m, way.Address())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var happened []int // how many values stood there when it did
	way.BeforeUpdate(func() { happened = append(happened, len(l.Records("_mta-sts.corp.test", "TXT"))) })

	q := new(dns.Msg)
	q.SetQuestion("corp.test.", dns.TypeSOA)
	if r := send(q); len(r.Answer) != 1 || len(happened) != 0 {
		t.Fatalf("a query: %v, after which %v", r, happened)
	}
	for _, id := range []string{"1", "2"} {
		m := new(dns.Msg)
		m.SetUpdate("corp.test.")
		m.Insert([]dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: "_mta-sts.corp.test.", Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: []string{id}}})
		if r := send(m); r.Rcode != dns.RcodeSuccess {
			t.Fatalf("an update: %v", r)
		}
	}
	if got := l.Records("_mta-sts.corp.test", "TXT"); !slices.Equal(got, []string{"1", "2"}) || !slices.Equal(happened, []int{0}) {
		t.Errorf("there stands %q; it happened when there were %v", got, happened)
	}
}
