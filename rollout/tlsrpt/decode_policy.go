package tlsrpt

import (
	"fmt"
	"strings"

	"belay/rollout/finding"

	"golang.org/x/net/idna"
)

// policies reads the list of policies applied.
func (d *decoder) policies(r *Report) {
	at := d.place()
	if d.peek() != '[' {
		d.wrong("policies", "an array")
		return
	}
	d.array(func() {
		if d.peek() != '{' {
			d.wrong("an element of policies", "an object")
			return
		}
		if d.item() {
			r.Policies = append(r.Policies, d.entry())
		}
	})
	if len(r.Policies) == 0 && d.fault == nil && d.rejected == nil {
		d.warnAt(at, "policies is empty")
	}
}

// entry reads one policy with its summary and failures.
func (d *decoder) entry() Policy {
	at := d.place()
	var p Policy
	var has struct{ policy, summary bool }
	d.object(func(name string) {
		switch name {
		case "policy":
			has.policy = true
			d.policy(&p)
		case "summary":
			has.summary = true
			d.summary(&p)
		case "failure-details":
			d.failures(&p)
		default:
			d.unknown(name, "policy", "summary", "failure-details")
		}
	})
	if d.fault != nil {
		return p
	}
	if !has.policy {
		d.rejectAt(at, "an element of policies has no policy")
	}
	if !has.summary {
		d.rejectAt(at, "an element of policies has no summary")
	}
	if has.summary && d.rejected == nil {
		d.compare(&p, at)
	}
	return p
}

// compare remarks on details that do not add up. One session may fail in more
// than one way, so this is no departure.
func (d *decoder) compare(p *Policy, at place) {
	var sum int64
	for _, f := range p.Failures {
		sum += min(f.Sessions, maxCount-sum)
	}
	if sum != p.Failed {
		f := finding.New("V13", reportSubject, fmt.Sprintf("failure-details tell of %d sessions, the summary of %d failed", sum, p.Failed)).As(finding.Info)
		d.add(f.Because("RFC 8460 lets one session fail in more than one way; the summary counts."), at)
	}
}

// policy reads what the sender applied.
func (d *decoder) policy(p *Policy) {
	at := d.place()
	if d.peek() != '{' {
		d.wrong("policy", "an object")
		return
	}
	var has struct{ kind, lines, domain, hosts bool }
	d.object(func(name string) {
		switch name {
		case "policy-type":
			has.kind = true
			d.policyType(p)
		case "policy-string":
			has.lines = true
			p.Strings = d.list(name)
		case "policy-domain":
			has.domain = true
			p.Domain = d.domain(name)
		case "mx-host":
			has.hosts = true
			p.MXHosts = d.list(name)
		case "mx-host-pattern":
			if list := d.list(name); p.MXHosts == nil {
				p.MXHosts = list
			}
		default:
			d.unknown(name, "policy-type", "policy-string", "policy-domain", "mx-host")
		}
	})
	if d.fault != nil {
		return
	}
	if !has.kind {
		d.rejectAt(at, "policy has no policy-type")
	}
	if !has.domain {
		d.warnAt(at, "policy has no policy-domain")
	}
	if !has.lines && (p.Type == STS || p.Type == TLSA) {
		d.warnAt(at, "policy has no policy-string")
	}
	if !has.hosts && p.Type == STS {
		d.warnAt(at, "policy has no mx-host")
	}
}

func (d *decoder) policyType(p *Policy) {
	at := d.place()
	if d.peek() != '"' {
		d.wrong("policy-type", "a string")
		return
	}
	text := d.quote(d.str())
	switch p.Type = PolicyType(strings.ToLower(text)); {
	case d.fault != nil:
	case p.Type != STS && p.Type != TLSA && p.Type != NoPolicyFound:
		p.Type = PolicyType(text)
		d.warnAt(at, "policy-type is unknown: "+finding.Quote(text, 60))
	case string(p.Type) != text:
		d.warnAt(at, "policy-type is not in lower case: "+finding.Quote(text, 60))
	}
}

// list reads an array of strings, of which some senders make a single string. The
// line ends that some leave at the end of an item are dropped.
func (d *decoder) list(name string) []string {
	var items []string
	at := d.place()
	switch d.peek() {
	case '"':
		d.warnAt(at, name+" is a string, not an array of strings")
		for line := range strings.SplitSeq(string(d.str()), "\n") {
			if line = strings.TrimRight(line, "\r"); line != "" && d.item() {
				items = append(items, d.quote([]byte(line)))
			}
		}
	case '[':
		d.array(func() {
			if d.peek() != '"' {
				d.wrong("an element of "+name, "a string")
				return
			}
			text := d.str()
			for len(text) > 0 && (text[len(text)-1] == '\r' || text[len(text)-1] == '\n') {
				text = text[:len(text)-1]
			}
			if d.item() {
				items = append(items, d.quote(text))
			}
		})
	case 'n':
		d.warnAt(at, name+" is null")
		d.skip()
	default:
		d.wrong(name, "an array of strings")
	}
	return items
}

// domain reads a domain name and brings it to lower case A-labels.
func (d *decoder) domain(name string) string {
	at := d.place()
	text := d.text(name, needed)
	if !d.quotes(len(text)) {
		return ""
	}
	folded := strings.TrimSuffix(strings.ToLower(text), ".")
	for i := 0; i < len(folded); i++ {
		if folded[i] < 0x80 {
			continue
		}
		d.warnAt(at, name+" is not in A-labels: "+finding.Quote(text, 100))
		if ascii, err := idna.Lookup.ToASCII(folded); err == nil {
			return ascii
		}
		break
	}
	return folded
}

// maxCount is the largest integer that I-JSON carries safely.
const maxCount = 1<<53 - 1

// count reads a number of sessions: a whole number from 0 to maxCount.
func (d *decoder) count(name string) int64 {
	at := d.place()
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		d.wrong(name, "a number")
		return 0
	}
	var n int64
	text := d.number()
	for _, c := range text {
		if c < '0' || c > '9' || n > maxCount {
			d.rejectAt(at, name+" is not a whole number of sessions: "+finding.Quote(string(text), 40))
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	if n > maxCount {
		d.rejectAt(at, name+" is too large: "+finding.Quote(string(text), 40))
		return 0
	}
	return n
}

// summary reads the totals. Senders leave out one that is zero.
func (d *decoder) summary(p *Policy) {
	at := d.place()
	if d.peek() != '{' {
		d.wrong("summary", "an object")
		return
	}
	var good, bad bool
	d.object(func(name string) {
		switch name {
		case "total-successful-session-count":
			good = true
			p.Successful = d.count(name)
		case "total-failure-session-count":
			bad = true
			p.Failed = d.count(name)
		default:
			d.unknown(name, "total-successful-session-count", "total-failure-session-count")
		}
	})
	switch {
	case d.fault != nil || good && bad:
	case good:
		d.warnAt(at, "summary has no total-failure-session-count; it is taken as 0")
	case bad:
		d.warnAt(at, "summary has no total-successful-session-count; it is taken as 0")
	default:
		d.rejectAt(at, "summary has no counts")
	}
}
