package store

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"
	"time"

	"belay/rollout"
)

// ReportDays are the sums of the reports about domain whose period ends after
// since, in the order of the periods; since's zero value means all. It reads the
// sums alone, so that a million reports cost no more than a thousand over the
// same days, and those of a day in one piece where they are packed.
func (s *Store) ReportDays(ctx context.Context, domain string, since time.Time) ([]rollout.ReportDay, error) {
	what := "read the report sums of " + domain
	// Reading in one transaction, so that what is packed and what is loose are of
	// one moment; a reader waits for nobody.
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer tx.Rollback()
	days, err := readPacked(ctx, tx, domain, since.Unix())
	if err != nil {
		return nil, s.explain(what, err)
	}
	loose, err := readLoose(ctx, tx, domain, since.Unix(), math.MaxInt64)
	if err != nil {
		return nil, s.explain(what, err)
	}
	if len(loose) > 0 {
		days = append(days, loose...)
		slices.SortStableFunc(days, func(a, b rollout.ReportDay) int {
			return cmp.Or(a.Ends.Compare(b.Ends), a.Begins.Compare(b.Begins))
		})
	}
	return days, nil
}

// readLoose reads the sums about domain that are not packed and whose period ends
// after since and not after until.
func readLoose(ctx context.Context, tx *sql.Tx, domain string, since, until int64) ([]rollout.ReportDay, error) {
	days, at, err := readDays(ctx, tx, domain, since, until)
	if err != nil || len(days) == 0 {
		return nil, err
	}
	return days, readFailures(ctx, tx, domain, since, until, days, at)
}

// ofLoose are the rows of days that are not packed.
const ofLoose = `loose_days l CROSS JOIN days d ON d.domain = l.domain AND d.ends = l.ends`

// readDays reads the sums without their failures, and where each stands by its id.
func readDays(ctx context.Context, tx *sql.Tx, domain string, since, until int64) (days []rollout.ReportDay, at map[int64]int, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT d.id, begins, d.ends, standing, signer, submitter, source, policy_type,
		t.text, reports, success, failure, unexplained, timed, late FROM `+ofLoose+` JOIN policy_texts t ON t.id = policy_text
		WHERE l.domain = ? AND l.ends > ? AND l.ends <= ? ORDER BY d.ends, begins`, domain, since, until)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	at = map[int64]int{}
	for rows.Next() {
		var id, begins, ends int64
		var d rollout.ReportDay
		err := rows.Scan(&id, &begins, &ends, &d.Standing, &d.Signer, &d.Submitter, &d.Source, &d.PolicyType,
			&d.PolicyText, &d.Reports, &d.Success, &d.Failure, &d.Unexplained, &d.Timed, &d.Late)
		if err != nil {
			return nil, nil, err
		}
		d.Begins, d.Ends = fromUnix(begins), fromUnix(ends)
		at[id] = len(days)
		days = append(days, d)
	}
	return days, at, rows.Err()
}

// readFailures puts the failures into their days, the most frequent first.
func readFailures(ctx context.Context, tx *sql.Tx, domain string, since, until int64, days []rollout.ReportDay, at map[int64]int) error {
	rows, err := tx.QueryContext(ctx, `SELECT f.day, f.type, f.mx, f.ip, f.reason, f.count
		FROM `+ofLoose+` CROSS JOIN failures f ON f.day = d.id WHERE l.domain = ? AND l.ends > ? AND l.ends <= ?`, domain, since, until)
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
		sortFailures(d.Failures)
	}
	return rows.Err()
}
