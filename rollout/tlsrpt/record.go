package tlsrpt

import (
	"fmt"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Record is the TXT record that asks for reports (RFC 8460 3).
type Record struct {
	// RUA are the URIs to which reports go, as they stand in the record.
	RUA []string `json:"rua"`
	// Usable are those of RUA that a sender can use: mailto with an address,
	// or https with a host.
	Usable []string `json:"usable"`
	// Extensions are the fields that senders ignore.
	Extensions []mtasts.Pair `json:"extensions"`
}

// version is the only version of TLS-RPT there is; prefix is what a sender
// selects the record by, byte for byte.
const (
	version = "TLSRPTv1"
	prefix  = "v=" + version + ";"
)

// String returns the record in canonical form, such as
// "v=TLSRPTv1; rua=mailto:tls@corp.test;". The rua field comes first, where every
// sender looks; "!", "," and ";" in a URI are percent-encoded.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString(prefix)
	b.WriteString(" rua=")
	for i, uri := range r.RUA {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(encodeURI(uri))
	}
	b.WriteByte(';')
	for _, x := range r.Extensions {
		b.WriteString(" " + x.Name + "=" + x.Value + ";")
	}
	return b.String()
}

// recordSubject is what findings about a record's text are about. Callers that
// know the name of the record set it instead.
const recordSubject = "_smtp._tls TXT"

// ParseRecord reads the text of one TXT record, its character-strings joined. The
// findings say what is wrong, the record holds what could be read all the same.
func ParseRecord(txt string) (Record, []finding.Finding) {
	return parseRecord(txt, 1)
}

func parseRecord(txt string, line int) (Record, []finding.Finding) {
	p := recordParser{txt: txt, line: line}
	if !strings.HasPrefix(txt, prefix) {
		p.find("R03", 0, notVersion(txt))
	}
	fields := mtasts.Fields(txt, func(at int, reason string) {
		code := finding.Code("R03")
		if p.cutURI(at) {
			code = "R06"
		}
		p.find(code, at, reason)
	})
	if len(fields) > 0 && strings.EqualFold(fields[0].Name, "v") {
		fields = fields[1:]
	}
	for _, f := range fields {
		p.field(f)
	}
	p.finish()
	return p.rec, p.fs
}

type recordParser struct {
	txt  string
	line int
	rec  Record
	fs   []finding.Finding
	ruas int // fields called rua
}

func (p *recordParser) find(code finding.Code, at int, reason string) *finding.Finding {
	p.fs = append(p.fs, finding.New(code, recordSubject, "record "+finding.Quote(p.txt, 300)+" "+reason).At(p.line, at+1))
	return &p.fs[len(p.fs)-1]
}

// cutURI reports whether the fault at byte at is what a bare ";" left of a URI:
// the field before it is rua, and no space follows the ";".
func (p *recordParser) cutURI(at int) bool {
	if at < 1 || at >= len(p.txt) || p.txt[at-1] != ';' || p.txt[at] == ';' {
		return false
	}
	before := p.txt[:at-1]
	before = strings.TrimLeft(before[strings.LastIndexByte(before, ';')+1:], " \t")
	return strings.HasPrefix(before, "rua=")
}

func (p *recordParser) field(f mtasts.Field) {
	switch f.Name {
	case "v":
		p.find("R03", f.NameAt, "has a second version field")
	case "rua":
		if p.ruas++; p.ruas > 1 {
			found := p.find("R03", f.NameAt, "has more than one rua field")
			found.Severity = finding.Warn
			found.Detail = "The grammar admits it, but some senders read the first field only."
			found.Fix = "Put all URIs into one rua field, separated by commas."
		}
		p.rua(f)
	default:
		if at, reason := f.Fault(); reason != "" {
			p.find("R03", at, reason)
		}
		p.rec.Extensions = append(p.rec.Extensions, mtasts.Pair{Name: f.Name, Value: f.Value})
	}
}

// rua reads the list of URIs in one rua field.
func (p *recordParser) rua(f mtasts.Field) {
	at := f.ValueAt
	for item := range strings.SplitSeq(f.Value, ",") {
		uri := strings.Trim(item, " \t")
		start := at + len(item) - len(strings.TrimLeft(item, " \t"))
		at += len(item) + 1
		if uri == "" {
			p.find("R03", start, "has an empty URI in its rua list")
			continue
		}
		p.rec.RUA = append(p.rec.RUA, uri)
		if i, reason := badURI(uri); reason != "" {
			code := finding.Code("R03")
			if i < len(uri) && uri[i] == '!' {
				code = "R06"
			}
			p.find(code, start+i, "has the rua "+finding.Quote(uri, 200)+", which "+reason)
			continue
		}
		if reason := unusable(uri); reason != "" {
			found := p.find("R03", start, "has the rua "+finding.Quote(uri, 200)+", which "+reason)
			found.Severity = finding.Warn
			found.Detail = "Senders pass over it."
			found.Fix = "Remove it, or give a mailto: or https: URI."
			continue
		}
		if several(uri) {
			found := p.find("R03", start, "has more than one mailbox in the rua "+finding.Quote(uri, 200))
			found.Severity = finding.Warn
			found.Detail = "It is one URI with a list of addresses, which few senders take apart."
			found.Fix = "Write each mailbox as a mailto: URI of its own."
		}
		p.rec.Usable = append(p.rec.Usable, uri)
	}
}

// finish judges the record as a whole.
func (p *recordParser) finish() {
	switch {
	case p.ruas == 0:
		reason := "has no rua"
		for _, x := range p.rec.Extensions {
			if strings.EqualFold(x.Name, "rua") || strings.EqualFold(x.Name, "ruf") {
				reason = "has no rua: the field " + finding.Quote(x.Name, 32) + " is not it"
			}
		}
		p.find("R03", len(p.txt), reason)
		return
	case len(p.rec.Usable) == 0 && finding.Worst(p.fs) == finding.Fail:
		return // what is wrong with the URIs has been said
	case len(p.rec.Usable) == 0:
		p.find("R03", 0, "has no rua that a sender can use")
		return
	}
	if len(p.rec.RUA) > 1 {
		p.find("R04", 0, fmt.Sprintf("has %d URIs", len(p.rec.RUA)))
	}
	for _, uri := range p.rec.Usable {
		if scheme(uri) == "mailto" {
			return
		}
	}
	p.find("R05", 0, "has https URIs only")
}

// notVersion says why txt does not begin as a record must.
func notVersion(txt string) string {
	head, _, ended := strings.Cut(txt, ";")
	squeezed := strings.NewReplacer(" ", "", "\t", "").Replace(head)
	switch {
	case strings.HasPrefix(txt, `"`):
		return "begins with a quotation mark, which DNS panels put there when quotes are typed"
	case strings.TrimRight(head, " \t") == "v="+version && ended:
		return "has a space before the first ;"
	case strings.TrimLeft(head, " \t") == "v="+version && ended:
		return "begins with a space"
	case squeezed == "v="+version && ended:
		return "has spaces inside its version field"
	case strings.EqualFold(squeezed, "v="+version) && ended:
		return "has its version in the wrong case: it is v=TLSRPTv1, exactly so"
	case strings.HasPrefix(squeezed, "v="+version):
		return "must have a ; right behind v=TLSRPTv1"
	case nearly(txt):
		return "must begin with v=TLSRPTv1;"
	}
	return "is no TLS-RPT record: it does not begin with v=TLSRPTv1;"
}

// nearly reports whether txt was meant to be a TLS-RPT record.
func nearly(txt string) bool {
	return strings.Contains(strings.ToLower(txt[:min(len(txt), 200)]), "tlsrpt")
}
