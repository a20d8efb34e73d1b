package store

import (
	"bytes"
	"encoding/hex"
	"slices"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// row is one report about one domain, as the table reports has it.
type row struct {
	id           int64
	domain       string
	organisation string
	reportID     string
	begins, ends int64
	signer       string
	standing     rollout.Standing
	submitter    string
	source       string
	content      []byte
	digest       []byte // of the mail it came in
	mail         int64
	summary      []byte
}

func rowOf(a arrival, sh share) row {
	r := a.report
	standing, signer := r.Standing, bounded(r.Signer, mostName)
	if !standing.Proven() {
		signer = ""
	}
	return row{
		domain:       sh.domain,
		organisation: bounded(r.Report.OrganizationName, mostName),
		reportID:     idOf(r.Report, sh),
		begins:       r.Report.Start.Unix(),
		ends:         endOf(r.Report.End).Unix(),
		signer:       signer,
		standing:     standing,
		submitter:    bounded(r.Submitter, mostName),
		source:       bounded(r.Source, 4*mostName),
		content:      sh.content[:],
		digest:       a.digest[:],
	}
}

// idOf is the id that a report is known by: its own, or where it has none what it
// says, for two reports of a day without one are not the same for that.
func idOf(r tlsrpt.Report, sh share) string {
	if r.ReportID == "" {
		return "sha256:" + hex.EncodeToString(sh.content[:])
	}
	return bounded(r.ReportID, mostName)
}

// sameKey reports whether r and other have the key by which reports are recognised.
func (r row) sameKey(other row) bool {
	return r.domain == other.domain && r.organisation == other.organisation && r.reportID == other.reportID &&
		r.begins == other.begins && r.ends == other.ends
}

// verdict is what is to be done with a report of a known key.
type verdict struct {
	duplicate bool
	differs   bool  // of a duplicate: its signer's report that is kept says something else
	dropped   bool  // one too many of those that nothing proves
	join      *join // what a duplicate from another source still does
	replaced  []row
}

// judge compares a report with those of the same key. Whoever can write to the
// report address can guess a key, so nobody's report ever keeps out, or takes
// out, what somebody better proven wrote: the submitter must be the same, which
// under a verified signature nobody else can claim.
//
// Among reports that nobody proves, which source an operator trusts decides whether
// one counts, and that is not known here. So only one that says the very same is a
// duplicate, and the one that is kept was then found in both sources; another that
// says something else stands beside, also in one source: which is the reporter's own
// cannot be told, and the failures of each count.
func judge(r row, same []row) verdict {
	var v verdict
	for _, old := range same {
		switch {
		case r.standing.Proven() && old.standing.Proven():
			if old.signer == r.signer {
				v.duplicate = true
				// The very mail may have been read otherwise by an earlier version.
				v.differs = !bytes.Equal(old.content, r.content) && !bytes.Equal(old.digest, r.digest)
			}
		case r.standing.Proven() && old.standing != rollout.Pending:
			if old.submitter == r.submitter {
				v.replaced = append(v.replaced, old)
			}
		case r.standing == rollout.Pending || old.standing == rollout.Pending:
			// The very mail, fetched again, is no second one.
			if old.standing == r.standing && bytes.Equal(old.digest, r.digest) {
				v.foundAgain(old, r)
			}
		case old.standing.Proven():
			v.duplicate = v.duplicate || old.submitter == r.submitter
		case bytes.Equal(old.content, r.content):
			v.foundAgain(old, r)
		}
	}
	if v.duplicate {
		v.replaced = nil
	}
	return v
}

func without(rows []row, id int64) []row {
	return slices.DeleteFunc(rows, func(r row) bool { return r.id == id })
}

// fromUnix is a stored second as a time in UTC.
func fromUnix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }
