package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

// Bounds of a batch, which is one durable commit, and of what is under way.
const (
	batchReports = 1000
	batchBeside  = 100     // where a single worker leaves the processor to others
	batchBytes   = 8 << 20 // of raw mail and what was parsed from it
	batchItems   = 2000    // read without any report of ours
	storeTimeout = 30 * time.Second
	// tellEvery is how often progress is told where batches are slow to fill.
	tellEvery = 250 * time.Millisecond
)

// Importer takes reports in. Store, Owner and Clock must be set.
type Importer struct {
	Store rollout.Reports
	// Owner says which reports are ours; see Owners.
	Owner Owner
	// LookupTXT finds DKIM keys; without it every signed report is pending.
	LookupTXT LookupTXT
	// Knows says whether the organisational domain org is a known sender of any domain:
	// its keys are asked for however many of strangers were not to be had; nil knows
	// nobody.
	Knows func(org string) bool
	// AuthServ are, by policy domain, the ids under which its operator's own MX writes
	// Authentication-Results fields that are believed. Whoever names one vouches
	// that the MX lets no such field in from outside; see vouched.
	AuthServ map[string][]string
	// Trusts says whether an operator trusts what nothing proves about domain that
	// comes from source; nil trusts nothing. It only sorts what the Intake says.
	Trusts func(domain, source string) bool
	Clock  world.Clock
	// Workers is how many files are read at once; 0 means 2.
	Workers int
	// Pause is called before each file and may take its time, so that others have
	// the processor; nil never waits.
	Pause func()
	// Seen, where set, leaves out the files that were read before with the same Seen
	// and are as they were then.
	Seen *Seen
	// SeenFor stands for all of Owner and AuthServ, on which it depends what a file is
	// worth: what Seen saw for anything else is read again.
	SeenFor string
}

// Progress is how far an import is.
type Progress struct {
	// Done counts the files and mails that were read.
	Done int
	// Total is how many there are in all, as far as is known by now: Done at least.
	// It is final, or for an mbox an estimate, unless Open.
	Total int
	// Open says that a source that was not asked yet, or that cannot say, may add to
	// Total.
	Open bool
	New  int // reports new to the store
}

// Import is From for files, folders and Maildirs alone.
func (im *Importer) Import(ctx context.Context, paths []string, progress func(Progress)) (rollout.Intake, error) {
	return im.From(ctx, paths, nil, progress)
}

// From reads the files, folders, mboxes and Maildirs at paths, then the sources, in
// order, and stores what is about our domains. Nothing that is wrong with a file,
// mail or report ends it: that is a line in Skipped. Where a source fails the others
// are read all the same, and its error is returned in the end. Progress, which may
// be nil, is called from this goroutine now and then and at the end. When ctx ends,
// what was read by then is stored, and From returns what it did with the context's
// error; the store failing ends it too.
//
// A source is told what it may forget only once that is on disk.
//
// In the Intake, Reports counts the reports read, one for each of our domains
// that a report is about; New, Duplicates, Dropped and Foreign add up to it. Verified,
// Unverified and Pending count those of New and Duplicates, Success and Failure
// the sessions of New alone. Unreadable counts the lines of Skipped.
func (im *Importer) From(ctx context.Context, paths []string, sources []Source, progress func(Progress)) (rollout.Intake, error) {
	run := intake{im: im, ctx: ctx, progress: progress, told: world.Start(), kept: make(map[Source]Kept)}
	run.sum.Skipped = []rollout.Skipped{}
	run.feed.local.paths = paths
	run.feed.local.seen = im.Seen.begin(im.SeenFor)
	run.feed.sources = sources
	err := run.all()
	if flushErr := run.flush(); flushErr != nil && !errors.Is(err, flushErr) {
		err = errors.Join(err, flushErr)
	}
	run.sum.Unreadable = len(run.sum.Skipped)
	run.finish()
	if err == nil {
		for _, it := range run.unread {
			run.feed.local.seen.missed(it)
		}
		im.Seen.keep(run.feed.local.seen)
	}
	return run.sum, errors.Join(err, run.feed.failed())
}

