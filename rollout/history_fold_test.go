package rollout_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"belay/rollout"
)

func TestRuns(t *testing.T) {
	const subject = "mx2.corp.test [192.0.2.11]"
	at := func(minutes int) time.Time { return day(9).Add(time.Duration(minutes) * time.Minute) }
	fails := func(minutes int) *rollout.Evidence { return failing(cleanLook(at(minutes)), "M09", subject) }
	cut := func(e *rollout.Evidence) *rollout.Evidence { e.Cut = "the deadline came"; return e }
	run := rollout.Run{Code: "M09", Subject: subject, From: at(0), Until: at(0)}
	for _, row := range []struct {
		name  string
		looks []*rollout.Evidence
		want  []rollout.Run
	}{
		{"a fail begins a run", []*rollout.Evidence{fails(0)}, []rollout.Run{run}},
		{"and goes on with it", []*rollout.Evidence{fails(0), fails(9)}, []rollout.Run{until(run, at(9), time.Time{})}},
		{"it is gone at the first look without it", []*rollout.Evidence{fails(0), fails(9), cleanLook(at(20)), cleanLook(at(30))}, []rollout.Run{until(run, at(9), at(20))}},
		{"what comes again is another run", []*rollout.Evidence{fails(0), cleanLook(at(1)), fails(2)}, []rollout.Run{until(run, at(0), at(1)), {Code: "M09", Subject: subject, From: at(2), Until: at(2)}}},
		{"a look that was cut ends nothing", []*rollout.Evidence{fails(0), cut(cleanLook(at(9)))}, []rollout.Run{run}},
		{"a cut look may still begin one", []*rollout.Evidence{cut(fails(0))}, []rollout.Run{run}},
		{"what cannot be seen is not mended", []*rollout.Evidence{fails(0), blindTo(cleanLook(at(9)), "M04", "mx2.corp.test"), fails(12)},
			[]rollout.Run{until(run, at(12), time.Time{}), {Code: "M04", Subject: "mx2.corp.test", Unknown: true, From: at(9), Until: at(9), Gone: at(12)}}},
		{"another address that cannot be seen hides no mend", []*rollout.Evidence{fails(0), blindTo(cleanLook(at(9)), "M04", "mx2.corp.test [2001:db8::11]")},
			[]rollout.Run{until(run, at(0), at(9)), {Code: "M04", Subject: "mx2.corp.test [2001:db8::11]", Unknown: true, From: at(9), Until: at(9)}}},
		{"a look that a newer one overtook changes no run", []*rollout.Evidence{fails(10), cleanLook(at(5))}, []rollout.Run{until2(run, at(10))}},
		{"a clock set back moves no mend back", []*rollout.Evidence{fails(0), cleanLook(at(-3000))}, []rollout.Run{until(run, at(0), at(0))}},
		{"what does not fail makes no run", []*rollout.Evidence{cleanLook(at(0))}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var h rollout.History
			for _, e := range row.looks {
				h = h.With(*e)
			}
			if !reflect.DeepEqual(h.Runs, row.want) {
				t.Errorf("runs are\n%+v, want\n%+v", h.Runs, row.want)
			}
		})
	}
}

func until(r rollout.Run, last, gone time.Time) rollout.Run {
	r.Until, r.Gone = last, gone
	return r
}

func until2(r rollout.Run, both time.Time) rollout.Run {
	r.From, r.Until = both, both
	return r
}

func TestSecondLookConfirmsAfterFiveMinutes(t *testing.T) {
	for minutes, want := range map[time.Duration]bool{0: false, 299 * time.Second: false, 5 * time.Minute: true} {
		h := rollout.History{}.With(*failing(cleanLook(day(9)), "M09", "mx1.corp.test")).With(*failing(cleanLook(day(9).Add(minutes)), "M09", "mx1.corp.test"))
		if got := h.Runs[0].Confirmed(); got != want {
			t.Errorf("after %s confirmed is %v", minutes, got)
		}
	}
}

