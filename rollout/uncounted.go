package rollout

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Uncounted is where reports come from that count for nothing, until an operator
// trusts it: what Trust is to be given.
type Uncounted struct {
	// Source is the organisational domain of a signer nobody knows, or where reports
	// that nothing proves were found: an inbox, a path, or the address that they were
	// posted to.
	Source string `json:"source"`
	// Signed says that it is a signer.
	Signed   bool  `json:"signed"`
	Reports  int   `json:"reports"`
	Sessions int64 `json:"sessions"`
}

// uncounted are the sources of the sts reports of the days after since that count for
// nothing, those of most sessions first. What was found in several places stands under
// each; what waits for its key is verified again by itself.
func (r Rollout) uncounted(believer believer, since time.Time) []Uncounted {
	type place struct {
		source string
		signed bool
	}
	at := map[place]int{}
	out := []Uncounted{}
	add := func(p place, d *ReportDay) {
		if p.source == "" {
			return
		}
		i, ok := at[p]
		if !ok {
			i = len(out)
			at[p], out = i, append(out, Uncounted{Source: p.source, Signed: p.signed})
		}
		out[i].Reports += d.Reports
		out[i].Sessions = plus(out[i].Sessions, d.Sessions())
	}
	for i := range r.Reports {
		d := &r.Reports[i]
		if !d.Ends.After(since) || !d.sts() || d.Standing == Pending {
			continue
		}
		b := believer.of(i)
		switch {
		case b.counted:
		case d.Standing.Proven():
			add(place{b.reporter, true}, d)
		default:
			for source := range strings.SplitSeq(d.Source, SourceSeparator) {
				add(place{source, false}, d)
			}
		}
	}
	slices.SortFunc(out, func(a, b Uncounted) int {
		return cmp.Or(cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(a.Source, b.Source))
	})
	return out
}
