package tlsrpt

import (
	"fmt"
	"strings"
	"time"

	"belay/rollout/finding"
)

// decoder turns the members of a report into its fields.
type decoder struct {
	walker
	findings []finding.Finding
	rejected *finding.Finding // the first Fail
	hidden   int              // findings beyond maxFindings
	items    int              // elements kept so far, in all lists
	quoted   int              // bytes of policies kept so far
	folds    bool             // failures are added up by kind
	fold     fold
}

const (
	// maxFindings bounds what one report can say about itself.
	maxFindings = 50
	// maxItems bounds the policies, failures and policy lines of one report.
	// Of folded failures the kinds are counted.
	maxItems = 100_000
	// maxQuoted bounds the policies that one report quotes, in bytes.
	maxQuoted = 4 << 20
)

func (d *decoder) reset(names map[string]string) {
	d.walker.reset(names)
	d.findings, d.rejected, d.hidden, d.items, d.quoted = nil, nil, 0, 0, 0
}

const reportSubject = "TLS report"

func (d *decoder) add(f finding.Finding, at place) {
	if d.full() {
		return
	}
	d.findings = append(d.findings, f.At(at.line, at.column))
}

// full reports whether no more findings are taken, and counts the one that is not.
func (d *decoder) full() bool {
	if len(d.findings) < maxFindings {
		return false
	}
	d.hidden++
	return true
}

// rejectAt records why the report must not be used.
// The first reason is always kept.
func (d *decoder) rejectAt(at place, title string) {
	if d.rejected != nil && d.full() {
		return
	}
	f := finding.New("V16", reportSubject, title).At(at.line, at.column)
	if d.rejected == nil {
		d.rejected = &f
	}
	d.findings = append(d.findings, f)
}

// warnAt records a departure from the RFC that does no harm to the figures.
func (d *decoder) warnAt(at place, title string) {
	if !d.full() {
		d.findings = append(d.findings, finding.New("V18", reportSubject, title).At(at.line, at.column))
	}
}

func (d *decoder) err() error {
	if d.rejected == nil {
		return nil
	}
	if d.fault != nil {
		return fmt.Errorf("read TLS report: line %d, column %d: %w", d.rejected.Line, d.rejected.Column, d.fault)
	}
	return fmt.Errorf("read TLS report: line %d, column %d: %s", d.rejected.Line, d.rejected.Column, d.rejected.Title)
}

// report reads the whole text.
func (d *decoder) report() Report {
	var r Report
	d.byteOrderMark()
	c := d.next()
	at := d.place()
	if c != '{' && d.fault == nil && c != 0 {
		if d.skip(); d.fault == nil {
			d.rejectAt(at, "the text is not one JSON object")
		}
	} else {
		d.root(&r, at)
	}
	if d.fault == nil && (d.next() != 0 || d.fault == nil && d.pos < d.end) {
		d.stop("something follows behind the report")
	}
	if d.fault != nil {
		d.rejectAt(d.faultPlace, explain(d.fault))
	}
	if d.hidden > 0 {
		d.findings = append(d.findings, finding.New("V18", reportSubject, fmt.Sprintf("%d more departures are not listed", d.hidden)).At(at.line, at.column))
	}
	return r
}

// byteOrderMark skips one that must not be there.
func (d *decoder) byteOrderMark() {
	at := d.place()
	if d.peek() == 0xef && d.end-d.pos >= 3 && string(d.buf[d.pos:d.pos+3]) == "\ufeff" {
		d.pos += 3
		d.warnAt(at, "the text begins with a byte order mark")
	}
}

