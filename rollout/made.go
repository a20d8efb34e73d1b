package rollout

import (
	"slices"
	"strings"

	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// madeIn reports whether v is what e leaves behind, to the byte or in meaning: a
// body may be kept with other line endings, and an operator may write a record
// with other white space or without its last semicolon. A sender reads the same.
func (e Edit) madeIn(v Value) bool {
	switch {
	case v.Equal(e.After):
		return true
	case e.Kind == Policy:
		return v.SamePolicy(e.After)
	case e.Kind == RUA: // the vendor's own addresses stand beside them
		return len(e.After.Records) > 0 && holdsAll(v.Records, e.After.Records)
	case e.Type != "TXT" || !v.Exists || !e.After.Exists:
		return false
	case strings.HasPrefix(e.Name, "_mta-sts."):
		return sameAnnouncement(v.Records, e.After.Records)
	}
	return sameReportAddresses(v.Records, e.After.Records)
}

func sameAnnouncement(a, b []string) bool {
	p, _, faultsA := mtasts.ParseRRset(a)
	q, _, faultsB := mtasts.ParseRRset(b)
	return mtasts.Usable(faultsA) && mtasts.Usable(faultsB) && p.ID == q.ID &&
		slices.Equal(OtherTXT(a, "v=STSv1"), OtherTXT(b, "v=STSv1"))
}

func sameReportAddresses(a, b []string) bool {
	p, _, faultsA := tlsrpt.ParseRRset(a)
	q, _, faultsB := tlsrpt.ParseRRset(b)
	return mtasts.Usable(faultsA) && mtasts.Usable(faultsB) && slices.Equal(p.RUA, q.RUA) &&
		slices.Equal(OtherTXT(a, "v=TLSRPTv1"), OtherTXT(b, "v=TLSRPTv1"))
}
