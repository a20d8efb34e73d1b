package store

import (
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// Bounds of the sums of one ending. What strangers make up beyond them is folded, that
// is added up more coarsely, each source for itself: nobody who writes to one inbox
// changes what is told of another, and what was found in a trusted one counts on.
// Proven signers are always kept apart.
const (
	mostUnproven = 2000 // sums of one source that nobody's signature vouches for
	mostKinds    = 1000 // failures of one sum that are kept apart
)

// Names of what was folded. Neither is ever a submitter's, which is a domain, or an
// address, so that nobody else's sums stand under them.
const (
	foldedSubmitter = "(others)"
	foldedIP        = "several"
)

// folded is where the sum stands that those like k are added to beyond the bound:
// failures under sts stay such, and are their source's.
func (k sumKey) folded(ends int64) sumKey {
	policy := strings.ToLower(k.policyType)
	if !slices.Contains([]tlsrpt.PolicyType{tlsrpt.STS, tlsrpt.TLSA, tlsrpt.NoPolicyFound}, tlsrpt.PolicyType(policy)) {
		policy = "other"
	}
	return sumKey{begins: ends - int64(rollout.Day.Seconds()), standing: k.standing, submitter: foldedSubmitter, source: k.source, policyType: policy}
}

// foldedBefore is where earlier versions added it.
func (k sumKey) foldedBefore() sumKey {
	return sumKey{begins: k.begins, standing: k.standing, signer: k.signer, policyType: "other"}
}

// place is where the sum stands that d is added to.
//
// A sum of its own is begun only where nothing like it is folded. So the reports of
// one key are all in their own sum or all in the folded one, whatever comes and goes,
// and find takes each back from where it was added.
func (s *sums) place(d rollout.ReportDay) int {
	key := keyOf(d)
	if i, ok := s.at[key]; ok {
		return i
	}
	if !d.Standing.Proven() {
		folded := key.folded(d.Ends.Unix())
		if i, ok := s.at[folded]; ok {
			return i
		}
		if s.unproven[key.source] >= mostUnproven {
			key = folded
		}
		s.unproven[key.source]++
	}
	i := len(s.days)
	s.at[key] = i
	s.days = append(s.days, rollout.ReportDay{Begins: fromUnix(key.begins), Ends: d.Ends, Standing: key.standing, Signer: key.signer,
		Submitter: key.submitter, Source: key.source, PolicyType: key.policyType, PolicyText: key.policyText})
	return i
}

// find is where place put d.
func (s *sums) find(d rollout.ReportDay) (i int, ok bool) {
	key := keyOf(d)
	if i, ok = s.at[key]; ok || d.Standing.Proven() {
		return i, ok
	}
	if i, ok = s.at[key.folded(d.Ends.Unix())]; ok {
		return i, ok
	}
	i, ok = s.at[key.foldedBefore()]
	return i, ok
}

// folded is where a failure like k is added beyond the bound, and foldedMore where one
// of a made-up type is beyond a second bound.
func (k failureKey) folded() failureKey {
	return failureKey{day: k.day, kind: k.kind, ip: foldedIP}
}

func (k failureKey) foldedMore() failureKey {
	return failureKey{day: k.day, kind: tlsrpt.FoldedType, ip: foldedIP}
}

// placeFailure is the place of f in the failures of the sum at i, by the rule of
// place.
func (s *sums) placeFailure(i int, f rollout.FailureCount) int {
	key := failureKey{i, f.Type, f.MX, f.IP, f.Reason}
	if n, ok := s.failures[key]; ok {
		return n
	}
	if n, ok := s.findFolded(key); ok {
		return n
	}
	sum := &s.days[i]
	n := len(sum.Failures)
	switch {
	case n >= mostKinds+mostTypes && !f.Type.Known():
		key = key.foldedMore()
	case n >= mostKinds:
		key = key.folded()
	}
	s.failures[key] = n
	sum.Failures = append(sum.Failures, rollout.FailureCount{Type: key.kind, MX: key.mx, IP: key.ip, Reason: key.because})
	return n
}

// findFailure is where placeFailure put f.
func (s *sums) findFailure(i int, f rollout.FailureCount) (n int, ok bool) {
	key := failureKey{i, f.Type, f.MX, f.IP, f.Reason}
	if n, ok = s.failures[key]; ok {
		return n, ok
	}
	if n, ok = s.findFolded(key); ok {
		return n, ok
	}
	// Earlier versions folded to a failure that names nothing.
	if n, ok = s.failures[failureKey{day: i, kind: f.Type}]; !ok && !f.Type.Known() {
		n, ok = s.failures[failureKey{day: i, kind: tlsrpt.FoldedType}]
	}
	return n, ok
}

// findFolded is the folded failure that those like key are added to, where there is
// one.
func (s *sums) findFolded(key failureKey) (n int, ok bool) {
	if n, ok = s.failures[key.folded()]; !ok && !key.kind.Known() {
		n, ok = s.failures[key.foldedMore()]
	}
	return n, ok
}
