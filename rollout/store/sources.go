package store

import (
	"slices"
	"strings"

	"belay/rollout"
)

// mostSources bounds in how many sources one report is said to be found.
const mostSources = 8

// join says that a kept report was found in other sources too.
type join struct {
	kept   row
	source string // all of them, as in rollout.ReportDay
}

// foundAgain notes that r is old once more. Where the sources of r are not all among
// those of old they join them; where that makes too many, r stands beside.
func (v *verdict) foundAgain(old, r row) {
	source, ok := joined(old.source, r.source)
	switch {
	case !ok:
	case source == old.source:
		v.duplicate, v.join = true, nil
	case !v.duplicate:
		v.duplicate, v.join = true, &join{old, source}
	}
}

// joined are the sources of a and b, each once, in order; ok is false where they are
// too many.
func joined(a, b string) (source string, ok bool) {
	all := append(strings.Split(a, rollout.SourceSeparator), strings.Split(b, rollout.SourceSeparator)...)
	slices.Sort(all)
	all = slices.Compact(all)
	return strings.Join(all, rollout.SourceSeparator), len(all) <= mostSources
}

// join counts a kept report anew under all its sources.
func (s *Store) join(b *batch, j join) error {
	days, err := s.unpackDays(j.kept)
	if err != nil {
		return err
	}
	if err := b.count(j.kept, days, -1); err != nil {
		return err
	}
	if _, err := b.exec("UPDATE reports SET source = ? WHERE id = ?", j.source, j.kept.id); err != nil {
		return err
	}
	j.kept.source = j.source
	return b.count(j.kept, days, +1)
}
