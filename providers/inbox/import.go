package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

// Bounds of a batch, which is one durable commit, and of what is under way.
const (
	batchReports = 200
	batchBytes   = 8 << 20 // of raw mail and what was parsed from it
	storeTimeout = 30 * time.Second
)

// Importer takes reports in. Store, Owner and Clock must be set.
type Importer struct {
	Store rollout.Reports
	// Owner says which reports are ours; see Owners.
	Owner Owner
	// LookupTXT finds DKIM keys; without it every signed report is pending.
	LookupTXT LookupTXT
	Clock     world.Clock
	// Workers is how many files are read at once; 0 means 2.
	Workers int
	// Pause is called before each file and may take its time, so that others have
	// the processor; nil never waits.
	Pause func()
}

// Progress is how far an import is.
type Progress struct {
	Done, Total int // files
	New         int // reports new to the store
}

// Import reads the files, folders and Maildirs at paths, in order, and stores
// what is about our domains. Nothing that is wrong with a file, mail or report
// ends it: that is a line in Skipped. Progress, which may be nil, is called from
// this goroutine after each batch and at the end. When ctx ends, what was read by
// then is stored, and Import returns what it did with the context's error; the
// store failing ends it too.
//
// In the Intake, Reports counts the reports read, one for each of our domains
// that a report is about; New, Duplicates and Foreign add up to it. Verified,
// Unverified and Pending count those of New and Duplicates, Success and Failure
// the sessions of New alone. Unreadable counts the lines of Skipped.
func (im *Importer) Import(ctx context.Context, paths []string, progress func(Progress)) (rollout.Intake, error) {
	items, skipped, err := list(ctx, paths)
	run := intake{im: im, ctx: ctx, progress: progress, total: len(items)}
	run.sum.Skipped = append([]rollout.Skipped{}, skipped...)
	if err == nil {
		err = run.all(items)
	}
	if flushErr := run.flush(); flushErr != nil && !errors.Is(err, flushErr) {
		err = errors.Join(err, flushErr)
	}
	run.sum.Unreadable = len(run.sum.Skipped)
	return run.sum, err
}

// intake is one import under way. Only its own goroutine touches it.
type intake struct {
	im       *Importer
	ctx      context.Context
	progress func(Progress)

	sum         rollout.Intake
	done, total int
	batch       []rollout.ReceivedReport
	bytes       int
	failed      error // the store's; nothing is added after it
}

func (in *intake) all(items []item) error {
	r := reader{
		judge: judge{keys: newKeys(in.im.LookupTXT), clock: in.im.Clock},
		owner: in.im.Owner, now: in.im.Clock.Now(), pause: in.im.Pause,
	}
	feed := func(_ context.Context, hand func(item) error) error {
		for _, it := range items {
			if err := hand(it); err != nil {
				return err
			}
		}
		return nil
	}
	err := r.each(in.ctx, feed, in.im.Workers, in.take)
	if in.failed != nil {
		return in.failed
	}
	if err != nil {
		return fmt.Errorf("import reports: stopped after %d of %d files: %w", in.done, in.total, err)
	}
	return nil
}

// take adds what one file gave. It returns an error when the import is to end.
func (in *intake) take(_ item, g gleaned) error {
	in.done++
	in.sum.Files++
	in.sum.Mails += g.mails
	in.sum.Reports += g.foreign + len(g.reports)
	in.sum.Foreign += g.foreign
	in.sum.Skipped = append(in.sum.Skipped, g.skipped...)
	in.batch = append(in.batch, g.reports...)
	in.bytes += g.size
	if len(in.batch) < batchReports && in.bytes < batchBytes {
		return nil
	}
	return in.flush()
}

// flush stores the batch, also when ctx has ended: what was read is kept.
func (in *intake) flush() error {
	if in.failed != nil {
		return in.failed
	}
	if len(in.batch) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(in.ctx), storeTimeout)
		defer cancel()
		taken, err := in.im.Store.AddReports(ctx, in.batch)
		if err == nil && len(taken) != len(in.batch) {
			err = fmt.Errorf("the store answered for %d of %d", len(taken), len(in.batch))
		}
		if err != nil {
			in.failed = fmt.Errorf("store %d reports: %w", len(in.batch), err)
			return in.failed
		}
		for i, t := range taken {
			in.count(in.batch[i], t)
		}
		clear(in.batch)
		in.batch, in.bytes = in.batch[:0], 0
	}
	if in.progress != nil {
		in.progress(Progress{Done: in.done, Total: in.total, New: in.sum.New})
	}
	return nil
}

func (in *intake) count(r rollout.ReceivedReport, t rollout.Taken) {
	switch r.Standing {
	case rollout.Verified:
		in.sum.Verified++
	case rollout.Pending:
		in.sum.Pending++
	default:
		in.sum.Unverified++
	}
	if t != rollout.TakenNew {
		in.sum.Duplicates++
		return
	}
	in.sum.New++
	success, failure := sessions(r.Report)
	in.sum.Success = add(in.sum.Success, success)
	in.sum.Failure = add(in.sum.Failure, failure)
}
