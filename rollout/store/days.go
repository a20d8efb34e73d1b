package store

import (
	"context"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// ReportDays are the sums of the reports about domain whose period ends after
// since, in the order of the periods; since's zero value means all. It reads the
// sums alone, so that a million reports cost no more than a thousand over the
// same days.
func (s *Store) ReportDays(ctx context.Context, domain string, since time.Time) ([]rollout.ReportDay, error) {
	what := "read the report sums of " + domain
	// One statement, so that the sums and their failures are of one moment.
	rows, err := s.db.QueryContext(ctx, `SELECT d.id, d.begins, d.ends, d.standing, d.signer, d.submitter, d.source, d.policy_type,
		d.policy_text, d.reports, d.success, d.failure, d.unexplained, f.type, f.mx, f.ip, f.reason, f.count
		FROM days d LEFT JOIN failures f ON f.day = d.id
		WHERE d.domain = ? AND d.ends > ? ORDER BY d.ends, d.id, f.count DESC, f.type, f.mx, f.ip, f.reason`, domain, since.Unix())
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer rows.Close()
	var (
		days  []rollout.ReportDay
		texts []int64 // the policy text of each day
		last  int64
	)
	for rows.Next() {
		var (
			id, begins, ends, text int64
			d                      rollout.ReportDay
			typ, mx, ip, reason    *string
			count                  *int64
		)
		err := rows.Scan(&id, &begins, &ends, &d.Standing, &d.Signer, &d.Submitter, &d.Source, &d.PolicyType,
			&text, &d.Reports, &d.Success, &d.Failure, &d.Unexplained, &typ, &mx, &ip, &reason, &count)
		if err != nil {
			return nil, s.explain(what, err)
		}
		if len(days) == 0 || id != last {
			last = id
			d.Begins, d.Ends = fromUnix(begins), fromUnix(ends)
			days, texts = append(days, d), append(texts, text)
		}
		if typ != nil {
			day := &days[len(days)-1]
			day.Failures = append(day.Failures, rollout.FailureCount{Type: tlsrpt.ResultType(*typ), MX: *mx, IP: *ip, Reason: *reason, Count: *count})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, s.explain(what, err)
	}
	return days, s.fillTexts(ctx, days, texts)
}

// fillTexts puts the policy texts in: each is read once, as most days share one.
// A text is never changed or removed, so it may be read after the sums.
func (s *Store) fillTexts(ctx context.Context, days []rollout.ReportDay, texts []int64) error {
	known := map[int64]string{}
	for i, id := range texts {
		text, ok := known[id]
		if !ok {
			if err := s.db.QueryRowContext(ctx, "SELECT text FROM policy_texts WHERE id = ?", id).Scan(&text); err != nil {
				return s.explain("read a policy text", err)
			}
			known[id] = text
		}
		days[i].PolicyText = text
	}
	return nil
}
