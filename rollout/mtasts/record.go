package mtasts

import (
	"fmt"
	"strings"

	"belay/rollout/finding"
)

// Record is the TXT record that announces a policy (RFC 8461 3.1).
type Record struct {
	// ID names one policy body: 1 to 32 letters and digits. Senders compare it
	// for equality only.
	ID string `json:"id"`
	// Extensions are the fields that senders ignore.
	Extensions []Pair `json:"extensions"`
}

// prefix is what a sender selects the record by, byte for byte.
const prefix = "v=" + Version + ";"

// String returns the record in canonical form, such as "v=STSv1; id=1;".
func (r Record) String() string {
	var b strings.Builder
	b.WriteString(prefix)
	b.WriteString(" id=")
	b.WriteString(r.ID)
	b.WriteByte(';')
	for _, x := range r.Extensions {
		b.WriteString(" " + x.Name + "=" + x.Value + ";")
	}
	return b.String()
}

// ParseRecord reads the text of one TXT record, its character-strings joined. The
// findings say what is wrong, the record holds what could be read all the same.
func ParseRecord(txt string) (Record, []finding.Finding) {
	return parseRecord(txt, 1)
}

// recordSubject is what findings about a record's text are about. Callers that
// know the name of the record set it instead.
const recordSubject = "_mta-sts TXT"

func parseRecord(txt string, line int) (Record, []finding.Finding) {
	var fs []finding.Finding
	fault := func(code finding.Code, at int, reason string) {
		fs = append(fs, finding.New(code, recordSubject, "record "+finding.Quote(txt, 200)+" "+reason).At(line, at+1))
	}
	if !strings.HasPrefix(txt, prefix) {
		fault("T02", 0, notVersion(txt))
	}
	fields := Fields(txt, func(at int, reason string) { fault("T02", at, reason) })
	if len(fields) > 0 && strings.EqualFold(fields[0].Name, "v") {
		fields = fields[1:]
	}
	var rec Record
	seen := false
	for _, f := range fields {
		switch {
		case f.Name == "v":
			fault("T02", f.NameAt, "has a second version field")
		case f.Name == "id" && seen:
			fault("T02", f.NameAt, "has a second id")
			fs[len(fs)-1].Detail = "By the RFC the first counts, and postfix-tlspol takes it; maddy and postfix-mta-sts-resolver take the last, and mox refuses the record."
			fs[len(fs)-1].Fix = "Write one id."
		case f.Name == "id":
			seen = true
			rec.ID = f.Value
			if !validID(f.Value) {
				fault("T03", f.ValueAt, badID(f.Value))
			}
		default:
			if at, reason := f.Fault(); reason != "" {
				fault("T02", at, reason)
			}
			rec.Extensions = append(rec.Extensions, Pair{f.Name, f.Value})
		}
	}
	if !seen {
		reason := "has no id"
		for _, x := range rec.Extensions {
			if strings.EqualFold(x.Name, "id") {
				reason = "has no id: the name is written in lower case, not " + finding.Quote(x.Name, 32)
			}
		}
		fault("T02", len(txt), reason)
	}
	return rec, fs
}

