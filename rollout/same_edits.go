package rollout

import (
	"slices"
	"strings"
)

// sameEdits reports whether p and q are for the same, and would write the same
// over the same in the same order, whatever ids were made for them.
func sameEdits(p, q Plan) bool {
	return p.Domain == q.Domain && p.Purpose == q.Purpose && p.Phase == q.Phase && p.Rung == q.Rung &&
		slices.EqualFunc(p.Edits, q.Edits, sameEdit)
}

func sameEdit(a, b Edit) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.Account == b.Account && a.Name == b.Name && a.Type == b.Type &&
		a.TTL == b.TTL && a.Body == b.Body && a.Vendor == b.Vendor && slices.Equal(a.Needs, b.Needs) && slices.Equal(a.At, b.At) &&
		(a.PolicyID == "") == (b.PolicyID == "") && a.Before.Equal(b.Before) && sameAfter(a, b)
}

// sameAfter compares what two edits leave behind; two announcements may differ in
// the id that was made for them and in nothing else.
func sameAfter(a, b Edit) bool {
	if !a.Announces() || !b.Announces() {
		return a.After.Equal(b.After)
	}
	var told []string
	for _, record := range a.After.Records {
		told = append(told, strings.ReplaceAll(record, "id="+a.PolicyID, "id="+b.PolicyID))
	}
	return Records(told...).Equal(b.After)
}
