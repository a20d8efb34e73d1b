package tui

import "belay/rollout"

// grouped is rollout.Grouped of reasons among which blocking failures may be many
// hundreds, where holding each reason against each other would keep every frame
// waiting. No two of those say the same, so that a run of them stands aside, behind its
// first, while the others are grouped.
func grouped(reasons []rollout.Reason) []rollout.Reason {
	var few []rollout.Reason
	runs := map[string][]rollout.Reason{} // by the subject of the first
	first := ""
	for i, r := range reasons {
		blocks := r.Code == rollout.ReasonBlocking
		if blocks && i > 0 && reasons[i-1].Code == rollout.ReasonBlocking {
			runs[first] = append(runs[first], r)
			continue
		}
		if blocks {
			first = r.Subject
		}
		few = append(few, r)
	}
	var out []rollout.Reason
	for _, r := range rollout.Grouped(few) {
		out = append(out, r)
		if r.Code == rollout.ReasonBlocking {
			out = append(out, runs[r.Subject]...)
		}
	}
	return out
}