func TestMXSets(t *testing.T) {
	hosts := func(n int, names ...string) rollout.Evidence {
		e := rollout.Evidence{Domain: "corp.test", At: day(n)}
		for _, name := range names {
			e.MX = append(e.MX, rollout.MXHost{Host: name})
		}
		return e
	}
	empty := hosts(4)
	empty.Names = []rollout.NameSeen{{Name: "corp.test", Type: "MX", Sightings: []rollout.Sighting{{Answered: true}}}}
	var h rollout.History
	for _, e := range []rollout.Evidence{hosts(1, "b", "a"), hosts(2, "a", "b"), hosts(3), empty, hosts(5, "a")} {
		h = h.With(e)
	}
	want := []rollout.MXSet{
		{Hosts: []string{"a", "b"}, From: day(1), Until: day(2)}, // the order does not matter, nor a zone that gave no answer
		{Hosts: nil, From: day(4), Until: day(4)},
		{Hosts: []string{"a"}, From: day(5), Until: day(5)},
	}
	if fmt.Sprint(h.MX) != fmt.Sprint(want) {
		t.Errorf("sets are %v, want %v", h.MX, want)
	}
}

func TestDaysAreThoseOfWholeLooks(t *testing.T) {
	var h rollout.History
	for _, at := range []time.Time{day(2).Add(time.Hour), day(2).Add(23 * time.Hour), day(4)} {
		h = h.With(rollout.Evidence{At: at})
	}
	h = h.With(rollout.Evidence{At: day(5), Cut: "cut"})
	if want := []time.Time{day(2), day(4)}; !reflect.DeepEqual(h.Days, want) {
		t.Errorf("days are %v, want %v", h.Days, want)
	}
	if !h.First.Equal(day(2).Add(time.Hour)) || !h.Last.Equal(day(5)) {
		t.Errorf("from %s to %s", h.First, h.Last)
	}
}

func TestWithLeavesTheOldHistoryAlone(t *testing.T) {
	old := rollout.History{}.With(*failing(cleanLook(day(1)), "M09", "mx1.corp.test"))
	want := fmt.Sprintf("%+v", old)
	old.With(*cleanLook(day(2)))
	if got := fmt.Sprintf("%+v", old); got != want {
		t.Errorf("history was\n%s, is\n%s", want, got)
	}
}

// TestHistoryGrowsWithWhatHappens states the property: a thousand looks at the
// same world keep no more than one, and a world that never rests is bounded.
func TestHistoryGrowsWithWhatHappens(t *testing.T) {
	var quiet, wild rollout.History
	for i := range 2500 {
		at := day(1).Add(time.Duration(i) * time.Hour)
		quiet = quiet.With(*failing(cleanLook(at), "M09", "mx1.corp.test"))
		e := failing(cleanLook(at), "M09", fmt.Sprintf("mx%d.corp.test", i))
		e.MX[0].Host = fmt.Sprintf("mx%d.corp.test", i)
		e.MX[1].Addresses[0].Certificates[0].Fingerprint = fmt.Sprint(i)
		e.MX[1].Addresses[0].Certificates = append([]rollout.Certificate(nil), e.MX[1].Addresses[0].Certificates...)
		wild = wild.With(*e)
	}
	if len(quiet.Runs) != 1 || len(quiet.MX) != 1 || len(quiet.Leaves) != 3 || len(quiet.Days) != 105 {
		t.Errorf("a quiet world keeps %d runs, %d sets, %d leaves, %d days", len(quiet.Runs), len(quiet.MX), len(quiet.Leaves), len(quiet.Days))
	}
	if len(wild.Runs) > 2000 || len(wild.MX) > 100 || len(wild.Leaves) > 2000 {
		t.Errorf("a wild world keeps %d runs, %d sets, %d leaves", len(wild.Runs), len(wild.MX), len(wild.Leaves))
	}
	if last := wild.Runs[len(wild.Runs)-1]; !last.Gone.IsZero() {
		t.Error("the run that stands was dropped")
	}
}

