package contract

import (
	"context"
	"slices"
	"strings"
	"testing"

	"belay/providers/lab/vendor"

	"github.com/libdns/libdns"
)

func list(s ...string) []string { return s }

// long is longer than two character-strings.
func long() string { return strings.Repeat("0123456789abcdef", 40) }

// hard has what needs quoting somewhere.
const hard = `a "quoted" word; back\slash \034, 100 % Ümlaut`

// change is one call and what comes of it.
type change struct {
	shows  string
	stands []string
	do     func(Provider, context.Context, string, []libdns.Record) ([]libdns.Record, error)
	in     []string
	holds  []string
	// returns is what the call gives back.
	returns []string
}

func changes(t *testing.T, bench func(*testing.T) Bench) {
	set, add, del := Provider.SetRecords, Provider.AppendRecords, Provider.DeleteRecords
	for _, tc := range []change{
		{"set makes what was not there", nil, set, list("a 600 TXT x"), list("a 600 TXT x"), list("a 600 TXT x")},
		{"set replaces the value", list("a 600 TXT x"), set, list("a 600 TXT y"), list("a 600 TXT y"), list("a 600 TXT y")},
		{"set replaces two values by one of them", list("a 600 TXT x", "a 600 TXT y"), set, list("a 600 TXT y"), list("a 600 TXT y"), list("a 600 TXT y")},
		{"set replaces two values by another", list("a 600 TXT x", "a 600 TXT y"), set, list("a 600 TXT z"), list("a 600 TXT z"), list("a 600 TXT z")},
		{"set replaces one value by two", list("a 600 TXT x"), set, list("a 600 TXT y", "a 600 TXT z"), list("a 600 TXT y", "a 600 TXT z"), list("a 600 TXT y", "a 600 TXT z")},
		{"set leaves the name's other types", list("a 600 A 192.0.2.1", "a 600 TXT x"), set, list("a 600 TXT y"), list("a 600 A 192.0.2.1", "a 600 TXT y"), list("a 600 TXT y")},
		{"set leaves other names", list("a 600 TXT x", "b 600 TXT x"), set, list("a 600 TXT y"), list("a 600 TXT y", "b 600 TXT x"), list("a 600 TXT y")},
		{"set takes two types of a name", list("a 600 A 192.0.2.1"), set, list("a 600 A 192.0.2.2", "a 600 AAAA 2001:db8::2"), list("a 600 A 192.0.2.2", "a 600 AAAA 2001:db8::2"), list("a 600 A 192.0.2.2", "a 600 AAAA 2001:db8::2")},
		{"set takes two names", list("a 600 TXT x"), set, list("a 600 TXT y", "b.c 600 TXT z"), list("a 600 TXT y", "b.c 600 TXT z"), list("a 600 TXT y", "b.c 600 TXT z")},
		{"set changes the TTL alone", list("a 600 TXT x", "a 600 TXT y"), set, list("a 900 TXT x", "a 900 TXT y"), list("a 900 TXT x", "a 900 TXT y"), list("a 900 TXT x", "a 900 TXT y")},
		{"set changes the TTL with a value", list("a 600 TXT x", "a 600 TXT y"), set, list("a 900 TXT x", "a 900 TXT z"), list("a 900 TXT x", "a 900 TXT z"), list("a 900 TXT x", "a 900 TXT z")},
		{"set changes the TTL of a CNAME", list("a 600 CNAME x.example."), set, list("a 900 CNAME x.example."), list("a 900 CNAME x.example."), list("a 900 CNAME x.example.")},
		{"set gives a set its lowest TTL", nil, set, list("a 900 TXT x", "a 600 TXT y"), list("a 600 TXT x", "a 600 TXT y"), list("a 600 TXT x", "a 600 TXT y")},
		{"set gives a set its lowest TTL, wherever it stands", nil, set, list("a 600 TXT x", "a 900 TXT y"), list("a 600 TXT x", "a 600 TXT y"), list("a 600 TXT x", "a 600 TXT y")},
		{"set raises a TTL below the least", nil, set, list("a 0 TXT x"), list("a 300 TXT x"), list("a 300 TXT x")},
		{"set takes a value once", nil, set, list("a 600 TXT x", "a 600 TXT x"), list("a 600 TXT x"), list("a 600 TXT x")},
		{"set at the apex", nil, set, list("@ 600 TXT x"), list("@ 600 TXT x"), list("@ 600 TXT x")},
		{"set knows names and types in any case", list("a 600 TXT x"), set, list("A 600 txt y"), list("a 600 TXT y"), list("a 600 TXT y")},
		{"set takes a whole name of the zone", list("a 600 TXT x"), set, list("a.corp.test. 600 TXT y"), list("a 600 TXT y"), list("a 600 TXT y")},
		{"set of nothing does nothing", list("a 600 TXT x"), set, nil, list("a 600 TXT x"), nil},
		{"set of a long text", nil, set, list("a 600 TXT " + long()), list("a 600 TXT " + long()), list("a 600 TXT " + long())},
		{"set of a text that needs quoting", list("a 600 TXT x"), set, list("a 600 TXT " + hard), list("a 600 TXT " + hard), list("a 600 TXT " + hard)},
		{"set of a CNAME", list("a 600 CNAME x.example."), set, list("a 600 CNAME y.example."), list("a 600 CNAME y.example."), list("a 600 CNAME y.example.")},

		{"append makes what was not there", nil, add, list("a 600 TXT x", "a 600 TXT y"), list("a 600 TXT x", "a 600 TXT y"), list("a 600 TXT x", "a 600 TXT y")},
		{"append leaves what is there, and its TTL", list("a 600 TXT x"), add, list("a 900 TXT y"), list("a 600 TXT x", "a 600 TXT y"), list("a 600 TXT y")},
		{"append makes no second of what is there", list("a 600 TXT " + hard), add, list("a 600 TXT "+hard, "a 600 TXT y"), list("a 600 TXT "+hard, "a 600 TXT y"), list("a 600 TXT y")},
		{"append of a second address", list("a 600 A 192.0.2.1"), add, list("a 600 A 192.0.2.2"), list("a 600 A 192.0.2.1", "a 600 A 192.0.2.2"), list("a 600 A 192.0.2.2")},

		{"delete one of two", list("a 600 TXT x", "a 600 TXT y"), del, list("a 600 TXT x"), list("a 600 TXT y"), list("a 600 TXT x")},
		{"delete the last", list("a 600 TXT x"), del, list("a 600 TXT x"), nil, list("a 600 TXT x")},
		{"delete not with another TTL", list("a 600 TXT x"), del, list("a 601 TXT x"), list("a 600 TXT x"), nil},
		{"delete not with a part of the value", list("a 600 TXT x"), del, list("a 600 TXT xx"), list("a 600 TXT x"), nil},
		{"delete with any TTL", list("a 600 TXT x", "a 600 TXT y"), del, list("a 0 TXT x"), list("a 600 TXT y"), list("a 600 TXT x")},
		{"delete any value", list("a 600 TXT x", "a 600 TXT y", "a 600 A 192.0.2.1"), del, list("a 600 TXT "), list("a 600 A 192.0.2.1"), list("a 600 TXT x", "a 600 TXT y")},
		{"delete any type", list("a 600 TXT x", "a 600 A 192.0.2.1", "b 600 TXT x"), del, list("a 0  "), list("b 600 TXT x"), list("a 600 A 192.0.2.1", "a 600 TXT x")},
		{"delete a value of any type", list("a 600 TXT 192.0.2.1", "a 600 A 192.0.2.1", "a 600 TXT x"), del, list("a 0  192.0.2.1"), list("a 600 TXT x"), list("a 600 A 192.0.2.1", "a 600 TXT 192.0.2.1")},
		{"delete what is not there", list("a 600 TXT x"), del, list("b 600 TXT x"), list("a 600 TXT x"), nil},
		{"delete what is there of what is asked", list("a 600 TXT x"), del, list("a 600 TXT x", "a 600 TXT y", "b 0  "), nil, list("a 600 TXT x")},
		{"delete a long text", list("a 600 TXT "+long(), "a 600 TXT x"), del, list("a 600 TXT " + long()), list("a 600 TXT x"), list("a 600 TXT " + long())},
		{"delete a text that needs quoting", list("a 600 TXT "+hard, "a 600 TXT x"), del, list("a 600 TXT " + hard), list("a 600 TXT x"), list("a 600 TXT " + hard)},
		{"delete a CNAME", list("a 600 CNAME x.example."), del, list("a 600 CNAME X.example."), nil, list("a 600 CNAME x.example.")},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := bench(t)
			h := watch(b, vendor.Hooks{})
			for _, s := range tc.stands {
				b.Put(rr(s))
			}
			got, err := tc.do(b.Provider, within(t), Zone, typed(t, tc.in))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(h.lines(), sorted(tc.holds)) {
				t.Errorf("the server holds %q, want %q", h.lines(), tc.holds)
			}
			if !slices.Equal(lines(got), sorted(tc.returns)) {
				t.Errorf("returned %q, want %q", lines(got), tc.returns)
			}
			all, err := b.Provider.GetRecords(within(t), Zone)
			all = slices.DeleteFunc(all, func(r libdns.Record) bool { return r.RR().Name == "@" && r.RR().Type == "NS" })
			if err != nil || !slices.Equal(lines(all), sorted(tc.holds)) {
				t.Errorf("reading shows %q, %v", lines(all), err)
			}
		})
	}
}

