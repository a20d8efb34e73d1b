package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"belay/rollout"
)

// Errors of a report that was posted; any other is the store's.
var (
	// ErrNoReport says that what was posted is no report that can be used.
	ErrNoReport = errors.New("no report that can be used")
	// ErrForeign says that the report is about none of our domains.
	ErrForeign = errors.New("about none of our domains")
	// ErrDropped says that too many reports which say other things claim to be the
	// same one.
	ErrDropped = errors.New("one of too many that claim to be the same")
)

// Posted takes in a report that came by HTTPS (RFC 8460 section 5.4), plain or
// gzipped, whatever it was said to be. When it returns without an error the report is
// on disk; fresh is false for one that was there. Nothing proves who wrote it: it
// counts only where the operator trusts source in writing.
func (im *Importer) Posted(ctx context.Context, source string, body []byte) (fresh bool, err error) {
	if form := sniff(body); form != formGzip && form != formJSON {
		return false, fmt.Errorf("%w: neither JSON nor gzip", ErrNoReport)
	}
	report, err := readReport(newDecoder(), body)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	mine := shares(report, im.Owner)
	if len(mine) == 0 {
		return false, ErrForeign
	}
	if err := thinkable(report, im.Clock.Now()); err != nil {
		return false, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	claimed, now := claimOf(envelope{}, report.ContactInfo), im.Clock.Now()
	var received []rollout.ReceivedReport
	for _, s := range mine {
		received = append(received, rollout.ReceivedReport{
			Report: s.report, Standing: rollout.Posted, Submitter: writtenBy(claimed, "", report.OrganizationName),
			Source: source, Path: source, Raw: body, Received: now, Arrived: now,
		})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	taken, err := im.Store.AddReports(ctx, received)
	if err != nil {
		return false, fmt.Errorf("store a report that was posted: %w", err)
	}
	if !slices.ContainsFunc(taken, func(t rollout.Taken) bool { return t != rollout.TakenDropped }) {
		return false, ErrDropped
	}
	return slices.Contains(taken, rollout.TakenNew), nil
}
