package inbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// A reader gleans reports from files.
type reader struct {
	judge judge
	owner Owner
	now   time.Time
	pause func() // before each file; may be nil
}

// gleaned is what one file gave.
type gleaned struct {
	mails   int
	foreign int
	others  []string // some of the domains that the foreign ones are about
	reports []rollout.ReceivedReport
	skipped []rollout.Skipped
	size    int  // bytes that the reports hold on to
	unread  bool // the system did not give it out, which may pass
	gone    bool // there is no such file any more
	// withheld is why it did not, where the file is there.
	withheld error
}

// glean reads one file.
func (r *reader) glean(ctx context.Context, dec *tlsrpt.Decoder, it item) (g gleaned) {
	raw, err := it.read()
	if err != nil {
		g.skip(it.path, err)
		var failed *fs.PathError
		g.unread, g.withheld = errors.As(err, &failed), withheld(err)
		g.gone = errors.Is(err, fs.ErrNotExist)
		return g
	}
	found, mails, err := candidates(it, raw)
	if err != nil {
		g.skip(it.path, err)
	}
	g.mails = mails
	for _, a := range found {
		docs, err := documents(dec, a)
		if err != nil {
			g.skip(it.path, fmt.Errorf("%s: %w", attachmentName(a), err))
		}
		for _, d := range docs {
			r.sort(ctx, it, d, mails > 0, &g)
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
		for _, domain := range domainsOf(d.report) {
			g.others = foreignNames(g.others, domain)
		}
		return
	}
	if err := thinkable(d.report, r.now); err != nil {
		g.skip(it.path, err)
		return
	}
	c := claimOf(d.from.envelope, d.report.ContactInfo)
	standing, signer := rollout.Unsigned, ""
	var cameIn time.Time
	if mail {
		cameIn = arrived(d.from.kept, d.report, r.now)
	}
	for i, s := range mine {
		// Two domains in one report differ at most in whom their operators believe.
		if ids := r.judge.authserv[s.domain]; mail && (i == 0 || !slices.Equal(ids, r.judge.authserv[mine[i-1].domain])) {
			standing, signer = r.judge.standing(ctx, d.from, c, ids)
		}
		g.reports = append(g.reports, rollout.ReceivedReport{
			Report: s.report, Standing: standing, Signer: signer,
			Submitter: writtenBy(c, d.from.name, d.report.OrganizationName),
			Source:    it.source, Path: it.path, Raw: d.from.kept, Received: r.now,
			Arrived: cameIn,
		})
		g.size += len(d.from.kept) + weight(s.report)
	}
}

// Bounds of the period that a report may be about.
const (
	mostToCome    = 48 * time.Hour      // clocks differ, and zones are mistaken
	longestPeriod = 31 * 24 * time.Hour // RFC 8460 section 4.1 asks for one day
)

// firstReports is when there can first have been reports: the drafts of RFC 8460
// began in 2016.
var firstReports = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)

// thinkable refuses a report about a time that none can be about: it would stand in
// the sums where no gate and nobody ever looks, or where the next years are.
func thinkable(r tlsrpt.Report, now time.Time) error {
	switch {
	case r.Start.Before(firstReports):
		return fmt.Errorf("a report about %s, before there were any", r.Start.Format(time.DateOnly))
	case r.End.After(now.Add(mostToCome)):
		return fmt.Errorf("a report about %s, which is yet to come", r.End.Format(time.DateOnly))
	case r.End.Sub(r.Start) > longestPeriod:
		return fmt.Errorf("a report about %s to %s, which is no period that one day stands for", r.Start.Format(time.DateOnly), r.End.Format(time.DateOnly))
	}
	return nil
}

// weight is about how many bytes a parsed report takes, which a small file may
// unfold to.
func weight(r tlsrpt.Report) int {
	const each = 256 // a policy or failure without its texts
	n := each
	for _, p := range r.Policies {
		n += each + 16*(len(p.Strings)+len(p.MXHosts))
		for _, line := range p.Strings {
			n += len(line)
		}
		for _, f := range p.Failures {
			n += each + len(f.ReasonCode) + len(f.AdditionalInfo) + len(f.ReceivingHELO)
		}
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
