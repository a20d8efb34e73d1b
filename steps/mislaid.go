package steps

import (
	"strings"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// place is a name at which a record is put by mistake.
type place struct {
	name string
	// prefix is what the record begins with; empty for one that is no TXT record.
	prefix string
	code   finding.Code
	right  string
	// usual places are looked at in every look, the others only while an
	// operator's change is waited for.
	usual bool
}

// mislaid are the places where records meant for the three names of domain are
// found: under a label that looks like the right one, and where a provider's form
// appended the zone, apex, to a name that was typed in full.
func mislaid(domain, apex string) []place {
	record, reports, host := mtasts.RecordName(domain), tlsrpt.RecordName(domain), mtasts.PolicyHost(domain)
	out := []place{
		{domain, "v=TLSRPT", "R01", reports, true},
		{"_tlsrpt." + domain, "v=TLSRPT", "R01", reports, true},
		{"_smtp-tls." + domain, "v=TLSRPT", "R01", reports, true},
		{"_smtp_tls." + domain, "v=TLSRPT", "R01", reports, true},
		{"smtp._tls." + domain, "v=TLSRPT", "R01", reports, false},
		{"_tls." + domain, "v=TLSRPT", "R01", reports, false},
		{record, "v=TLSRPT", "R01", reports, false},
		{domain, "v=STS", "T08", record, true},
		{host, "v=STS", "T08", record, true},
		{"_mta_sts." + domain, "v=STS", "T08", record, true},
		{"_mtasts." + domain, "v=STS", "T08", record, false},
		{"mta_sts." + domain, "v=STS", "T08", record, false},
		{reports, "v=STS", "T08", record, false},
		{record, "", "H01", host, false},
		{"mta_sts." + domain, "", "H01", host, false},
		{"mtasts." + domain, "", "H01", host, false},
		{record + "." + domain, "v=STS", "D04", record, true},
		{reports + "." + domain, "v=TLSRPT", "D04", reports, true},
		{host + "." + domain, "", "D04", host, false},
	}
	if apex == domain || apex == "" {
		return out
	}
	for _, p := range []place{{record, "v=STS", "D04", record, true}, {reports, "v=TLSRPT", "D04", reports, true}, {host, "", "D04", host, false}} {
		p.name += "." + apex
		out = append(out, p)
	}
	// A name that was typed without the domain stands in the zone itself. Reports and
	// host there may be the zone's own, whatever they say; an id is used once.
	return append(out, place{strings.TrimSuffix(record, domain) + apex, "v=STS", "T08", record, false})
}

// usualPlaces are those that every look asks for.
func usualPlaces(domain, apex string) []place {
	var out []place
	for _, p := range mislaid(domain, apex) {
		if p.usual {
			out = append(out, p)
		}
	}
	return out
}

// strayed is the finding that text, meant for p.right, stands at p.name.
func (p place) strayed(text string) finding.Finding {
	what := "the record " + finding.Quote(text, 100)
	if p.prefix == "" {
		f := finding.New(p.code, p.name, what+" stands at "+p.name+"; the policy host is "+p.right)
		if p.code == "H01" {
			f = f.Mend("Move the record to " + p.right + ".")
		}
		return f
	}
	return finding.New(p.code, p.name, what+" stands at "+p.name+"; senders look at "+p.right)
}
