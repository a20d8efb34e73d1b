package inbox

import (
	"belay/rollout"
	"belay/rollout/finding"
)

// count adds a report and what the store made of it.
func (in *intake) count(r rollout.ReceivedReport, t rollout.Taken) {
	of := in.of(r.Source)
	if t == rollout.TakenDropped {
		in.sum.Dropped++
		of.Dropped++
		return
	}
	switch {
	case r.Standing.Proven():
		in.sum.Verified++
	case r.Standing == rollout.Pending:
		in.sum.Pending++
	default:
		in.sum.Unverified++
		if t == rollout.TakenNew { // a duplicate may stand there proven
			in.untrusted(r)
		}
	}
	if t == rollout.TakenDiffers {
		in.differing(r)
	}
	if t != rollout.TakenNew {
		in.sum.Duplicates++
		of.Duplicates++
		return
	}
	in.sum.New++
	of.New++
	success, failure := sessions(r.Report)
	in.sum.Success = add(in.sum.Success, success)
	in.sum.Failure = add(in.sum.Failure, failure)
}

// untrusted counts what nothing proves, where its source is not trusted.
func (in *intake) untrusted(r rollout.ReceivedReport) {
	if len(r.Report.Policies) == 0 {
		return
	}
	domain := r.Report.Policies[0].Domain // that of all of a share
	if in.im.Trusts != nil && in.im.Trusts(domain, r.Source) {
		return
	}
	for i := range in.sum.Untrusted {
		if of := &in.sum.Untrusted[i]; of.Domain == domain && of.Source == r.Source {
			of.Reports++
			return
		}
	}
	in.sum.Untrusted = append(in.sum.Untrusted, rollout.UntrustedIntake{Domain: domain, Source: r.Source, Reports: 1})
}

// differing names a verified report that is not what its signer said before.
func (in *intake) differing(r rollout.ReceivedReport) {
	if in.sum.Differing++; in.sum.Differing > rollout.MostDiffering || len(r.Report.Policies) == 0 {
		return
	}
	in.sum.DifferingReports = append(in.sum.DifferingReports, rollout.DifferingReport{
		Domain: r.Report.Policies[0].Domain, Reporter: r.Signer, ReportID: finding.Clean(r.Report.ReportID, 255), Ends: r.Report.End, Path: shown(r.Path),
	})
}