func (d *decoder) root(r *Report, at place) {
	var has struct{ org, dates, contact, id, policies bool }
	var idAt place
	d.object(func(name string) {
		switch name {
		case "organization-name":
			has.org = true
			r.OrganizationName = d.text(name, needed)
		case "date-range":
			has.dates = true
			d.dates(r)
		case "contact-info":
			has.contact = true
			here := d.place()
			r.ContactInfo = d.text(name, needed)
			if r.ContactInfo != "" && !address(r.ContactInfo) {
				d.warnAt(here, "contact-info is no mail address: "+finding.Quote(r.ContactInfo, 100))
			}
		case "report-id":
			has.id = true
			idAt = d.place()
			r.ReportID = d.text(name, needed)
		case "policies":
			has.policies = true
			d.policies(r)
		default:
			d.unknown(name, "organization-name", "date-range", "contact-info", "report-id", "policies")
		}
	})
	if d.fault != nil {
		return
	}
	for _, m := range []struct {
		has  bool
		name string
	}{{has.org, "organization-name"}, {has.contact, "contact-info"}, {has.id, "report-id"}} {
		if !m.has {
			d.warnAt(at, "the report has no "+m.name)
		}
	}
	if !has.dates {
		d.rejectAt(at, "the report has no date-range")
	}
	if !has.policies {
		d.rejectAt(at, "the report has no policies")
	}
	d.stranger(r, idAt)
}

// dates reads the period.
func (d *decoder) dates(r *Report) {
	at := d.place()
	if d.peek() != '{' {
		d.wrong("date-range", "an object")
		return
	}
	d.object(func(name string) {
		switch name {
		case "start-datetime":
			r.Start = d.when(name)
		case "end-datetime":
			r.End = d.when(name)
		default:
			d.unknown(name, "start-datetime", "end-datetime")
		}
	})
	switch {
	case d.fault != nil || d.rejected != nil:
	case r.Start.IsZero() || r.End.IsZero():
		d.rejectAt(at, "date-range lacks its start or end")
	case r.End.Before(r.Start):
		d.rejectAt(at, "date-range ends before it starts")
	case r.End.Equal(r.Start):
		d.warnAt(at, "date-range is empty")
	case r.End.Sub(r.Start) > 24*time.Hour:
		d.warnAt(at, "date-range is longer than a day: "+r.End.Sub(r.Start).String())
	}
}

func (d *decoder) when(name string) time.Time {
	at := d.place()
	if d.peek() != '"' {
		d.wrong(name, "a string")
		return time.Time{}
	}
	text := d.keep(d.str())
	if d.fault != nil {
		return time.Time{}
	}
	t, note, ok := when(text)
	switch {
	case !ok:
		d.rejectAt(at, name+" is no date-time of RFC 3339: "+finding.Quote(text, 60))
	case note != "":
		d.warnAt(at, name+" "+note+": "+finding.Quote(text, 60))
	}
	return t
}

// item counts one element of a list against maxItems.
func (d *decoder) item() bool {
	if d.items++; d.items > maxItems {
		d.stop("the report has more than %d policies, failures and policy lines", maxItems)
		return false
	}
	return true
}

// quotes counts n bytes of a policy against maxQuoted.
func (d *decoder) quotes(n int) bool {
	if d.quoted += n; d.quoted > maxQuoted {
		d.stop("the report quotes more than %d MiB of policies", maxQuoted>>20)
		return false
	}
	return true
}

// quote keeps a text of a policy.
func (d *decoder) quote(text []byte) string {
	if !d.quotes(len(text)) {
		return ""
	}
	return d.keep(text)
}

// wrong rejects a member of the wrong type and passes over its value.
func (d *decoder) wrong(name, want string) {
	if d.peek() != 0 {
		d.rejectAt(d.place(), name+" is not "+want)
	}
	d.skip()
}

// unknown passes over a member that RFC 8460 does not define, and says so if only
// case tells its name from one of those known.
func (d *decoder) unknown(name string, known ...string) {
	for _, k := range known {
		if len(k) == len(name) && strings.EqualFold(k, name) {
			d.warnAt(d.place(), "the member "+finding.Quote(name, 60)+" is not "+k+": names are written in lower case")
		}
	}
	d.skip()
}

// Whether a string may be empty: of the needed ones that is remarkable.
const (
	optional = false
	needed   = true
)

// text reads a string member. null counts as absent.
func (d *decoder) text(name string, need bool) string {
	at := d.place()
	switch d.peek() {
	case '"':
		text := d.keep(d.str())
		if need && text == "" && d.fault == nil {
			d.warnAt(at, name+" is empty")
		}
		return text
	case 'n':
		d.warnAt(at, name+" is null")
		d.skip()
	default:
		d.wrong(name, "a string")
	}
	return ""
}
