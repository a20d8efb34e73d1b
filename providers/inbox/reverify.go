package inbox

import (
	"context"
	"fmt"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// Bounds of how many pending reports are asked for at once.
const (
	firstPending = 64
	mostPending  = 4096
)

// Reverify tries again the reports whose DKIM key could not be looked up when
// they came, and settles those that can be judged now. It returns how many it
// settled; what is still pending stays so for the next time.
func (im *Importer) Reverify(ctx context.Context) (settled int, err error) {
	j := judge{keys: newKeys(im.LookupTXT), clock: im.Clock}
	tried := make(map[int64]bool)
	for limit := firstPending; ; {
		pending, err := im.Store.PendingReports(ctx, limit)
		if err != nil {
			return settled, fmt.Errorf("list pending reports: %w", err)
		}
		before := settled
		for _, p := range pending {
			if tried[p.ID] {
				continue
			}
			tried[p.ID] = true
			standing, signer := j.again(ctx, p.Raw)
			if err := ctx.Err(); err != nil {
				return settled, fmt.Errorf("verify pending reports: stopped after %d: %w", settled, err)
			}
			if standing == rollout.Pending {
				continue
			}
			if err := im.Store.SettlePending(ctx, p.ID, standing, signer); err != nil {
				return settled, fmt.Errorf("settle pending report %d: %w", p.ID, err)
			}
			settled++
		}
		if len(pending) < limit {
			return settled, nil
		}
		if settled == before { // the oldest are still pending: look past them
			if limit *= 2; limit > mostPending {
				return settled, nil
			}
		}
	}
}

// again judges a kept mail as the import did. The claim is that of its first
// report: the reports of one mail have one author.
func (j judge) again(ctx context.Context, raw []byte) (rollout.Standing, string) {
	var dec tlsrpt.Decoder
	found, _ := attachments(raw)
	for _, a := range found {
		docs, _ := documents(&dec, a)
		for _, d := range docs {
			return j.standing(ctx, d.from.raw, claimOf(d.from.envelope, d.report.ContactInfo))
		}
	}
	return rollout.Unsigned, ""
}
