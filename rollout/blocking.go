package rollout

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// Unexplained is the type of failures that a report counts and gives no detail
// of.
const Unexplained tlsrpt.ResultType = "unexplained"

// DismissedFor is how long a dismissal covers later reports of its key.
const DismissedFor = 30 * Day

// BlockingFailure is what one reporter met at one MX host in one period that
// under enforce would have refused mail.
type BlockingFailure struct {
	// Key is reporter/type/mx, as an operator names it to dismiss it; a failure
	// that names no MX host has "-" there.
	Key      string            `json:"key"`
	Reporter string            `json:"reporter"`
	Type     tlsrpt.ResultType `json:"type"`
	MX       string            `json:"mx,omitempty"`
	// Uncovered marks an MX host that no pattern of the live policy covers: one
	// that was forgotten, or somebody else's.
	Uncovered bool      `json:"uncovered,omitempty"`
	Sessions  int64     `json:"sessions"`
	Begins    time.Time `json:"begins"`
	Ends      time.Time `json:"ends"`
	// Folded says that some of it was added up from several periods or at several
	// hosts. It is no stray, and no mend is known to have come after it.
	Folded bool `json:"folded,omitempty"`
	// Said is the reporter's own reason, cleaned; empty where it gave none.
	Said string `json:"said,omitempty"`
}

// Code is the finding that explains the failure: V03 to V07.
func (b BlockingFailure) Code() finding.Code {
	switch {
	case b.Uncovered:
		return "V07"
	case b.Type == tlsrpt.STSPolicyFetchError:
		return "V04"
	case b.Type == tlsrpt.STSPolicyInvalid:
		return "V05"
	case b.Type == tlsrpt.STSWebPKIInvalid:
		return "V06"
	}
	return "V03"
}

// FailureKey is reporter/type/mx, "-" standing for no MX host.
func FailureKey(reporter string, t tlsrpt.ResultType, mx string) string {
	if mx == "" {
		mx = "-"
	}
	return strings.ToLower(finding.Clean(reporter, 255) + "/" + finding.Clean(string(t), 255) + "/" + finding.Clean(mx, 255))
}

// Blocking are the failures in counted reports that block, newest period first.
//
// Every failure under policy type sts blocks but those that are about DANE, which
// says nothing about MTA-STS; those under an earlier version of the policy whose
// cause the present one removed; what an operator dismissed; and strays. Failures
// that no detail explains block, and an MX host that the live policy does not
// cover blocks whatever failed there.
func (r Rollout) Blocking() []BlockingFailure { return r.blockingAfter(r.newBeliever(), time.Time{}) }

// blockingAfter is Blocking of the periods that end after since.
func (r Rollout) blockingAfter(believer believer, since time.Time) []BlockingFailure {
	return after(r.withoutStrays(believer, r.undismissed(r.failures(believer, r.adjoining(since), counts))), since)
}

// after drops the failures of periods that do not end after since.
func after(fs []BlockingFailure, since time.Time) []BlockingFailure {
	return slices.DeleteFunc(fs, func(f BlockingFailure) bool { return !f.Ends.After(since) })
}

// adjoining is the moment after which all periods end that a stray may adjoin whose
// period ends after since.
func (r Rollout) adjoining(since time.Time) time.Time {
	first := since
	for i := range r.Reports {
		d := &r.Reports[i]
		if d.Ends.After(since) && d.Begins.Before(first) && (len(d.Failures) > 0 || d.Unexplained > 0) {
			first = d.Begins
		}
	}
	return dayOf(first).Add(-time.Nanosecond)
}

// StrangersFailures are the failures that verified reports of signers nobody
// knows tell of, newest period first. They do not move the clean time, but close
// gate 4 until the signer is marked known or dismissed.
func (r Rollout) StrangersFailures() []BlockingFailure {
	return r.strangersAfter(r.newBeliever(), time.Time{})
}

// strangersAfter is StrangersFailures of the periods that end after since.
func (r Rollout) strangersAfter(believer believer, since time.Time) []BlockingFailure {
	return r.undismissed(r.failures(believer, since, isStranger))
}

// failures gathers what is no exemption of DANE or of an earlier version, from the
// reports about periods that end after since that are believed as wanted says.
func (r Rollout) failures(believer believer, since time.Time, wanted func(belief) bool) []BlockingFailure {
	type kind struct {
		reporter string
		typ      tlsrpt.ResultType
		mx       string
	}
	type place struct {
		kind
		begins, ends int64
	}
	keys := map[kind]string{}
	found := map[place]int{}
	var out []BlockingFailure
	r.meet(believer, since, wanted, func(m meeting) {
		if m.effect == EffectNone {
			return
		}
		f := m.failure
		of := kind{m.belief.reporter, f.Type, f.MX}
		at := place{of, m.day.Begins.Unix(), m.day.Ends.Unix()}
		i, ok := found[at]
		if !ok {
			if _, ok := keys[of]; !ok {
				keys[of] = FailureKey(of.reporter, of.typ, of.mx)
			}
			i = len(out)
			found[at] = i
			out = append(out, BlockingFailure{Key: keys[of], Reporter: of.reporter, Type: f.Type, MX: f.MX, Uncovered: m.uncovered, Begins: m.day.Begins, Ends: m.day.Ends})
		}
		out[i].Sessions = plus(out[i].Sessions, f.Count)
		out[i].Folded = out[i].Folded || f.Folded() || m.day.Folded()
		if out[i].Said == "" && f.Reason != "" {
			out[i].Said = finding.Clean(f.Reason, 200)
		}
	})
	return newestFirst(out)
}

// newestFirst sorts failures by their periods. They are put in order by their places,
// since each of them is large.
func newestFirst(fs []BlockingFailure) []BlockingFailure {
	places := make([]int, len(fs))
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(i, j int) int {
		a, b := &fs[i], &fs[j]
		return cmp.Or(b.Ends.Compare(a.Ends), b.Begins.Compare(a.Begins), cmp.Compare(a.Key, b.Key))
	})
	out := make([]BlockingFailure, len(fs))
	for i, place := range places {
		out[i] = fs[place]
	}
	return out
}

// undismissed drops what an operator dismissed.
func (r Rollout) undismissed(fs []BlockingFailure) []BlockingFailure {
	return slices.DeleteFunc(fs, func(f BlockingFailure) bool {
		_, ok := r.dismissal(f)
		return ok
	})
}

// dismissal is the newest one that covers f: by its key, by the reporter's name, or
// by the name of an MX host that is not the operator's.
func (r Rollout) dismissal(f BlockingFailure) (Dismissal, bool) {
	for _, d := range slices.Backward(r.Dismissals) {
		names := strings.EqualFold(d.Key, f.Key) ||
			f.MX == "" && strings.EqualFold(strings.TrimRight(d.Key, "/"), strings.TrimSuffix(f.Key, "/-")) ||
			strings.EqualFold(d.Key, f.Reporter) && r.isStranger(f.Reporter) ||
			f.Uncovered && strings.EqualFold(strings.TrimSuffix(d.Key, "."), f.MX)
		if names && f.Begins.Before(d.At.Add(DismissedFor)) {
			return d, true
		}
	}
	return Dismissal{}, false
}

// isStranger reports whether nobody knows the signer: only such a one is
// dismissed by its name alone.
func (r Rollout) isStranger(org string) bool { return !r.Knows(org) }

// Knows reports whether the organisational domain org is a known sender: on the list,
// or a signer that the operator trusts.
func (r Rollout) Knows(org string) bool { return r.Settings.Knows(org) || r.trustsSigner(org) }
