package tlsrpt

import (
	"fmt"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// ParseRRset reads the TXT records found at the record's name, one string a
// record with its character-strings joined. As RFC 8460 3 demands it first drops
// every record that does not begin with "v=TLSRPTv1;"; exactly one must be left.
// raw is that one as it stands, or the one most like it.
func ParseRRset(records []string) (rec Record, raw string, fs []finding.Finding) {
	var mine, others, near []int
	for i, txt := range records {
		if strings.HasPrefix(txt, prefix) {
			mine = append(mine, i)
			continue
		}
		others = append(others, i)
		if nearly(txt) && !strings.HasPrefix(txt, "v=DMARC1") {
			near = append(near, i)
		}
	}
	switch {
	case len(records) == 0:
		return rec, "", []finding.Finding{finding.New("R03", recordSubject, "there is no TXT record").
			Because("Senders send no reports.").Mend("Publish a TLS-RPT record.")}
	case len(mine) == 0 && len(near) == 0:
		f := finding.New("R03", recordSubject, fmt.Sprintf("none of %d TXT records begins with %q", len(records), prefix)).At(1, 1)
		return rec, "", append(fs, f.Because("Senders send no reports.").Mend("Publish a TLS-RPT record."))
	case len(mine) == 0:
		rec, fs = parseRecord(records[near[0]], near[0]+1)
		return rec, records[near[0]], fs
	}
	rec, fs = parseRecord(records[mine[0]], mine[0]+1)
	if len(mine) > 1 {
		f := finding.New("R02", recordSubject, fmt.Sprintf("%d records begin with %q: senders use none of them", len(mine), prefix))
		fs = append(fs, f.At(mine[1]+1, 1))
	}
	for _, i := range others {
		version, _, ended := strings.Cut(records[i], ";")
		if ended && strings.TrimRight(version, " \t") == "v=TLSRPTv1" {
			f := finding.New("R02", recordSubject, "record "+finding.Quote(records[i], 200)+" counts as a second TLS-RPT record for many senders")
			fs = append(fs, f.At(i+1, 1))
			continue
		}
		f := finding.New("R11", recordSubject, "a TXT record that is not of TLS-RPT stands beside it: "+finding.Quote(records[i], 200)).As(finding.Warn)
		f = f.Because("Senders are to drop it, but some treat any second record as no TLS-RPT at all.").Mend("Move the record elsewhere, or remove it.")
		fs = append(fs, f.At(i+1, 1))
	}
	return rec, records[mine[0]], fs
}

// parsedRecord is a Record as belay lint shows it.
type parsedRecord struct {
	RUA        []string      `json:"rua"`
	Usable     []string      `json:"usable"`
	Extensions []mtasts.Pair `json:"extensions"`
	// Candidates is how many records begin with "v=TLSRPTv1;".
	Candidates int `json:"candidates"`
}

// LintRecord is ParseRRset in the form of belay lint.
func LintRecord(records []string) finding.Lint {
	rec, _, fs := ParseRRset(records)
	parsed := parsedRecord{
		RUA:        append([]string{}, rec.RUA...),
		Usable:     append([]string{}, rec.Usable...),
		Extensions: append([]mtasts.Pair{}, rec.Extensions...),
	}
	for _, txt := range records {
		if strings.HasPrefix(txt, prefix) {
			parsed.Candidates++
		}
	}
	return finding.NewLint("tlsrpt-txt", parsed, fs)
}
