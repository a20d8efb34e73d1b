package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"belay/rollout"
)

// ReportDays are the sums of the reports about domain whose period ends after
// since, in the order of the periods; since's zero value means all. It reads the
// sums alone, so that a million reports cost no more than a thousand over the
// same days.
func (s *Store) ReportDays(ctx context.Context, domain string, since time.Time) ([]rollout.ReportDay, error) {
	what := "read the report sums of " + domain
	// Reading in one transaction, so that the sums and their failures are of one
	// moment; a reader waits for nobody.
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer tx.Rollback()
	days, at, err := readDays(ctx, tx, domain, since)
	if err != nil {
		return nil, s.explain(what, err)
	}
	if err := readFailures(ctx, tx, domain, since, days, at); err != nil {
		return nil, s.explain(what, err)
	}
	return days, nil
}

// readDays reads the sums without their failures, and where each stands by its id.
func readDays(ctx context.Context, tx *sql.Tx, domain string, since time.Time) (days []rollout.ReportDay, at map[int64]int, err error) {
	texts, err := readTexts(ctx, tx, domain)
	if err != nil {
		return nil, nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, begins, ends, standing, signer, submitter, source, policy_type,
		policy_text, reports, success, failure, unexplained FROM days WHERE domain = ? AND ends > ? ORDER BY ends, begins`, domain, since.Unix())
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	at = map[int64]int{}
	for rows.Next() {
		var id, begins, ends, text int64
		var d rollout.ReportDay
		err := rows.Scan(&id, &begins, &ends, &d.Standing, &d.Signer, &d.Submitter, &d.Source, &d.PolicyType,
			&text, &d.Reports, &d.Success, &d.Failure, &d.Unexplained)
		if err != nil {
			return nil, nil, err
		}
		d.Begins, d.Ends, d.PolicyText = fromUnix(begins), fromUnix(ends), texts[text]
		at[id] = len(days)
		days = append(days, d)
	}
	return days, at, rows.Err()
}

// readTexts reads the policy texts that reports about domain quote, each once:
// most days share one.
func readTexts(ctx context.Context, tx *sql.Tx, domain string) (map[int64]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, text FROM policy_texts WHERE id IN (SELECT policy_text FROM days WHERE domain = ?)", domain)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	texts := map[int64]string{}
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		texts[id] = text
	}
	return texts, rows.Err()
}

// readFailures puts the failures into their days, the most frequent first.
func readFailures(ctx context.Context, tx *sql.Tx, domain string, since time.Time, days []rollout.ReportDay, at map[int64]int) error {
	rows, err := tx.QueryContext(ctx, `SELECT f.day, f.type, f.mx, f.ip, f.reason, f.count
		FROM days d CROSS JOIN failures f ON f.day = d.id WHERE d.domain = ? AND d.ends > ?`, domain, since.Unix())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var day int64
		var f rollout.FailureCount
		if err := rows.Scan(&day, &f.Type, &f.MX, &f.IP, &f.Reason, &f.Count); err != nil {
			return err
		}
		if i, ok := at[day]; ok {
			days[i].Failures = append(days[i].Failures, f)
		}
	}
	for _, d := range days {
		slices.SortFunc(d.Failures, func(a, b rollout.FailureCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Type, b.Type), cmp.Compare(a.MX, b.MX), cmp.Compare(a.IP, b.IP), cmp.Compare(a.Reason, b.Reason))
		})
	}
	return rows.Err()
}