// intake is one import under way. Only its own goroutine touches it, but for feed.
type intake struct {
	im       *Importer
	ctx      context.Context
	progress func(Progress)
	told     world.Stopwatch
	feed     feeding

	sum    rollout.Intake
	done   int
	batch  []rollout.ReceivedReport
	bytes  int
	items  int // read since the last commit
	kept   map[Source]Kept
	unread []item // files that could not be read
	// withheld are the paths at which files are that could not be read.
	withheld []failure
	failed   error // the store's; nothing is added after it
}

func (in *intake) all() error {
	r := reader{
		judge: in.im.judge(),
		owner: in.im.Owner, now: in.im.Clock.Now(), pause: in.im.Pause,
	}
	var gone []item
	err := r.each(in.ctx, in.feed.items, in.im.Workers, func(it item, g gleaned) error {
		if g.gone && it.delivered && it.from == nil {
			gone = append(gone, it)
			return nil
		}
		return in.take(it, g)
	})
	if err == nil && len(gone) > 0 {
		err = r.each(in.ctx, in.feed.local.moved(gone), in.im.Workers, in.take)
	}
	if in.failed != nil {
		return in.failed
	}
	if err != nil {
		return fmt.Errorf("import reports: stopped after %d of %d: %w", in.done, max(in.done, in.feed.total()), err)
	}
	return nil
}

// most is how many reports are stored in one commit.
func (im *Importer) most() int {
	if im.Workers == 1 {
		return batchBeside
	}
	return batchReports
}

// take adds what one item gave. It returns an error when the import is to end.
func (in *intake) take(it item, g gleaned) error {
	in.done++
	in.items++
	of := in.of(it.source)
	if it.file {
		in.sum.Files++
	}
	if g.unread && it.from == nil {
		in.unread = append(in.unread, it)
	}
	if g.withheld != nil && it.from == nil {
		in.withheld = note(in.withheld, it.source, g.withheld)
	}
	in.sum.Mails += g.mails
	of.Mails += g.mails
	in.sum.Reports += g.foreign + len(g.reports)
	of.Reports += g.foreign + len(g.reports)
	in.sum.Foreign += g.foreign
	of.Foreign += g.foreign
	for _, domain := range g.others {
		in.sum.ForeignDomains = foreignNames(in.sum.ForeignDomains, domain)
	}
	in.sum.Skipped = append(in.sum.Skipped, g.skipped...)
	of.Unreadable += len(g.skipped)
	in.batch = append(in.batch, g.reports...)
	in.bytes += g.size
	if it.from != nil {
		k := in.kept[it.from]
		k.UpTo = it.mark
		if len(g.reports) > 0 {
			k.Taken = append(k.Taken, it.mark)
		}
		in.kept[it.from] = k
	}
	if len(in.batch) < in.im.most() && in.bytes < batchBytes && in.items < batchItems {
		if in.told.Elapsed() > tellEvery {
			in.tell()
		}
		return nil
	}
	return in.flush()
}

// of is the part of the sum that came from one source.
func (in *intake) of(source string) *rollout.SourceIntake {
	for i := range in.sum.Sources {
		if in.sum.Sources[i].Source == source {
			return &in.sum.Sources[i]
		}
	}
	in.sum.Sources = append(in.sum.Sources, rollout.SourceIntake{Source: source})
	return &in.sum.Sources[len(in.sum.Sources)-1]
}

// flush stores the batch, also when ctx has ended: what was read is kept.
func (in *intake) flush() error {
	if in.failed != nil {
		return in.failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(in.ctx), storeTimeout)
	defer cancel()
	if len(in.batch) > 0 {
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
	in.items = 0
	for source, kept := range in.kept {
		if err := source.Keep(ctx, kept); err != nil {
			in.failed = fmt.Errorf("note how far %s was read: %w", source, err)
			return in.failed
		}
	}
	clear(in.kept)
	in.tell()
	return nil
}

func (in *intake) tell() {
	in.told = world.Start()
	if in.progress != nil {
		in.progress(Progress{Done: in.done, Total: max(in.done, in.feed.total()), Open: in.feed.open(), New: in.sum.New})
	}
}

// finish says what was unusual about sources, and which failed or could not be read
// to their end, beside what they gave.
func (in *intake) finish() {
	for _, source := range in.feed.sources {
		if n, ok := source.(interface{ Note() string }); ok && n.Note() != "" {
			in.of(source.String()).Note = n.Note()
		}
	}
	for _, f := range slices.Concat(in.withheld, in.feed.local.unread, in.feed.failures) {
		in.of(f.source).Error = because(f.err)
	}
}
