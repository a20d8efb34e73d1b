package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
)

// How much of the past a History keeps. What is dropped is always the oldest
// that is over: a finding that still stands and an address that is still met are
// never forgotten.
const (
	mostRuns      = 2000
	mostMXSets    = 100
	mostLeaves    = 6   // of one address
	mostAddresses = 256 // that certificates are remembered of
	mostDays      = 400
)

// outrun is how far a look may lie before the newest one and still be taken for
// one that merely ended later: two processes looked at the same time. A look from
// further back was made by a clock that had been set back.
const outrun = time.Hour

// With is h after one more look. A finding of severity fail, or one of what
// could not be seen, begins a run or goes on with its run; a run ends at the
// first look that had its subject before it and no longer has the finding. A
// look that was cut short, or that could not see the subject, ends nothing:
// silence is no mend.
//
// Looks may come in any order. One that is overtaken by a newer look adds the
// certificates it met and nothing else. One by a clock that was set back is
// taken, and no moment ever moves backwards because of it: a mend can only come
// to lie later than it was, which keeps gates closed rather than opens them.
func (h History) With(e Evidence) History {
	h = h.clone()
	overtaken := e.At.Before(h.Last) && h.Last.Sub(e.At) < outrun
	h.meet(e)
	if overtaken {
		return h
	}
	if h.First.IsZero() {
		h.First = e.At
	}
	h.Last = e.At
	h.run(e)
	h.see(e)
	if e.Cut == "" {
		h.day(e.At)
	}
	return h
}

// clone copies what With writes to, so that a History is a value.
func (h History) clone() History {
	h.Runs, h.MX = slices.Clone(h.Runs), slices.Clone(h.MX)
	h.Leaves, h.Days = slices.Clone(h.Leaves), slices.Clone(h.Days)
	return h
}

// run folds the look's failures and unknowns into the runs.
func (h *History) run(e Evidence) {
	for i := range h.Runs {
		r := &h.Runs[i]
		if !r.Gone.IsZero() {
			continue
		}
		switch {
		case stands(e, *r):
			r.Until = later(r.Until, e.At)
		case e.Cut == "" && !blind(e, *r):
			r.Gone = later(r.Until, e.At)
		}
	}
	for _, f := range e.Findings {
		if f.Severity != finding.Fail && !f.Unknown {
			continue
		}
		started := slices.ContainsFunc(h.Runs, func(r Run) bool { return r.Gone.IsZero() && r.of(f) })
		if !started {
			h.Runs = append(h.Runs, Run{Code: string(f.Code), Subject: f.Subject, Unknown: f.Unknown, From: e.At, Until: e.At})
		}
	}
	for i := 0; len(h.Runs) > mostRuns && i < len(h.Runs); {
		if h.Runs[i].Gone.IsZero() {
			i++
			continue
		}
		h.Runs = slices.Delete(h.Runs, i, i+1)
	}
}

// of reports whether f is the finding that r is a run of. What failed and what
// could not be seen are two things, though code and subject be the same.
func (r Run) of(f finding.Finding) bool {
	return r.Code == string(f.Code) && r.Subject == f.Subject && r.Unknown == f.Unknown &&
		(f.Unknown || f.Severity == finding.Fail)
}

func stands(e Evidence, r Run) bool { return slices.ContainsFunc(e.Findings, r.of) }

// blind reports whether the look could not see what r, a failure, is about: then
// it neither stands nor is it gone.
func blind(e Evidence, r Run) bool {
	if r.Unknown {
		return false
	}
	host, address := splitSubject(r.Subject)
	return slices.ContainsFunc(e.Findings, func(f finding.Finding) bool {
		if !f.Unknown {
			return false
		}
		if f.Subject == e.Domain {
			return true
		}
		otherHost, otherAddress := splitSubject(f.Subject)
		return otherHost == host && (otherAddress == "" || address == "" || otherAddress == address)
	})
}

