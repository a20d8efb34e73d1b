package rollout

import (
	"maps"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// belief says how far the sums of a day are believed, and whose they are.
type belief struct {
	// reporter is the organisational domain that vouches for them.
	reporter string
	// counted sums move the gates.
	counted bool
	// known reporters are those that gate 4 counts.
	known bool
	// stranger marks verified sums of a signer nobody knows.
	stranger bool
}

// believe judges the sums of one day. A verified report is its signer's, and
// counts where the signer is a known sender or was marked known. Any other counts
// only where the inbox or path it was found in was declared trusted; then it is
// its submitter's. What was posted counts in this way too, but anybody can post in any
// name: its submitter is no known reporter for that. That anybody can write to the
// report address changes nothing about the rest.
func (r Rollout) believe(d ReportDay) belief {
	b := belief{reporter: orgName(d.Signer)}
	if d.Standing.Proven() {
		b.known = r.Knows(b.reporter)
		b.counted, b.stranger = b.known, !b.known
		return b
	}
	b.reporter = orgName(d.Submitter)
	var inbox bool
	b.counted, inbox = r.trustedSource(d.Source)
	b.known = inbox && r.Knows(b.reporter)
	return b
}

// A believer judges the sums of many days. Who vouches for a day is judged once:
// a hundred days of hundreds of reporters are no more than these hundreds. It is for
// one goroutine.
type believer struct {
	r      *Rollout
	judged map[voucher]*belief
	days   []*belief // of r.Reports, nil where nobody asked yet
}

// voucher is all that a belief rests on.
type voucher struct {
	standing                  Standing
	signer, submitter, source string
}

func (r *Rollout) newBeliever() believer {
	return believer{r, map[voucher]*belief{}, make([]*belief, len(r.Reports))}
}

// of judges the i-th of the rollout's report sums.
func (b believer) of(i int) belief {
	if b.days[i] == nil {
		d := &b.r.Reports[i]
		who := voucher{d.Standing, d.Signer, d.Submitter, d.Source}
		found, ok := b.judged[who]
		if !ok {
			judged := b.r.believe(*d)
			found = &judged
			b.judged[who] = found
		}
		b.days[i] = found
	}
	return *b.days[i]
}

// orgName is a reporter's name as it is compared and shown.
func orgName(domain string) string { return strings.ToLower(finding.Clean(domain, 255)) }

func (r Rollout) trustsSigner(org string) bool {
	return org != "" && slices.ContainsFunc(r.Trusts, func(t Trust) bool { return strings.EqualFold(t.Source, org) })
}

// TrustsSource reports whether what nothing proves counts when it comes from source.
func (r Rollout) TrustsSource(source string) bool {
	trusted, _ := r.trustedSource(source)
	return trusted
}

// trustedSource reports whether one of the sources of report sums is trusted, or lies
// below what is, and whether one that is so is an inbox or path.
func (r Rollout) trustedSource(sources string) (trusted, inbox bool) {
	for source := range strings.SplitSeq(sources, SourceSeparator) {
		if source != "" && slices.ContainsFunc(r.Trusts, func(t Trust) bool { return t.covers(source) }) {
			trusted, inbox = true, inbox || !postedAt(source)
		}
	}
	return trusted, inbox
}

// postedAt reports whether source is where reports are posted (RFC 8460 section 5.4).
func postedAt(source string) bool { return strings.HasPrefix(source, "https://") }

func (t Trust) covers(source string) bool {
	trusted := strings.TrimRight(t.Source, `/\`)
	rest, below := strings.CutPrefix(source, trusted)
	return trusted != "" && below && (rest == "" || rest[0] == '/' || rest[0] == '\\')
}

// sts reports whether d is about MTA-STS. Sums of other policy types are over the
// same sessions, or over sessions that no policy was for, and never added.
func (d *ReportDay) sts() bool { return strings.EqualFold(d.PolicyType, string(tlsrpt.STS)) }

// Sessions is the successful and failed sessions of d together.
func (d ReportDay) Sessions() int64 { return plus(d.Success, d.Failure) }

// ReportersSince names, sorted, the known reporters with at least one session
// under sts in a period that reaches beyond c. A report says nothing finer than
// its period, so one about the very day of c counts: a sender that reports is
// what is asked for here, and the clean time asks for the rest.
func (r Rollout) ReportersSince(c time.Time) []string { return r.reportersSince(r.newBeliever(), c) }

func (r Rollout) reportersSince(believer believer, c time.Time) []string {
	found := map[string]bool{}
	for i := range r.Reports {
		d := &r.Reports[i]
		if !d.Ends.After(c) || d.Sessions() == 0 || !d.sts() {
			continue
		}
		if b := believer.of(i); b.known {
			found[b.reporter] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// plus adds two counts and stops at the largest there is.
func plus(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<63 - 1
}
