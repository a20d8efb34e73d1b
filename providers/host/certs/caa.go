package certs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"belay/rollout/finding"
)

// CAALookup climbs from host to the CAA record set that rules it (RFC 8659 section
// 3): that of the name itself, of what it is an alias of, else of its parents. A set
// that is nowhere is an empty CAA.
type CAALookup func(ctx context.Context, host string) (CAA, error)

// CAA is the record set that says who may issue certificates for a name.
type CAA struct {
	// At is the name at which it stands; empty where there is none.
	At string
	// Records are "FLAGS TAG VALUE", the value without quotes.
	Records []string
}

// property is one CAA record.
type property struct {
	text     string
	critical bool
	tag      string
	issuer   string
	params   map[string]string
	broken   bool // it cannot be read; such a record allows nobody (RFC 8659 section 4.2)
}

func parseProperty(record string) (property, bool) {
	fields := strings.SplitN(record, " ", 3)
	if len(fields) < 2 {
		return property{}, false
	}
	flags, err := strconv.ParseUint(fields[0], 10, 8)
	if err != nil {
		return property{}, false
	}
	p := property{text: record, critical: flags&128 != 0, tag: strings.ToLower(fields[1]), params: map[string]string{}}
	if len(fields) == 3 {
		var rest string
		p.issuer, rest, _ = strings.Cut(fields[2], ";")
		p.issuer = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(p.issuer), "."))
		for _, param := range strings.FieldsFunc(rest, func(r rune) bool { return r == ';' }) {
			if strings.TrimSpace(param) == "" {
				continue
			}
			name, value, ok := strings.Cut(param, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if _, again := p.params[name]; !ok || name == "" || again {
				p.broken = true
			}
			p.params[name] = strings.TrimSpace(value)
		}
	}
	return p, true
}

// CAARefusal is a certificate that the CA would refuse by a CAA record.
type CAARefusal struct {
	Host, At string
	// Record is the one in the way; Why says how.
	Record, Why string
	// Wanted is a record that would allow it.
	Wanted string
}

func (r *CAARefusal) Error() string {
	return fmt.Sprintf("the CAA record at %s forbids a certificate for %s: %s: %s", r.At, r.Host, finding.Quote(r.Record, 200), r.Why)
}

// Allows says by which of the ACME methods a CA, which calls itself by one of
// identities and knows belay by this account, may issue for host; else what is in
// the way. Where a CA does not say how CAA calls it, identities is empty: only what no
// CA may overlook is in the way then. issuewild does not rule names without a wildcard (RFC 8659 section 4.3);
// validationmethods and accounturi are those of RFC 8657.
func (c CAA) Allows(host string, identities []string, account string, methods []string) (allowed []string, refusal *CAARefusal) {
	refuse := func(record, why string) *CAARefusal {
		wanted := "a CAA record at " + c.At + " that names the CA"
		if len(identities) > 0 {
			wanted = fmt.Sprintf("%s CAA 0 issue %q", c.At, identities[0])
		}
		return &CAARefusal{Host: host, At: c.At, Record: record, Why: why, Wanted: wanted}
	}
	var issue []property
	for _, record := range c.Records {
		p, ok := parseProperty(record)
		switch {
		case !ok:
			continue
		case p.critical && !slices.Contains([]string{"issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"}, p.tag):
			return nil, refuse(record, "it is marked critical and of a kind that CAs need not know, so that none may issue")
		case p.tag == "issue":
			issue = append(issue, p)
		}
	}
	if len(issue) == 0 {
		return methods, nil
	}
	if len(identities) == 0 {
		if !slices.ContainsFunc(issue, func(p property) bool { return p.issuer != "" && !p.broken }) {
			return nil, refuse(issue[0].text, "it allows nobody")
		}
		return methods, nil // which of the names is the CA's, the CA alone knows
	}
	var nearest *CAARefusal // the record that comes closest to allowing it
	for _, p := range issue {
		if !slices.Contains(identities, p.issuer) {
			continue
		}
		if p.broken {
			nearest = refuse(p.text, "its parameters cannot be read, so that it allows nobody")
			continue
		}
		if want, ok := p.params["accounturi"]; ok && want != account {
			nearest = refuse(p.text, "it allows another ACME account, and belay's is "+account)
			nearest.Wanted = fmt.Sprintf("%s CAA 0 issue %q", c.At, identities[0]+"; accounturi="+account)
			continue
		}
		ways := methods
		if list, ok := p.params["validationmethods"]; ok {
			ways = nil
			for _, way := range strings.Split(list, ",") {
				if way = strings.TrimSpace(way); slices.Contains(methods, way) {
					ways = append(ways, way)
				}
			}
			if len(ways) == 0 {
				nearest = refuse(p.text, "it allows no challenge that belay may use here, "+strings.Join(methods, " or "))
				nearest.Wanted += ", or another --challenge"
				continue
			}
		}
		for _, way := range ways {
			if !slices.Contains(allowed, way) {
				allowed = append(allowed, way)
			}
		}
	}
	switch {
	case len(allowed) > 0:
		return allowed, nil
	case nearest != nil:
		return nil, nearest
	}
	return nil, refuse(issue[0].text, "it does not name this CA, which CAA calls "+strings.Join(identities, " or "))
}