func TestRenewed(t *testing.T) {
	leaf := func(fingerprint string, notBefore int) rollout.Certificate {
		return rollout.Certificate{Fingerprint: fingerprint, NotBefore: day(notBefore), NotAfter: day(notBefore + 90)}
	}
	show := func(n int, c rollout.Certificate) *rollout.Evidence {
		e := cleanLook(day(n))
		e.MX, e.Policy.Addresses = e.MX[:1], nil
		e.MX[0].Addresses[0].Certificates = []rollout.Certificate{c}
		return e
	}
	refused := func(n int, fingerprint string, notBefore int) *rollout.Evidence {
		return failing(show(n, leaf(fingerprint, notBefore)), "M12", "mx1.corp.test [192.0.2.10]")
	}
	for _, row := range []struct {
		name  string
		looks []*rollout.Evidence
		want  string
	}{
		{"one leaf only", []*rollout.Evidence{show(2, leaf("a", 1)), show(9, leaf("a", 1))}, "renewal mx1.corp.test [192.0.2.10]"},
		{"a newer leaf", []*rollout.Evidence{show(2, leaf("a", 1)), show(9, leaf("b", 8))}, ""},
		{"a newer leaf before the rollout", []*rollout.Evidence{show(-9, leaf("a", -40)), show(-8, leaf("b", -10))}, "renewal mx1.corp.test [192.0.2.10]"},
		{"an older leaf", []*rollout.Evidence{show(2, leaf("b", 1)), show(9, leaf("a", 0))}, "renewal mx1.corp.test [192.0.2.10]"},
		{"an older leaf seen again", []*rollout.Evidence{show(-9, leaf("a", -40)), show(-8, leaf("b", -10)), show(9, leaf("a", -40))}, "renewal mx1.corp.test [192.0.2.10]"},
		{"renewed, then put back", []*rollout.Evidence{show(2, leaf("a", 1)), show(5, leaf("b", 4)), show(9, leaf("a", 1))}, ""},
		{"renewed after many others", []*rollout.Evidence{show(2, leaf("a", 1)), show(3, leaf("b", 2)), show(4, leaf("c", 3)), show(5, leaf("d", 4)), show(6, leaf("e", 5)), show(7, leaf("f", 6)), show(8, leaf("g", 7))}, ""},
		{"a newer leaf that senders refuse", []*rollout.Evidence{show(2, leaf("a", 1)), refused(9, "b", 8), show(10, leaf("a", 1))}, "renewal mx1.corp.test [192.0.2.10]"},
		{"a newer leaf that the network put there", []*rollout.Evidence{show(2, leaf("a", 1)), blindTo(show(9, leaf("b", 8)), "M21", "mx1.corp.test [192.0.2.10]")}, "renewal mx1.corp.test [192.0.2.10]"},
		{"a newer leaf refused at another address", []*rollout.Evidence{show(2, leaf("a", 1)), failing(show(9, leaf("b", 8)), "M12", "mx1.corp.test [192.0.2.99]")}, ""},
		{"a newer leaf whose chain came later", []*rollout.Evidence{show(2, leaf("a", 1)), refused(9, "b", 8), show(10, leaf("b", 8))}, ""},
		{"a newer leaf, refused since it ended", []*rollout.Evidence{show(2, leaf("a", 1)), show(9, leaf("b", 8)), refused(99, "b", 8)}, ""},
		{"a newer leaf after one that was refused", []*rollout.Evidence{show(2, leaf("a", 1)), refused(5, "b", 4), show(9, leaf("c", 8))}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := rollout.Rollout{Domain: "corp.test", Created: day(1)}
			for _, e := range row.looks {
				look(&r, e)
				r.Evidence = e
			}
			if got := codes(r.Renewed()); got != row.want {
				t.Errorf("reasons %q, want %q", got, row.want)
			}
		})
	}
	t.Run("a policy host's leaf of an authority that nobody trusts", func(t *testing.T) {
		r := rollout.Rollout{Domain: "corp.test", Created: day(1)}
		for _, n := range []int{2, 9} {
			c := leaf(fmt.Sprint(n), n-1)
			e := cleanLook(day(n))
			e.MX, e.Policy.Addresses[0].Certificate = nil, &c
			if n == 9 {
				failing(e, "H03", "mta-sts.corp.test [192.0.2.80]")
			}
			look(&r, e)
			r.Evidence = e
		}
		if got := codes(r.Renewed()); got != "renewal mta-sts.corp.test [192.0.2.80]" {
			t.Errorf("reasons %q", got)
		}
	})
	t.Run("every address, the policy host's too", func(t *testing.T) {
		r := inTesting(day(9))
		r.Evidence.MX[0].Addresses = append(r.Evidence.MX[0].Addresses, rollout.MXAddress{IP: netip.MustParseAddr("2001:db8::10"), NoRoute: true})
		want := "renewal mx1.corp.test [192.0.2.10]; renewal mx1.corp.test [2001:db8::10]; renewal mx2.corp.test [192.0.2.11]; renewal mta-sts.corp.test [192.0.2.80]"
		if got := codes(r.Renewed()); got != want {
			t.Errorf("reasons %q, want %q", got, want)
		}
	})
	t.Run("without a look", func(t *testing.T) {
		if got := codes(rollout.Rollout{Domain: "corp.test"}.Renewed()); got != "look corp.test" {
			t.Errorf("reasons %q", got)
		}
	})
}