// ParseRRset reads the TXT records found at the record's name, one string a
// record with its character-strings joined. As RFC 8461 3.1 demands it first drops
// every record that does not begin with "v=STSv1;"; exactly one must be left.
// raw is that one as it stands, or the one most like it.
func ParseRRset(records []string) (rec Record, raw string, fs []finding.Finding) {
	var mine, others, near []int
	for i, txt := range records {
		if strings.HasPrefix(txt, prefix) {
			mine = append(mine, i)
			continue
		}
		others = append(others, i)
		if nearly(txt) {
			near = append(near, i)
		}
	}
	switch {
	case len(records) == 0:
		return rec, "", []finding.Finding{finding.New("T01", recordSubject, "there is no TXT record")}
	case len(mine) == 0 && len(near) == 0:
		f := finding.New("T01", recordSubject, fmt.Sprintf("none of %d TXT records begins with %q", len(records), prefix))
		return rec, "", append(fs, f.At(1, 1))
	case len(mine) == 0:
		rec, fs = parseRecord(records[near[0]], near[0]+1)
		return rec, records[near[0]], fs
	}
	rec, fs = parseRecord(records[mine[0]], mine[0]+1)
	if len(mine) > 1 {
		f := finding.New("T01", recordSubject, fmt.Sprintf("%d records begin with %q: senders use none of them", len(mine), prefix))
		fs = append(fs, f.At(mine[1]+1, 1))
	}
	for _, i := range others {
		if loose(records[i]) {
			f := finding.New("T01", recordSubject, "record "+finding.Quote(records[i], 200)+" counts as a second MTA-STS record for many senders")
			fs = append(fs, f.At(i+1, 1))
			continue
		}
		f := finding.New("T01", recordSubject, "a TXT record that is not of MTA-STS stands beside it: "+finding.Quote(records[i], 200)).As(finding.Warn)
		f = f.Because("mox and postfix-tlspol drop it, as the RFC asks; maddy takes any second record for no MTA-STS at all, and postfix-mta-sts-resolver one that begins v=STSv1.").Mend("Move the record elsewhere, or remove it.")
		fs = append(fs, f.At(i+1, 1))
	}
	return rec, records[mine[0]], fs
}

// loose reports whether txt has spaces before its first ";", which the grammar
// admits and the rule of selection does not (RFC 8461 3.1, erratum 6285).
func loose(txt string) bool {
	version, _, ok := strings.Cut(txt, ";")
	return ok && strings.TrimRight(version, wsp) == "v="+Version
}

// nearly reports whether txt was meant to be an MTA-STS record.
func nearly(txt string) bool {
	head := strings.ToLower(txt[:min(len(txt), 80)])
	return strings.Contains(head, "stsv")
}

// notVersion says why txt does not begin as a record must.
func notVersion(txt string) string {
	version, _, ended := strings.Cut(txt, ";")
	squeezed := strings.NewReplacer(" ", "", "\t", "").Replace(version)
	switch {
	case strings.HasPrefix(txt, `"`):
		return "begins with a quotation mark, which DNS panels put there when quotes are typed"
	case loose(txt):
		return "has a space before the first ;"
	case strings.TrimLeft(version, wsp) == "v="+Version && ended:
		return "begins with a space"
	case squeezed == "v="+Version && ended:
		return "has spaces inside its version field"
	case strings.EqualFold(squeezed, "v="+Version) && ended:
		return "has its version in the wrong case: it is v=STSv1, exactly so"
	case version == "v="+Version:
		return "has no ; and no id behind its version"
	case strings.HasPrefix(squeezed, "v="+Version):
		return "must have a ; right behind v=STSv1"
	case nearly(txt):
		return "must begin with v=STSv1;"
	}
	return "is no MTA-STS record: it does not begin with v=STSv1;"
}

// badID says what is wrong with an id.
func badID(id string) string {
	switch {
	case id == "":
		return "has an empty id"
	case len(id) > 32:
		return fmt.Sprintf("has an id of %d characters; at most 32 are allowed", len(id))
	}
	return "has the id " + finding.Quote(id, 64) + ", which is not made of letters and digits alone"
}

// parsedRecord is a Record as belay lint shows it.
type parsedRecord struct {
	ID         string `json:"id"`
	Extensions []Pair `json:"extensions"`
	// Candidates is how many records begin with "v=STSv1;".
	Candidates int `json:"candidates"`
}

// LintRecord is ParseRRset in the form of belay lint.
func LintRecord(records []string) finding.Lint {
	rec, _, fs := ParseRRset(records)
	parsed := parsedRecord{ID: rec.ID, Extensions: append([]Pair{}, rec.Extensions...)}
	for _, txt := range records {
		if strings.HasPrefix(txt, prefix) {
			parsed.Candidates++
		}
	}
	return finding.NewLint("sts-txt", parsed, fs)
}
