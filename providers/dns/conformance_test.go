package dns_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/rollout"
)

const (
	sts1 = "v=STSv1; id=20261101T000000Z;"
	sts2 = "v=STSv1; id=20261102T000000Z;"
	rpt  = "v=TLSRPTv1; rua=mailto:a@corp.test"
)

// long is longer than two character-strings.
func long() string {
	return "v=TLSRPTv1; rua=" + strings.Repeat("mailto:x@corp.test,", 30) + "mailto:y@corp.test"
}

func list(v ...string) []string { return v }

// suite is what every provider must do, whatever its API is like; rfc2136 is put
// through it with the lab's name server and with the real ones of the acceptance
// tests.
func suite() map[string]func(*testing.T, bench) {
	return map[string]func(*testing.T, bench){
		"conformance":                   conforms,
		"applied twice changes nothing": appliedTwiceChangesNothing,
		"TTL":                           keepsTTL,
		"TTL alone":                     leavesTTLAlone,
		"a CNAME and others exclude":    excludesBesideCNAME,
		"only the three names":          writesOnlyTheThreeNames,
		"many read at once":             isReadByManyAtOnce,
		"try reaches the zone":          isReachedByTry,
	}
}

func TestConformance(t *testing.T) { onEach(t, conforms) }

func conforms(t *testing.T, b bench) {
	cases := []struct {
		shows     string
		name, typ string
		stands    []string // before the edit
		before    []string // what the plan saw
		after     []string
		outcome   rollout.Outcome
		want      []string // what stands afterwards
		unwritten bool     // nothing was sent
	}{
		{"create a TXT", "_mta-sts", "TXT", nil, nil, list(sts1), rollout.Applied, list(sts1), false},
		{"change a TXT", "_mta-sts", "TXT", list(sts1), list(sts1), list(sts2), rollout.Applied, list(sts2), false},
		{"delete a TXT", "_mta-sts", "TXT", list(sts1), list(sts1), nil, rollout.Applied, nil, false},
		{"two values to one of them", "_mta-sts", "TXT", list(sts1, sts2), list(sts1, sts2), list(sts2), rollout.Applied, list(sts2), false},
		{"two values to another one", "_mta-sts", "TXT", list(sts1, "old"), list(sts1, "old"), list(sts2), rollout.Applied, list(sts2), false},
		{"one value to two", "_smtp._tls", "TXT", list(rpt), list(rpt), list(rpt, "x"), rollout.Applied, list(rpt, "x"), false},
		{"one value to two others", "_smtp._tls", "TXT", list(rpt), list(rpt), list("y", "x"), rollout.Applied, list("x", "y"), false},
		{"nothing to two values", "mta-sts", "A", nil, nil, list("192.0.2.20", "192.0.2.21"), rollout.Applied, list("192.0.2.20", "192.0.2.21"), false},
		{"delete two values", "mta-sts", "A", list("192.0.2.20", "192.0.2.21"), list("192.0.2.20", "192.0.2.21"), nil, rollout.Applied, nil, false},
		{"an IPv6 address", "mta-sts", "AAAA", nil, nil, list("2001:db8::20"), rollout.Applied, list("2001:db8::20"), false},
		{"a CNAME keeps its whole target", "mta-sts", "CNAME", nil, nil, list("policy.host.example"), rollout.Applied, list("policy.host.example"), false},
		{"change a CNAME", "mta-sts", "CNAME", list("a.example"), list("a.example"), list("b.example"), rollout.Applied, list("b.example"), false},
		{"a foreign value beside ours is kept", "_mta-sts", "TXT", list("foreign", sts1), list("foreign", sts1), list("foreign", sts2), rollout.Applied, list("foreign", sts2), false},
		{"a long TXT is created", "_smtp._tls", "TXT", nil, nil, list(long()), rollout.Applied, list(long()), false},
		{"a long TXT is changed", "_smtp._tls", "TXT", list(long()), list(long()), list(long() + ",mailto:z@corp.test"), rollout.Applied, list(long() + ",mailto:z@corp.test"), false},
		{"a long TXT is deleted", "_smtp._tls", "TXT", list(long()), list(long()), nil, rollout.Applied, nil, false},
		{"characters that need quoting", "_smtp._tls", "TXT", nil, nil, list(`a "quoted" word; back\slash, 100 % Ümlaut`), rollout.Applied, list(`a "quoted" word; back\slash, 100 % Ümlaut`), false},
		{"characters that need quoting are changed", "_smtp._tls", "TXT", list(`x "y" \ z`), list(`x "y" \ z`), list(rpt), rollout.Applied, list(rpt), false},
		{"already there is found, not written", "_mta-sts", "TXT", list(sts2), list(sts1), list(sts2), rollout.Found, list(sts2), true},
		{"already gone is found", "_mta-sts", "TXT", nil, list(sts1), nil, rollout.Found, nil, true},
		{"another value than the plan saw is refused", "_mta-sts", "TXT", list("other"), list(sts1), list(sts2), rollout.Refused, list("other"), true},
		{"a value where the plan saw none is refused", "_mta-sts", "TXT", list("other"), nil, list(sts2), rollout.Refused, list("other"), true},
		{"nothing where the plan saw a value is refused", "_mta-sts", "TXT", nil, list(sts1), list(sts2), rollout.Refused, nil, true},
	}
	for _, tc := range cases {
		t.Run(tc.shows, func(t *testing.T) {
			row(t)
			place := tc.name + "." + domain
			b.put(t, place, tc.typ, tc.stands...)
			t.Cleanup(func() { b.put(t, place, tc.typ) })
			written := b.writes(place)
			a := b.open(t, dns.Options{})
			e := edit(tc.name, tc.typ, tc.before, tc.after)
			said := ""
			if b.cannot != nil && tc.outcome == rollout.Applied {
				said = b.cannot(tc.typ, tc.after)
			}
			if said != "" {
				tc.outcome, tc.want, tc.unwritten = rollout.Failed, tc.stands, true
			}

			r, err := a.Apply(ctx(t), e)
			if r.Outcome != tc.outcome {
				t.Fatalf("outcome %s (%v), want %s; there stands %q", r.Outcome, err, tc.outcome, b.holds(place, tc.typ))
			}
			if !strings.Contains(r.Detail, said) {
				t.Errorf("%q does not say %q", r.Detail, said)
			}
			if refused := tc.outcome == rollout.Refused; refused != errors.Is(err, rollout.ErrStale) {
				t.Errorf("error %v with outcome %s", err, r.Outcome)
			}
			if got := b.holds(place, tc.typ); !slices.Equal(got, sortedCopy(tc.want)) {
				t.Errorf("the server holds %q, want %q", got, tc.want)
			}
			if !r.Saw.Equal(rollout.Records(tc.want...)) {
				t.Errorf("the receipt saw %s, want %q", r.Saw, tc.want)
			}
			if n := b.writes(place) - written; (n == 0) != tc.unwritten {
				t.Errorf("%d writes were made", n)
			}
			h, err := a.Read(ctx(t), e)
			if err != nil || !h.Value.Equal(rollout.Records(tc.want...)) || h.Err != "" {
				t.Errorf("read shows %s (%s, %v), want %q", h.Value, h.Err, err, tc.want)
			}
			if tc.outcome == rollout.Applied && len(tc.want) > 0 {
				b.hasTTL(t, h, b.takes(e.TTL))
			}
		})
	}
}

