// Package finding is the catalogue of everything belay can say about a
// domain: each finding has a stable code, a severity, a sentence that says what
// was seen, what it means, and how it is mended.
//
// Checks fill findings in; screens and JSON print them; gates read their codes.
// The catalogue itself is data (see catalogue.go), so that a code means the same
// thing wherever it is met.
package finding

import "fmt"

// Severity says how much a finding matters. Its order, worst first, is Fail,
// Warn, Info, Pass.
type Severity string

// The severities, as they stand in JSON.
const (
	Fail Severity = "fail"
	Warn Severity = "warn"
	Info Severity = "info"
	Pass Severity = "pass"
)

// Unknown is the verdict over a domain of which nothing failed and something
// could not be seen. No single finding has it as its severity.
const Unknown Severity = "unknown"

// Worse reports whether s matters more than t.
func (s Severity) Worse(t Severity) bool { return s.rank() > t.rank() }

func (s Severity) rank() int {
	switch s {
	case Fail:
		return 3
	case Warn:
		return 2
	case Info:
		return 1
	}
	return 0
}

// Code names a kind of finding, such as "M09". Codes never change their meaning.
type Code string

// Finding is one thing seen. Its JSON form is part of the command line's
// contract.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Subject is what the finding is about: a host, a host and address
	// ("mx2.corp.test [192.0.2.12]"), a record's name, a URL.
	Subject string `json:"subject"`
	// Title is one sentence that says what was seen.
	Title string `json:"title"`
	// Detail says what it means for the mail of the domain.
	Detail string `json:"detail,omitempty"`
	// Fix says how it is mended.
	Fix string `json:"fix,omitempty"`
	// Ref is the RFC section that rules, such as "RFC 8461 4.2".
	Ref string `json:"ref,omitempty"`
	// Unknown marks what could not be seen from here: never a fault, but it
	// keeps gates 4 to 6 closed until seen or waived.
	Unknown bool `json:"unknown,omitempty"`
	// Line and Column are 1-based and given by lint only.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// Key tells one finding from another for overrides and mends: its code and
// subject. Wording may change between looks; the key does not.
func (f Finding) Key() string { return string(f.Code) + " " + f.Subject }

func (f Finding) String() string {
	return fmt.Sprintf("%s %s %s: %s", f.Severity, f.Code, f.Subject, f.Title)
}

// Worst returns the worst severity among fs, Pass when there is none.
func Worst(fs []Finding) Severity {
	worst := Pass
	for _, f := range fs {
		if f.Severity.Worse(worst) {
			worst = f.Severity
		}
	}
	return worst
}

// Verdict is what lint says of one text.
type Verdict string

// The verdicts of lint: Accept and Warn are usable, Reject must never be
// published or counted.
const (
	Accept Verdict = "accept"
	Usable Verdict = "warn"
	Reject Verdict = "reject"
)

// VerdictOf is Reject where fs has a Fail, Usable where it has a Warn, else
// Accept.
func VerdictOf(fs []Finding) Verdict {
	switch Worst(fs) {
	case Fail:
		return Reject
	case Warn:
		return Usable
	}
	return Accept
}
