package inbox

import (
	"context"
	"fmt"
	"slices"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// Archive is a report store that hands out the mails it keeps.
type Archive interface {
	// KeptMails are some of the mails that reports about domain came in, all where it
	// is empty: at most limit, from the first behind after on.
	KeptMails(ctx context.Context, domain string, after int64, limit int) ([]rollout.KeptMail, error)
	// Reread replaces what stands in the store of a kept mail, as far as it is about
	// the domains that the reports read are about, and says whether it was anything
	// else. The standing, signer and source of what stands there stay, and where not
	// all could be read, so does what nothing takes the place of.
	Reread(ctx context.Context, id int64, read rollout.Reading) (changed bool, err error)
}

// Reread is what reading kept mails again did.
type Reread struct {
	Mails   int `json:"mails"`
	Changed int `json:"changed"`
	// Unreadable mails give no report today that an import would take; what stands of
	// them was left.
	Unreadable int `json:"unreadable"`
	// Partly are the mails that give some and hold something beside that cannot be read
	// today; what stands of that was left.
	Partly int `json:"partly"`
	// Damaged mails are no longer in the store as they came and cannot be read; what
	// stands of them was left.
	Damaged int `json:"damaged"`
}

// rereadAtOnce is how many kept mails are asked for at once.
const rereadAtOnce = 64

// Reread reads the kept mails again that reports about domain came in, all where it
// is empty, for a parser that reads better than the one before. How far a report is
// believed was settled when it came, and stays: keys are changed. tell, which may be
// nil, is told after each batch. When ctx ends, what was read by then stands.
func (im *Importer) Reread(ctx context.Context, a Archive, domain string, tell func(Reread)) (sum Reread, err error) {
	dec := newDecoder()
	for after := int64(0); ; {
		kept, err := a.KeptMails(ctx, domain, after, rereadAtOnce)
		if err != nil {
			return sum, fmt.Errorf("list kept mails: %w", err)
		}
		if len(kept) == 0 {
			return sum, nil
		}
		for _, m := range kept {
			after = m.ID
			sum.Mails++
			if m.Raw == nil {
				sum.Damaged++
				continue
			}
			read := im.again(dec, m)
			switch {
			case len(read.Reports) == 0:
				sum.Unreadable++
				continue
			case !read.Whole:
				sum.Partly++
			}
			changed, err := a.Reread(ctx, m.ID, read)
			if err != nil {
				return sum, fmt.Errorf("read kept mail %d again: %w", m.ID, err)
			}
			if changed {
				sum.Changed++
			}
		}
		if tell != nil {
			tell(sum)
		}
	}
}

// again is what a kept mail holds, read anew, as far as an import would have taken it
// when the mail came.
func (im *Importer) again(dec *tlsrpt.Decoder, m rollout.KeptMail) (read rollout.Reading) {
	if len(m.Reports) == 0 {
		return read
	}
	posted := m.Reports[0].Standing == rollout.Posted
	it := item{path: m.Path, raw: m.Raw}
	found, mails, err := candidates(it, m.Raw)
	read.Whole = err == nil
	for _, a := range found {
		docs, err := documents(dec, a)
		read.Whole = read.Whole && err == nil
		for _, d := range docs {
			if thinkable(d.report, m.Received) != nil {
				read.Whole = false
				continue
			}
			c := claimOf(d.from.envelope, d.report.ContactInfo)
			for _, s := range shares(d.report, im.ownerOf(m)) {
				r := rollout.ReceivedReport{
					Report: s.report, Submitter: writtenBy(c, d.from.name, d.report.OrganizationName),
					Path: m.Path, Raw: m.Raw, Received: m.Received,
				}
				switch {
				case mails > 0:
					r.Arrived = arrived(d.from.kept, d.report, m.Received)
				case posted:
					r.Arrived = m.Received
				}
				read.Reports = append(read.Reports, r)
			}
		}
	}
	return read
}

// ownerOf is the importer's owner, and that of the domains that a kept mail was about
// before: they may be nobody's now, or have other MX hosts.
func (im *Importer) ownerOf(m rollout.KeptMail) Owner {
	return func(name string, t tlsrpt.PolicyType) (string, bool) {
		if domain, ours := im.Owner(name, t); ours {
			return domain, true
		}
		for _, k := range m.Reports {
			if k.Domain == name {
				return name, true
			}
		}
		one := m.Reports[0].Domain
		other := slices.ContainsFunc(m.Reports, func(k rollout.KeptReport) bool { return k.Domain != one })
		return one, t == tlsrpt.TLSA && name != "" && !other
	}
}
