package dns

import (
	"context"
	"errors"
	"fmt"
)

// A publisher is a Source whose provider keeps changes back until it is told to
// publish them: what can be read there is then not yet what its name servers
// answer. Replace publishes what it wrote; where that fails its error is
// errUnpublished.
type publisher interface {
	// Publish makes the name servers of z answer what the provider holds. To
	// publish what is published already changes nothing.
	Publish(ctx context.Context, z Zone) error
}

// errUnpublished says that a change is saved at the provider and not published.
var errUnpublished = errors.New("the change is saved, and not published")

// published makes sure that what was found at the provider is what its name
// servers answer: whoever wrote it may have ended before it was published.
func (a *remote) published(ctx context.Context, z Zone) error {
	p, ok := a.source.(publisher)
	if !ok {
		return nil
	}
	_, err := guarded(ctx, a.seat, a.o.Patience, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.Publish(ctx, z)
	})
	if err != nil {
		return fmt.Errorf("it stands as wanted, but may not be published: %w", err)
	}
	return nil
}
