package inbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

const (
	usualWorkers = 2
	// bigFile is the size in bytes from which files are read one at a time: a
	// large report costs several times its size while it is parsed.
	bigFile = 256 << 10
)

// A reader gleans reports from files.
type reader struct {
	judge judge
	owner Owner
	now   time.Time
	pause func() // before each file; may be nil
	big   sync.Mutex
}

// gleaned is what one file gave.
type gleaned struct {
	mails   int
	foreign int
	reports []rollout.ReceivedReport
	skipped []rollout.Skipped
	size    int // bytes that the reports hold on to
}

// each reads the items that feed hands out with a few workers, and hands what they
// gave to take, in order and from the calling goroutine. It stops at take's error,
// with ctx's, or when feed has ended, with feed's. Few results wait for their turn,
// and few bytes that are in memory already, so that the largest reports side by
// side stay within bounds.
func (r *reader) each(ctx context.Context, feed feeder, workers int, take func(item, gleaned) error) error {
	if workers <= 0 {
		workers = usualWorkers
	}
	type job struct {
		item item
		done chan gleaned
	}
	ctx, cancel := context.WithCancel(ctx)
	jobs, order := make(chan job), make(chan job, workers)
	var fed error // feed's; read once order is closed
	var held room
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		defer close(order)
		defer close(jobs)
		fed = feed(ctx, func(it item) error {
			if err := held.enter(ctx, len(it.raw)); err != nil {
				return err
			}
			j := job{item: it, done: make(chan gleaned, 1)}
			select {
			case order <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case jobs <- j:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	for range workers {
		running.Go(func() {
			var d tlsrpt.Decoder
			for j := range jobs {
				if r.pause != nil {
					r.pause()
				}
				j.done <- r.glean(ctx, &d, j.item)
			}
		})
	}
	for j := range order {
		select {
		case g := <-j.done:
			held.leave(len(j.item.raw))
			if err := take(j.item, g); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fed
}

// glean reads one file.
func (r *reader) glean(ctx context.Context, dec *tlsrpt.Decoder, it item) (g gleaned) {
	raw, err := it.read()
	if err != nil {
		g.skip(it.path, err)
		return g
	}
	if len(raw) >= bigFile {
		r.big.Lock()
		defer r.big.Unlock()
	}
	found, mail, err := candidates(it, raw)
	if err != nil {
		g.skip(it.path, err)
	}
	if mail {
		g.mails = 1
	}
	for _, a := range found {
		docs, err := documents(dec, a)
		if err != nil {
			g.skip(it.path, fmt.Errorf("%s: %w", attachmentName(a), err))
		}
		for _, d := range docs {
			r.sort(ctx, it, d, mail, &g)
		}
	}
	return g
}

// sort keeps what of a document is ours and says how far it is believed.
func (r *reader) sort(ctx context.Context, it item, d document, mail bool, g *gleaned) {
	mine := shares(d.report, r.owner)
	if len(mine) == 0 {
		g.foreign++
		if unattributed(d.report) {
			g.skip(it.path, errors.New("a report that names no policy domain; it cannot be said whose it is"))
		}
		return
	}
	c := claimOf(d.from.envelope, d.report.ContactInfo)
	standing, signer := rollout.Unsigned, ""
	if mail {
		standing, signer = r.judge.standing(ctx, d.from.raw, c)
	}
	for _, s := range mine {
		g.reports = append(g.reports, rollout.ReceivedReport{
			Report: s.report, Standing: standing, Signer: signer,
			Submitter: writtenBy(c, d.from.name, d.report.OrganizationName),
			Source:    it.source, Path: it.path, Raw: d.from.raw, Received: r.now,
		})
		g.size += len(d.from.raw) + weight(s.report)
	}
}

// weight is about how many bytes a parsed report takes. A small file can hold
// many details.
func weight(r tlsrpt.Report) int {
	const each = 256 // a policy or failure with its texts
	n := each
	for _, p := range r.Policies {
		n += each * (1 + len(p.Failures))
	}
	return n
}

func (g *gleaned) skip(path string, err error) {
	g.skipped = append(g.skipped, rollout.Skipped{Path: shown(path), Why: because(err)})
}

func attachmentName(a attachment) string {
	if a.name == "" {
		return "the report"
	}
	return finding.Quote(a.name, 120)
}
