package main

import (
	"context"

	"belay/rollout"
)

// meddled is a writer before whose every id somebody else writes in its place.
type meddled struct {
	rollout.Writer
	e     *edge
	value string
}

func (m meddled) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	if e.Announces() {
		m.e.put(e.Name, m.value)
	}
	return m.Writer.Apply(ctx, e)
}
