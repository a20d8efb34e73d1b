package tlsrpt

import (
	"bytes"
	"time"

	"belay/rollout/finding"
)

// parsedReport is a Report as belay lint shows it: what it is about and its totals.
// The totals add up all policies as they stand, also where two of them count the
// same sessions.
type parsedReport struct {
	OrganizationName string `json:"organization-name"`
	ReportID         string `json:"report-id"`
	Start            string `json:"start-datetime"`
	End              string `json:"end-datetime"`
	Policies         int    `json:"policies"`
	Success          int64  `json:"success"`
	Failure          int64  `json:"failure"`
	Details          int    `json:"details"`
}

// LintReport is ParseReport in the form of belay lint.
func LintReport(text []byte) finding.Lint {
	r, fs, _ := ParseReport(bytes.NewReader(text)) // the error is a finding too
	parsed := parsedReport{
		OrganizationName: r.OrganizationName,
		ReportID:         r.ReportID,
		Start:            stamp(r.Start),
		End:              stamp(r.End),
		Policies:         len(r.Policies),
	}
	for _, p := range r.Policies {
		parsed.Success += p.Successful
		parsed.Failure += p.Failed
		parsed.Details += len(p.Failures)
	}
	return finding.NewLint("report", parsed, fs)
}

// stamp writes a time that was read, and nothing for one that was not.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
