package rollout

import (
	"slices"

	"belay/rollout/finding"
)

// noting is p with what is to be known of how the places of its edits were read:
// an operator who accepts a "before" is told when its provider could not show it.
func (p Plan) noting(seen Evidence) Plan {
	for _, e := range p.Edits {
		held, ok := seen.HeldAt(e.Name, e.Type)
		if note := finding.Clean(held.Note, 500); ok && note != "" && !slices.Contains(p.Notes, note) {
			p.Notes = append(slices.Clone(p.Notes), note)
		}
	}
	return p
}
