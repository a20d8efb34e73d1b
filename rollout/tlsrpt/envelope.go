package tlsrpt

import (
	"fmt"
	"strconv"
	"strings"

	"belay/rollout/finding"
)

// Filename is what the name of a report's file says (RFC 8460 5.1). It is a hint
// only: what the report itself says goes before it, and it is never used as a path.
type Filename struct {
	// Sender and PolicyDomain are domains.
	Sender       string `json:"sender"`
	PolicyDomain string `json:"policy-domain"`
	// Begin and End are the period in seconds since 1970, UTC.
	Begin int64 `json:"begin"`
	End   int64 `json:"end"`
	// UniqueID is empty or made of letters and digits.
	UniqueID string `json:"unique-id"`
	// Ext is "json" or "json.gz".
	Ext string `json:"ext"`
}

// String returns the name, such as
// "sender.example!corp.test!1772323200!1772409599!001.json.gz".
func (f Filename) String() string {
	name := f.Sender + "!" + f.PolicyDomain + "!" + strconv.FormatInt(f.Begin, 10) + "!" + strconv.FormatInt(f.End, 10)
	if f.UniqueID != "" {
		name += "!" + f.UniqueID
	}
	return name + "." + f.Ext
}

// ParseFilename reads the name of a report's file. A name that departs from the RFC
// is a warning; one that looks like a path is refused.
func ParseFilename(name string) (Filename, []finding.Finding) {
	warn := func(reason string) (Filename, []finding.Finding) {
		f := finding.New("V18", "report file", "the name "+finding.Quote(name, 200)+" "+reason)
		return Filename{}, []finding.Finding{f.At(1, 1)}
	}
	if strings.ContainsAny(name, "/\\\x00") || strings.HasPrefix(name, ".") {
		f := finding.New("V16", "report file", "the name "+finding.Quote(name, 200)+" is a path")
		return Filename{}, []finding.Finding{f.At(1, 1)}
	}
	var f Filename
	stem := ""
	for _, ext := range []string{"json.gz", "json"} {
		if s, ok := strings.CutSuffix(name, "."+ext); ok {
			stem, f.Ext = s, ext
			break
		}
	}
	if f.Ext == "" {
		return warn("ends in neither .json nor .json.gz")
	}
	parts := strings.Split(stem, "!")
	if len(parts) < 4 || len(parts) > 5 {
		return warn(fmt.Sprintf("has %d parts, not four or five", len(parts)))
	}
	f.Sender, f.PolicyDomain = parts[0], parts[1]
	if !letters(f.Sender, "-.") || !letters(f.PolicyDomain, "-.") {
		return warn("has a part that is no domain in A-labels")
	}
	var err1, err2 error
	f.Begin, err1 = strconv.ParseInt(parts[2], 10, 64)
	f.End, err2 = strconv.ParseInt(parts[3], 10, 64)
	if err1 != nil || err2 != nil || !letters(parts[2]+parts[3], "") {
		return warn("does not give its period in seconds")
	}
	if len(parts) == 5 {
		if f.UniqueID = parts[4]; !letters(f.UniqueID, "") {
			return warn("has a unique id that is not made of letters and digits")
		}
	}
	return f, nil
}

// letters reports whether s is made of letters, digits and the characters of more.
func letters(s, more string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if !('a' <= c && c <= 'z') && !('0' <= s[i] && s[i] <= '9') && strings.IndexByte(more, s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// Subject is what the subject of a report's mail says (RFC 8460 5.3); a hint, as
// the file name is.
type Subject struct {
	Domain    string `json:"domain"`
	Submitter string `json:"submitter"`
	// ReportID is a message id without its brackets. It need not be the id that
	// the report itself has.
	ReportID string `json:"report-id"`
}

// String returns the subject on one line.
func (s Subject) String() string {
	return "Report Domain: " + s.Domain + " Submitter: " + s.Submitter + " Report-ID: <" + s.ReportID + ">"
}

// ParseSubject reads the subject of a report's mail, folded or not.
func ParseSubject(text string) (Subject, []finding.Finding) {
	var s Subject
	words := strings.Fields(text)
	var reasons []string
	exact := true
	value := func(label string) string {
		parts := strings.Fields(label)
		for i := 0; i+len(parts) < len(words); i++ {
			if got := strings.Join(words[i:i+len(parts)], " "); strings.EqualFold(got, label) {
				exact = exact && got == label
				return words[i+len(parts)]
			}
		}
		reasons = append(reasons, "has no "+label)
		return ""
	}
	s.Domain = strings.ToLower(value("Report Domain:"))
	s.Submitter = strings.ToLower(value("Submitter:"))
	id := value("Report-ID:")
	s.ReportID = strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
	switch {
	case id == "":
	case "<"+s.ReportID+">" != id:
		reasons = append(reasons, "has a Report-ID without angle brackets")
	case strings.Count(s.ReportID, "@") != 1:
		reasons = append(reasons, "has a Report-ID without one @")
	}
	if !exact {
		reasons = append(reasons, "has its labels in the wrong case")
	}
	var fs []finding.Finding
	for _, reason := range reasons {
		f := finding.New("V18", "report mail", "the subject "+finding.Quote(text, 200)+" "+reason)
		fs = append(fs, f.At(1, 1))
	}
	return s, fs
}
