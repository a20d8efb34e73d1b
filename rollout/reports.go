package rollout

import (
	"time"

	"belay/rollout/tlsrpt"
)

// Standing says how far a report is believed.
type Standing string

// The standings of a report.
const (
	Verified Standing = "verified" // a DKIM signature verifies and aligns with the submitter
	Vouched  Standing = "vouched"  // it did when the operator's own MX took the mail, which wrote so
	Modified Standing = "modified" // signed, but the body was changed on its way
	Unsigned Standing = "unsigned" // no aligned signature that is good, or a bare file
	Pending  Standing = "pending"  // the key could not be looked up; verified again later
	Posted   Standing = "https"    // it came by HTTPS, which proves nobody
)

// Proven reports whether a report of this standing is its signer's.
func (s Standing) Proven() bool { return s == Verified || s == Vouched }

// ReceivedReport is one report as an inbox hands it to the report store.
type ReceivedReport struct {
	Report   tlsrpt.Report
	Standing Standing
	// Signer is the organisational domain of the verified DKIM d=; empty unless
	// Standing is proven.
	Signer string
	// Submitter is the organisational domain that the report says it is from.
	Submitter string
	// Source is the inbox or path it was found in; Path the very file.
	Source string
	Path   string
	// Raw is the mail or file as it came, kept so that a pending signature can
	// be verified again and a better parser can read it again.
	Raw []byte
	// Received is when it was taken in, by the clock.
	Received time.Time
	// Arrived is when it came into the mailbox, by the mail's own header; zero where
	// that does not say, and for a bare file.
	Arrived time.Time
}

// ReportDay is the summary of one reporter's reports about one period under one
// policy type and one policy text. The report store keeps these, so that no gate
// reads reports one by one.
type ReportDay struct {
	// Begins and Ends are the period; Ends is rounded up to the next 00:00Z.
	Begins time.Time `json:"begins"`
	Ends   time.Time `json:"ends"`

	Standing  Standing `json:"standing"`
	Signer    string   `json:"signer,omitempty"`
	Submitter string   `json:"submitter"`
	// Source is the inbox or path they were found in; empty where Standing is proven.
	// Reports that were found in several count once, and have all of them here, with
	// SourceSeparator between them.
	Source string `json:"source,omitempty"`

	PolicyType string `json:"policy_type"` // "sts", "tlsa", "no-policy-found" or what was written
	// PolicyText is the policy-string joined by line feeds; it tells which
	// version the reporter held.
	PolicyText string `json:"policy_text,omitempty"`

	Reports  int            `json:"reports"`
	Success  int64          `json:"success"`
	Failure  int64          `json:"failure"`
	Failures []FailureCount `json:"failures,omitempty"`
	// Unexplained counts failures that no detail accounts for.
	Unexplained int64 `json:"unexplained,omitempty"`

	// Timed counts the reports whose arrival is known; Late is the seconds from the
	// end of the period to the arrival, added up over these.
	Timed int   `json:"timed,omitempty"`
	Late  int64 `json:"late,omitempty"`
}

// Names of what the report store added up more coarsely because its writer made up too
// much of it. Neither is ever a submitter's, which is a domain, or an address.
const (
	FoldedSubmitter = "(others)" // of a ReportDay: of any policy text and any submitter
	FoldedIP        = "several"  // of a FailureCount: at any MX host, for any reason
)

// Folded reports whether d sums up what its writer said about several periods,
// policies or submitters.
func (d ReportDay) Folded() bool { return d.Submitter == FoldedSubmitter }

// Folded reports whether f sums up failures at several MX hosts.
func (f FailureCount) Folded() bool { return f.IP == FoldedIP }

// SourceSeparator stands between the sources of a ReportDay.
const SourceSeparator = "\n"

// FailureCount is the sessions of one kind of failure at one MX host.
type FailureCount struct {
	Type   tlsrpt.ResultType `json:"type"`
	MX     string            `json:"mx,omitempty"`
	IP     string            `json:"ip,omitempty"`
	Reason string            `json:"reason,omitempty"`
	Count  int64             `json:"count"`
}

// Intake is what an import did; it is the JSON of `reports import`.
type Intake struct {
	Files      int       `json:"files"`
	Mails      int       `json:"mails"`
	Reports    int       `json:"reports"`
	New        int       `json:"new"`
	Duplicates int       `json:"duplicates"`
	Foreign    int       `json:"foreign"`
	Unreadable int       `json:"unreadable"`
	Verified   int       `json:"verified"`
	Unverified int       `json:"unverified"`
	Pending    int       `json:"pending"`
	Success    int64     `json:"success"`
	Failure    int64     `json:"failure"`
	Skipped    []Skipped `json:"skipped"`
	// Dropped are the reports that are not kept because nothing proves them and
	// MostVariants of their key and source are kept.
	Dropped int `json:"dropped,omitempty"`
	// Differing counts those of Duplicates of which the verified report that is kept
	// says something else; DifferingReports are the first MostDiffering of them.
	Differing        int               `json:"differing,omitempty"`
	DifferingReports []DifferingReport `json:"differing_reports,omitempty"`
	// ForeignDomains are some of the domains that the foreign reports are about, at
	// most MostForeign, cleaned and in order.
	ForeignDomains []string `json:"foreign_domains,omitempty"`
	// Untrusted are those of New that nothing proves and that came from where no operator
	// trusts: they count for nothing so far. A duplicate may stand in the store proven.
	Untrusted []UntrustedIntake `json:"untrusted,omitempty"`
	// Sources are the parts of it, one for each inbox or path that was named.
	Sources []SourceIntake `json:"sources,omitempty"`
}

// MostForeign is how many domains without a rollout an import names.
const MostForeign = 5

// UntrustedIntake is what an import took about one domain from one source, and what
// nothing proves: it counts once Source is trusted.
type UntrustedIntake struct {
	Domain  string `json:"domain"`
	Source  string `json:"source"`
	Reports int    `json:"reports"`
}

// MostVariants is how many reports of one organisation, id, period and policy domain
// are kept of one source where nothing proves them and each says something else. One is
// the reporter's at most; a few more may be what a gateway made of it.
const MostVariants = 50

// MostDiffering is how many reports an import names that differ from what is kept.
const MostDiffering = 5

// DifferingReport is a verified report that came twice, and not the same: the one that
// came first is kept (RFC 8460 section 5.3).
type DifferingReport struct {
	Domain   string    `json:"domain"`
	Reporter string    `json:"reporter"`
	ReportID string    `json:"report_id"`
	Ends     time.Time `json:"ends"` // of its period
	Path     string    `json:"path"` // of the one that is not kept
}

// SourceIntake is what an import took from one inbox or path.
type SourceIntake struct {
	Source     string `json:"source"`
	Mails      int    `json:"mails"`
	Reports    int    `json:"reports"`
	New        int    `json:"new"`
	Duplicates int    `json:"duplicates"`
	Foreign    int    `json:"foreign"`
	Unreadable int    `json:"unreadable"`
	Dropped    int    `json:"dropped,omitempty"`
	// Note says in a sentence what was unusual about the source.
	Note string `json:"note,omitempty"`
	// Error is why the source could not be read to its end.
	Error string `json:"error,omitempty"`
}

// Skipped is one thing that was not taken, and why.
type Skipped struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}
