package contract

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"belay/providers/lab/vendor"

	"github.com/libdns/libdns"
)

// types: what was written comes back as the struct of its type, and what libdns
// cannot parse does not hide the rest.
func types(t *testing.T, bench func(*testing.T) Bench) {
	b := bench(t)
	want := map[string]libdns.Record{
		"a 600 A 192.0.2.1":                          libdns.Address{},
		"a 600 AAAA 2001:db8::1":                     libdns.Address{},
		"a 600 TXT x y":                              libdns.TXT{},
		"b 600 CNAME x.example.":                     libdns.CNAME{},
		"c 600 MX 10 mail.example.":                  libdns.MX{},
		"d 600 NS ns.example.":                       libdns.NS{},
		`e 600 CAA 0 issue "ca.example"`:             libdns.CAA{},
		"_sip._tcp.f 600 SRV 1 2 5060 sip.example.":  libdns.SRV{},
		"_25._tcp.g 600 TLSA 3 1 1 0123456789abcdef": libdns.RR{},
		"nolabel 600 SRV 1 2 5060 sip.example.":      libdns.RR{},
	}
	var in []string
	for s := range want {
		in = append(in, s)
	}
	if _, err := b.Provider.SetRecords(within(t), Zone, typed(t, in)); err != nil {
		t.Fatal(err)
	}
	all, err := b.Provider.GetRecords(within(t), Zone)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		text := line(r.RR())
		if w, ok := want[text]; ok {
			if reflect.TypeOf(r) != reflect.TypeOf(w) {
				t.Errorf("%s is a %T, want %T", text, r, w)
			}
			delete(want, text)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing %v in %q", want, lines(all))
	}
}

func oneName(t *testing.T, bench func(*testing.T) Bench) {
	b := bench(t)
	for _, s := range list("a 600 TXT x", "a 600 A 192.0.2.1", "b.a 600 TXT below", "ab 600 TXT beside", "@ 600 TXT apex") {
		b.Put(rr(s))
	}
	for name, want := range map[string][]string{
		"a":            list("a 600 A 192.0.2.1", "a 600 TXT x"),
		"A.corp.test.": list("a 600 A 192.0.2.1", "a 600 TXT x"),
		"b.a":          list("b.a 600 TXT below"),
		"none":         nil,
	} {
		got, err := b.Provider.RecordsAt(within(t), Zone, name)
		if err != nil || !slices.Equal(lines(got), want) {
			t.Errorf("%s: %q, %v", name, lines(got), err)
		}
	}
	got, err := b.Provider.RecordsAt(within(t), Zone, "@")
	if err != nil || !slices.Contains(lines(got), "@ 600 TXT apex") || slices.Contains(lines(got), "a 600 TXT x") {
		t.Errorf("@: %q, %v", lines(got), err)
	}
	if _, err := b.Provider.RecordsAt(within(t), Zone, ""); err == nil {
		t.Error("an empty name: no error")
	}
}

func zones(t *testing.T, bench func(*testing.T) Bench) {
	got, err := bench(t).Provider.ListZones(within(t))
	if err != nil || !slices.Equal(got, []libdns.Zone{{Name: Zone}}) {
		t.Errorf("%v, %v", got, err)
	}
}

// together: changes at the same moment all come true. A reading beside them may say
// that the zone moved under it.
func together(t *testing.T, bench func(*testing.T) Bench) {
	b := bench(t)
	h := watch(b, vendor.Hooks{})
	var want []string
	var all sync.WaitGroup
	for i := range 8 {
		one := fmt.Sprintf("a 600 TXT %d", i)
		want = append(want, one)
		all.Go(func() {
			if _, err := b.Provider.AppendRecords(within(t), Zone, typed(t, list(one))); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { _, _ = b.Provider.GetRecords(within(t), Zone) })
	}
	all.Wait()
	if !slices.Equal(h.lines(), want) {
		t.Errorf("the server holds %q", h.lines())
	}
}