func sortedCopy(v []string) []string {
	out := slices.Clone(v)
	slices.Sort(out)
	return out
}

// TestAppliedTwiceChangesNothing: the second time finds what the first wrote.
func TestAppliedTwiceChangesNothing(t *testing.T) { onEach(t, appliedTwiceChangesNothing) }

func appliedTwiceChangesNothing(t *testing.T, b bench) {
	a, e := b.open(t, dns.Options{}), edit("_mta-sts", "TXT", nil, list(sts1))
	for i, want := range []rollout.Outcome{rollout.Applied, rollout.Found} {
		if r, err := a.Apply(ctx(t), e); r.Outcome != want || err != nil {
			t.Fatalf("time %d: %s (%v), want %s", i+1, r.Outcome, err, want)
		}
	}
	if n := b.writes(e.Name); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

// TestCNAMEAndOthersExclude: what DNS forbids is refused before it is sent, and
// where it comes to be between reading and writing, it is not called done.
func TestCNAMEAndOthersExclude(t *testing.T) { onEach(t, excludesBesideCNAME) }

func excludesBesideCNAME(t *testing.T, b bench) {
	for _, tc := range []struct {
		shows, there, value, typ, after string
	}{
		{"an address beside a CNAME", "CNAME", "host.example", "A", "192.0.2.20"},
		{"a CNAME beside an address", "A", "192.0.2.20", "CNAME", "host.example"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			e := edit("mta-sts", tc.typ, nil, list(tc.after))
			b.put(t, e.Name, tc.there, tc.value)
			t.Cleanup(func() { b.put(t, e.Name, tc.there) })
			written := b.writes(e.Name)
			a := b.open(t, dns.Options{})
			r, err := a.Apply(ctx(t), e)
			if r.Outcome != rollout.Refused || !strings.Contains(r.Detail, "CNAME") || b.writes(e.Name) != written {
				t.Errorf("outcome %s after %d writes: %v", r.Outcome, b.writes(e.Name)-written, err)
			}

			b.put(t, e.Name, tc.there)
			b.meanwhile(func() { b.put(t, e.Name, tc.there, tc.value) })
			r, err = a.Apply(ctx(t), e)
			if r.Outcome != rollout.Failed && r.Outcome != rollout.Refused || err == nil {
				t.Errorf("with the other coming in between: outcome %s, %v", r.Outcome, err)
			}
			if got := b.holds(e.Name, tc.typ); len(got) != 0 {
				t.Errorf("the server holds %q", got)
			}
		})
	}
}