// refuses: a record that no zone can have stops the call before it began.
func refuses(t *testing.T, bench func(*testing.T) Bench) {
	for shows, bad := range map[string]libdns.Record{
		"no name":                    libdns.TXT{Text: "y"},
		"a whole name outside":       libdns.TXT{Name: "a.other.test.", Text: "y"},
		"a name that only looks so":  libdns.TXT{Name: "a.notcorp.test.", Text: "y"},
		"nil":                        nil,
		"no type, where one must be": libdns.RR{Name: "a", Data: "y"},
	} {
		t.Run(shows, func(t *testing.T) {
			b := bench(t)
			h := watch(b, vendor.Hooks{})
			b.Put(rr("a 600 TXT x"))
			in := append(typed(t, list("b 600 TXT y")), bad)
			if _, err := b.Provider.SetRecords(within(t), Zone, in); err == nil {
				t.Error("set: no error")
			}
			if _, err := b.Provider.AppendRecords(within(t), Zone, in); err == nil {
				t.Error("append: no error")
			}
			if got := h.lines(); !slices.Equal(got, list("a 600 TXT x")) {
				t.Errorf("the server holds %q", got)
			}
		})
	}
	t.Run("another zone", func(t *testing.T) {
		b := bench(t)
		if _, err := b.Provider.SetRecords(within(t), "other.test.", typed(t, list("a 600 TXT x"))); err == nil {
			t.Error("set: no error")
		}
		if _, err := b.Provider.DeleteRecords(within(t), "other.test.", typed(t, list("a 600 TXT x"))); err == nil {
			t.Error("delete: no error")
		}
		if got, err := b.Provider.GetRecords(within(t), "other.test."); err == nil {
			t.Errorf("get: %q and no error", lines(got))
		}
		if got, err := b.Provider.RecordsAt(within(t), "other.test.", "a"); err == nil {
			t.Errorf("get of one name: %q and no error", lines(got))
		}
	})
	t.Run("a CNAME beside an address", func(t *testing.T) {
		b := bench(t)
		h := watch(b, vendor.Hooks{})
		b.Put(rr("a 600 A 192.0.2.1"))
		if _, err := b.Provider.SetRecords(within(t), Zone, typed(t, list("a 600 CNAME x.example."))); err == nil || !slices.Equal(h.lines(), list("a 600 A 192.0.2.1")) {
			t.Errorf("%v, and the server holds %q", err, h.lines())
		}
	})
}
