package rollout

import (
	"iter"

	"belay/rollout/mtasts"
)

// ReportLine is the sums of one day with what a rollout makes of them: for export.
type ReportLine struct {
	ReportDay
	// Reporter is who vouches for the sums, cleaned; Known and Counted as in Coverage.
	Reporter string
	Known    bool
	Counted  bool
	// PolicyID and Mode are those of the ledger's entry that the policy text equals and
	// that was served in the period; empty where there is none.
	PolicyID string
	Mode     mtasts.Mode
	// Effects are what enforce makes of each of Failures, and of the unexplained ones
	// behind them; none for sums of another policy type than sts.
	Effects []Effect
}

// Lines are the report sums of r in the order of their periods.
func (r Rollout) Lines() iter.Seq[ReportLine] {
	versions, believer := r.newVersions(), r.newBeliever()
	return func(yield func(ReportLine) bool) {
		for i := range r.Reports {
			d := &r.Reports[i]
			b := believer.of(i)
			line := ReportLine{ReportDay: *d, Reporter: b.reporter, Known: b.known, Counted: b.counted}
			if entry := versions.at(d.PolicyText, d.Ends); entry >= 0 {
				e := versions.ledger[entry]
				line.Mode, line.PolicyID = e.Mode, e.idAt(d.Ends)
			}
			if d.sts() {
				for _, f := range d.Failures {
					line.Effects = append(line.Effects, versions.meeting(d, b, f).effect)
				}
				if d.Unexplained > 0 {
					line.Effects = append(line.Effects, versions.meeting(d, b, FailureCount{Type: Unexplained}).effect)
				}
			}
			if !yield(line) {
				return
			}
		}
	}
}