// TestOnlyTheThreeNames: nothing else is ever sent to a provider.
func TestOnlyTheThreeNames(t *testing.T) { onEach(t, writesOnlyTheThreeNames) }

func writesOnlyTheThreeNames(t *testing.T, b bench) {
	bad := map[string]rollout.Edit{
		"the apex":                {Name: domain, Type: "TXT"},
		"an MX record":            {Name: domain, Type: "MX"},
		"another name":            {Name: "www." + domain, Type: "A"},
		"another domain":          {Name: "_mta-sts.other.test", Type: "TXT"},
		"an address at _mta-sts":  {Name: "_mta-sts." + domain, Type: "A"},
		"name servers at mta-sts": {Name: "mta-sts." + domain, Type: "NS"},
	}
	a := b.open(t, dns.Options{})
	for shows, e := range bad {
		e.Kind, e.After = rollout.Record, rollout.Records("192.0.2.1")
		r, err := a.Apply(ctx(t), e)
		if r.Outcome != rollout.Refused || !errors.Is(err, rollout.ErrRefused) {
			t.Errorf("%s: outcome %s, %v", shows, r.Outcome, err)
		}
	}
	r, err := a.Apply(ctx(t), rollout.Edit{Kind: rollout.Policy, Name: "https://mta-sts.corp.test/.well-known/mta-sts.txt"})
	if r.Outcome != rollout.Refused || err == nil {
		t.Errorf("a policy: outcome %s, %v", r.Outcome, err)
	}
}

// TestManyReadAtOnce: the types of one name are read together.
func TestManyReadAtOnce(t *testing.T) { onEach(t, isReadByManyAtOnce) }

func isReadByManyAtOnce(t *testing.T, b bench) {
	b.put(t, "mta-sts."+domain, "A", "192.0.2.20")
	b.put(t, "_mta-sts."+domain, "TXT", sts1)
	a := b.open(t, dns.Options{})
	type got struct {
		held rollout.Held
		err  error
	}
	var answers []chan got
	want := map[string]string{"A": "192.0.2.20", "TXT": sts1, "CNAME": "-", "AAAA": "-"}
	for _, e := range []rollout.Edit{
		edit("mta-sts", "A", nil, nil), edit("mta-sts", "AAAA", nil, nil), edit("mta-sts", "CNAME", nil, nil), edit("_mta-sts", "TXT", nil, nil),
	} {
		c := make(chan got, 1)
		answers = append(answers, c)
		go func() {
			h, err := a.Read(ctx(t), e)
			c <- got{h, err}
		}()
	}
	for _, c := range answers {
		if g := <-c; g.err != nil || g.held.Value.String() != want[g.held.Type] {
			t.Errorf("%s %s: %s, %v", g.held.Name, g.held.Type, g.held.Value, g.err)
		}
	}
}
