package store

import (
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// Bounds of the sums of one ending, of what each writer has in them: a signer whose
// signature verified, or a source in which the reports of all others were found. What
// a writer makes up beyond its bounds is folded, that is added up more coarsely, under
// that writer: nobody's reports change what is told of another's, what was found in a
// trusted source counts on, and no failure is lost. Honest senders stay far below.
const mostKinds = 1000 // failures of one sum that are kept apart

// A writer is who makes up sums: a signer, or a source of what nobody's signature
// vouches for.
type writer struct {
	proven bool
	name   string
}

func writerOf(d rollout.ReportDay) writer {
	if d.Standing.Proven() {
		return writer{true, d.Signer}
	}
	return writer{false, d.Source}
}

// apart is how much one writer has kept apart in the sums of one ending, or may have.
type apart struct {
	sums     int
	failures int
	bytes    int // of names and policy texts
}

// most is how much of w is kept apart. A source is many submitters; a signer has a few
// versions of the policy and what fails at a few hosts.
func (w writer) most() apart {
	if w.proven {
		return apart{sums: 100, failures: 2000, bytes: 256 << 10}
	}
	return apart{sums: 2000, failures: 20000, bytes: 4 << 20}
}

// apartOf is what the writer of d has so far.
func (s *sums) apartOf(d rollout.ReportDay) *apart {
	w := writerOf(d)
	if s.apart[w] == nil {
		s.apart[w] = new(apart)
	}
	return s.apart[w]
}

func (a *apart) addSum(k sumKey) {
	a.sums++
	a.bytes += len(k.submitter) + len(k.policyType) + len(k.policyText)
}

func (a *apart) addFailure(k failureKey) {
	a.failures++
	a.bytes += len(k.kind) + len(k.mx) + len(k.ip) + len(k.because)
}

// folded is where the sum stands that those like k are added to beyond the bound:
// failures under sts stay such, and are their writer's.
func (k sumKey) folded(ends int64) sumKey {
	policy := strings.ToLower(k.policyType)
	if !slices.Contains([]tlsrpt.PolicyType{tlsrpt.STS, tlsrpt.TLSA, tlsrpt.NoPolicyFound}, tlsrpt.PolicyType(policy)) {
		policy = "other"
	}
	return sumKey{begins: ends - int64(rollout.Day.Seconds()), standing: k.standing, signer: k.signer,
		submitter: rollout.FoldedSubmitter, source: k.source, policyType: policy}
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
	folded := key.folded(d.Ends.Unix())
	if i, ok := s.at[folded]; ok {
		return i
	}
	has, most := s.apartOf(d), writerOf(d).most()
	if has.sums >= most.sums || has.bytes >= most.bytes {
		key = folded
	}
	has.addSum(key)
	i := len(s.days)
	s.at[key] = i
	s.days = append(s.days, rollout.ReportDay{Begins: fromUnix(key.begins), Ends: d.Ends, Standing: key.standing, Signer: key.signer,
		Submitter: key.submitter, Source: key.source, PolicyType: key.policyType, PolicyText: key.policyText})
	return i
}

// find is where place put d.
func (s *sums) find(d rollout.ReportDay) (i int, ok bool) {
	key := keyOf(d)
	if i, ok = s.at[key]; ok {
		return i, ok
	}
	if i, ok = s.at[key.folded(d.Ends.Unix())]; ok || d.Standing.Proven() {
		return i, ok
	}
	i, ok = s.at[key.foldedBefore()]
	return i, ok
}

// folded is where a failure like k is added beyond the bound, and foldedMore where one
// of a made-up type is beyond a second bound.
func (k failureKey) folded() failureKey {
	return failureKey{day: k.day, kind: k.kind, ip: rollout.FoldedIP}
}

func (k failureKey) foldedMore() failureKey {
	return failureKey{day: k.day, kind: tlsrpt.FoldedType, ip: rollout.FoldedIP}
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
	has, most := s.apartOf(*sum), writerOf(*sum).most()
	full := has.failures >= most.failures || has.bytes >= most.bytes
	switch {
	case !f.Type.Known() && (full || n >= mostKinds+mostTypes):
		key = key.foldedMore()
	case full || n >= mostKinds:
		key = key.folded()
	}
	has.addFailure(key)
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
