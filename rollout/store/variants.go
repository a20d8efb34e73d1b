package store

import "belay/rollout"

// Anybody can write any number of reports under a key that can be guessed. However many
// there are, what is asked of the store about one more is little: only those of its key
// that judge can find to be the same, or to be replaced, and whether there are too many.

// ofKey are the reports with a key, which five arguments are.
const ofKey = " r.domain = ? AND r.report_id = ? AND r.organisation = ? AND r.begins = ? AND r.ends = ?"

func (r row) key() []any {
	return []any{r.domain, r.reportID, r.organisation, r.begins, r.ends}
}

// unproven reports whether nothing proves r, and nothing is going to.
func (r row) unproven() bool { return !r.standing.Proven() && r.standing != rollout.Pending }

// Standings, as they are compared in SQL.
const (
	proven   = "('" + string(rollout.Verified) + "', '" + string(rollout.Vouched) + "')"
	unproven = "('" + string(rollout.Unsigned) + "', '" + string(rollout.Modified) + "', '" + string(rollout.Posted) + "')"
)

// compare judges r against what stands there of its key but for itself.
func (b *batch) compare(r row) (verdict, error) {
	if b.first(r) {
		return verdict{}, nil
	}
	same, err := b.sameKey(r)
	if err != nil {
		return verdict{}, err
	}
	v := judge(r, without(same, r.id))
	if v.duplicate || !r.unproven() {
		return v, nil
	}
	n, err := b.variants(r, rollout.MostVariants)
	v.dropped = n >= rollout.MostVariants
	return v, err
}

// first reports whether r is known to be the first of its key. From then on it is not.
func (b *batch) first(r row) bool {
	key := [2]string{r.domain, r.reportID}
	if b.known == nil || b.known[key] {
		return false
	}
	b.known[key] = true // r itself is next
	return true
}

// sameKey returns the reports with the key of r that judge can have something to say
// about.
func (b *batch) sameKey(r row) ([]row, error) {
	switch {
	case r.standing == rollout.Pending: // the very mail
		return b.rowsOf("mails m INDEXED BY mails_pending_by_digest CROSS JOIN reports r INDEXED BY reports_by_mail ON r.mail = m.id WHERE m.pending = 1 AND m.digest = ? AND"+ofKey,
			append([]any{r.digest}, r.key()...)...)
	case r.standing.Proven(): // its signer's, and what it takes the place of
		return b.rows("WHERE"+ofKey+" AND (r.standing IN "+proven+" AND r.signer = ? OR r.standing IN "+unproven+" AND r.submitter = ?)",
			append(r.key(), r.signer, r.submitter)...)
	}
	// What says the same, which of earlier versions' is not known before it is read, and
	// its submitter's own.
	return b.rows("WHERE"+ofKey+" AND (r.standing IN "+unproven+" AND (r.content = ? OR substr(r.summary, 1, 1) <> ?) OR r.standing IN "+proven+" AND r.submitter = ?)",
		append(r.key(), r.content, []byte{packFormat}, r.submitter)...)
}

// variants counts, up to most, the unproven reports but r itself that have the key and
// the source of r.
func (b *batch) variants(r row, most int) (int, error) {
	st, err := b.prepare("SELECT count(*) FROM (SELECT 1 FROM reports r WHERE" + ofKey + " AND r.standing IN " + unproven +
		" AND instr(? || r.source || ?, ? || ? || ?) > 0 AND r.id <> ? LIMIT ?)")
	if err != nil {
		return 0, err
	}
	const s = rollout.SourceSeparator
	var n int
	err = st.QueryRowContext(b.ctx, append(r.key(), s, s, s, r.source, s, r.id, most)...).Scan(&n)
	return n, err
}
