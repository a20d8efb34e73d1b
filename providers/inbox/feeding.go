package inbox

import (
	"context"
	"errors"
	"sync/atomic"
)

// feeding hands out the items of an import: those of the paths, then those of each
// source.
type feeding struct {
	local   local
	sources []Source

	asked atomic.Int32 // sources of which Mails was called
	over  atomic.Bool
	// failures are written by the goroutine that runs items, and read after it.
	failures []failure
}

type failure struct {
	source string
	err    error
}

// items is the feeder. A source that fails ends nothing but itself.
func (f *feeding) items(ctx context.Context, hand func(item) error) error {
	if err := f.local.items(ctx, hand); err != nil {
		return err
	}
	for _, source := range f.sources {
		f.asked.Add(1)
		var refused error // hand's
		err := source.Mails(ctx, func(m Mail) error {
			it := item{
				path: m.Path, source: source.String(), delivered: !m.Bare,
				raw: m.Raw, err: m.Err, from: source, mark: m.Mark,
			}
			if it.err == nil && it.raw == nil {
				it.err = errors.New("empty")
			}
			refused = hand(it)
			return refused
		})
		switch {
		case refused != nil:
			return refused
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			f.failures = append(f.failures, failure{source.String(), err})
		}
	}
	f.over.Store(true)
	return nil
}

// total is how many items there are, as far as is known by now.
func (f *feeding) total() int {
	n := int(f.local.known.Load())
	for _, source := range f.sources {
		n += source.Total()
	}
	return n
}

// open reports whether total may grow because something was not asked yet.
func (f *feeding) open() bool {
	return !f.over.Load() && (!f.local.listed.Load() || int(f.asked.Load()) < len(f.sources))
}

// failed are the errors of the sources that failed.
func (f *feeding) failed() error {
	var out []error
	for _, f := range f.failures {
		out = append(out, &SourceError{f.source, f.err})
	}
	return errors.Join(out...)
}