// splitSubject takes "mx2.corp.test [192.0.2.12]" apart; address is empty for a
// subject without one.
func splitSubject(subject string) (host, address string) {
	host, rest, ok := strings.Cut(subject, " [")
	if !ok {
		return subject, ""
	}
	return host, strings.TrimSuffix(rest, "]")
}

// see notes the MX set. An empty set counts only where the authoritative servers
// agree on it: a zone that could not be asked has not lost its MX hosts.
func (h *History) see(e Evidence) {
	hosts := e.MXNames()
	if len(hosts) == 0 {
		asked, ok := e.Name(e.Domain, "MX")
		if !ok || e.Cut != "" {
			return
		}
		if _, agreed := Agreed(asked.Sightings); !agreed {
			return
		}
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if n := len(h.MX); n > 0 && slices.Equal(h.MX[n-1].Hosts, hosts) {
		h.MX[n-1].Until = later(h.MX[n-1].Until, e.At)
		return
	}
	from := e.At
	if n := len(h.MX); n > 0 {
		from = later(h.MX[n-1].Until, e.At)
	}
	h.MX = append(h.MX, MXSet{Hosts: hosts, From: from, Until: from})
	if over := len(h.MX) - mostMXSets; over > 0 {
		h.MX = slices.Delete(h.MX, 0, over)
	}
}

// meet notes the certificates that the addresses showed.
func (h *History) meet(e Evidence) {
	for _, met := range certificates(e) {
		h.leaf(Leaf{Host: met.host, IP: met.ip, Refused: e.refuses(met)}, met.Certificate, e.At)
	}
}

// refuses reports whether the look found the address that showed the leaf failing, or
// could not tell: what stands between belay and the host may have shown it.
func (e Evidence) refuses(met metLeaf) bool {
	at := fmt.Sprintf("%s [%s]", met.host, met.ip)
	return slices.ContainsFunc(e.Findings, func(f finding.Finding) bool {
		return (f.Subject == at || f.Subject == met.host) && (f.Unknown || f.Severity == finding.Fail)
	})
}

func (h *History) leaf(met Leaf, c Certificate, at time.Time) {
	var here []int
	for i, l := range h.Leaves {
		if l.Host != met.Host || l.IP != met.IP {
			continue
		}
		if l.Fingerprint == c.Fingerprint {
			h.Leaves[i].Last = later(l.Last, at)
			h.Leaves[i].Refused = l.Refused && met.Refused
			return
		}
		here = append(here, i)
	}
	met.Fingerprint, met.NotBefore, met.NotAfter, met.First, met.Last = c.Fingerprint, c.NotBefore, c.NotAfter, at, at
	if len(here) >= mostLeaves {
		// The oldest leaf tells least: a renewal is one newer than all others.
		oldest := slices.MinFunc(here, func(i, j int) int { return h.Leaves[i].NotBefore.Compare(h.Leaves[j].NotBefore) })
		h.Leaves = slices.Delete(h.Leaves, oldest, oldest+1)
	}
	if len(here) == 0 && len(h.Leaves) >= mostAddresses*mostLeaves {
		stalest := slices.MinFunc(h.Leaves, func(a, b Leaf) int { return a.Last.Compare(b.Last) })
		h.Leaves = slices.DeleteFunc(h.Leaves, func(l Leaf) bool { return l.Host == stalest.Host && l.IP == stalest.IP })
	}
	h.Leaves = append(h.Leaves, met)
}

// day notes that a whole look was made on this UTC day.
func (h *History) day(at time.Time) {
	day := dayOf(at)
	i, found := slices.BinarySearchFunc(h.Days, day, time.Time.Compare)
	if found {
		return
	}
	h.Days = slices.Insert(h.Days, i, day)
	if over := len(h.Days) - mostDays; over > 0 {
		h.Days = slices.Delete(h.Days, 0, over)
	}
}

// dayOf is the 00:00Z at which at's UTC day begins.
func dayOf(at time.Time) time.Time { return at.UTC().Truncate(Day) }
