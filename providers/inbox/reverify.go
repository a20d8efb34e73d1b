package inbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"belay/rollout"
)

const (
	// pendingAtOnce is how many pending reports are asked for at once.
	pendingAtOnce = 64
	// pendingFor is how long a report may be pending. A key that could not be looked
	// up in all that time, import after import, is not to be had: the report is then
	// what it would be without a signature.
	pendingFor = 30 * 24 * time.Hour
)

// Reverify tries again the reports whose DKIM key could not be looked up when
// they came, and settles those that can be judged now, and those that have waited
// for 30 days, as one whose kept mail is damaged always will. It returns how many it settled; what is still pending stays so for
// the next time.
func (im *Importer) Reverify(ctx context.Context) (settled int, err error) {
	j := im.judge()
	for after := int64(0); ; {
		pending, err := im.Store.PendingReports(ctx, after, pendingAtOnce)
		if err != nil {
			return settled, fmt.Errorf("list pending reports: %w", err)
		}
		if len(pending) == 0 {
			return settled, nil
		}
		for _, p := range pending {
			after = p.ID
			standing, signer := rollout.Pending, ""
			if p.Raw != nil {
				standing, signer = j.again(ctx, p.Raw, im.Owner)
			}
			if err := ctx.Err(); err != nil {
				return settled, fmt.Errorf("verify pending reports: stopped after %d: %w", settled, err)
			}
			if standing == rollout.Pending {
				if im.Clock.Now().Sub(p.Received) < pendingFor {
					continue
				}
				standing = rollout.Unsigned
			}
			if err := im.Store.SettlePending(ctx, p.ID, standing, signer); err != nil {
				return settled, fmt.Errorf("settle pending report %d: %w", p.ID, err)
			}
			settled++
		}
	}
}

// again judges a kept mail as the import did. The claim is that of its first
// report: the reports of one mail have one author. Of the ids of the operator's own
// servers those are believed that every domain in the report has set.
func (j judge) again(ctx context.Context, raw []byte, owner Owner) (rollout.Standing, string) {
	dec := newDecoder()
	found, _ := attachments(raw)
	for _, a := range found {
		docs, _ := documents(dec, a)
		for _, d := range docs {
			return j.standing(ctx, d.from, claimOf(d.from.envelope, d.report.ContactInfo), j.common(shares(d.report, owner)))
		}
	}
	return rollout.Unsigned, ""
}

// common are the ids that every domain of the shares has set.
func (j judge) common(of []share) []string {
	if len(of) == 0 {
		return nil
	}
	ids := slices.Clone(j.authserv[of[0].domain])
	for _, s := range of[1:] {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(j.authserv[s.domain], id) })
	}
	return ids
}
