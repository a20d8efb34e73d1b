package mtasts

import (
	"fmt"
	"strconv"
	"strings"

	"belay/rollout/finding"
)

// once reads a field that may stand once: the first counts, a later one is
// reported, and judged, because senders differ in which they take.
func (p *policyParser) once(name, value string, line, nameAt, valueAt int) {
	code, reason := p.judge(name, value)
	first, again := p.values[name]
	if again {
		f := p.warn("C03", line, nameAt, fmt.Sprintf("%s stands a second time, with %s after %s", name, finding.Quote(value, 40), finding.Quote(first, 40)))
		f.Detail = "By the RFC the first counts, and mox and postfix-tlspol take it; maddy and postfix-mta-sts-resolver take the last. If the second value is not valid, all but postfix-tlspol refuse the policy."
		f.Fix = "Remove one of the two."
	} else {
		p.values[name] = value
		p.set(name, value)
	}
	if reason != "" {
		p.find(code, line, valueAt, reason)
		return
	}
	if !again && name == "max_age" && len(value) > 1 && value[0] == '0' {
		p.warn("C05", line, valueAt, "max_age "+value+" has leading zeros").Fix = "Write it without them."
	}
}

// set stores the first value of a field, as far as it can be read.
func (p *policyParser) set(name, value string) {
	switch name {
	case "version":
		p.policy.Version = value
	case "mode":
		p.policy.Mode = Mode(value)
	case "max_age":
		if len(value) <= 10 && allDigits(value) {
			seconds, _ := strconv.ParseUint(value, 10, 64)
			p.policy.MaxAge = uint32(min(seconds, 1<<32-1))
		}
	}
}

// judge says what is wrong with the value of a required field.
func (p *policyParser) judge(name, value string) (finding.Code, string) {
	quoted := finding.Quote(value, 80)
	switch name {
	case "version":
		switch {
		case value == Version:
			return "", ""
		case strings.HasPrefix(value, Version) && strings.ContainsAny(value, ";,"):
			return "C03", "version is " + quoted + ": each field needs a line of its own"
		}
		return "C03", "version is " + quoted + ", not STSv1"
	case "mode":
		if m := Mode(value); m == Enforce || m == Testing || m == None {
			return "", ""
		}
		return "C04", "mode is " + quoted + ", not one of none, testing and enforce"
	}
	switch {
	case value == "":
		return "C05", "max_age has no value"
	case !allDigits(value):
		return "C05", "max_age is " + quoted + ", not a whole number of seconds"
	case len(value) > 10:
		return "C05", fmt.Sprintf("max_age %s has %d digits; at most 10 are allowed", quoted, len(value))
	}
	if seconds, _ := strconv.ParseUint(value, 10, 64); seconds > MaxAgeLimit {
		return "C05", fmt.Sprintf("max_age is %d, more than the %d seconds allowed", seconds, MaxAgeLimit)
	}
	return "", ""
}

// mx reads one mx line.
func (p *policyParser) mx(value string, line, at int) {
	if bad := faultOf(value); bad != nil {
		f := p.fail(bad.code, line, at+bad.at, "mx "+finding.Quote(value, 255)+" "+bad.Error())
		if bad.fix != "" {
			f.Fix = finding.Clean(bad.fix, 300)
		}
	} else if f, wide := lintWide(value); wide {
		f.Subject = policySubject
		p.findings = append(p.findings, f.At(line, at))
	}
	for _, earlier := range p.policy.MX {
		if value != "" && strings.EqualFold(earlier, value) {
			f := p.warn("C03", line, at, "mx "+finding.Quote(value, 255)+" stands twice")
			f.Detail, f.Fix = "It does no harm.", "Remove one of the two lines."
			break
		}
	}
	if value != "" {
		p.policy.MX = append(p.policy.MX, value)
	}
}

// finish judges the policy as a whole: what is missing, and what is lawful but
// unwise.
func (p *policyParser) finish() {
	for _, name := range []string{"version", "mode", "max_age"} {
		if _, ok := p.values[name]; !ok {
			p.find("C03", 1, 1, "policy has no "+name+p.hint(name))
		}
	}
	mode, age := p.policy.Mode, p.policy.MaxAge
	if len(p.policy.MX) == 0 {
		f := p.find("C13", 1, 1, "policy has no mx"+p.hint("mx"))
		if mode == None {
			f.Severity = finding.Info
		}
	}
	value, ok := p.values["max_age"]
	if _, reason := p.judge("max_age", value); !ok || reason != "" {
		return
	}
	switch {
	case age == 0:
		p.warn("C06", 1, 1, "max_age is 0: senders keep nothing").Detail = "A sender that keeps no policy is not bound by it at its next delivery."
	case mode == None && age > 30*24*60*60:
		f := p.warn("C06", 1, 1, fmt.Sprintf("mode none has a max_age of %d seconds", age))
		f.Detail = "Senders that cache it will not look for a new policy sooner unless they see the new id."
		f.Fix = "Use a max_age of a day (86400) with mode none."
	case age < 86400:
		p.find("C06", 1, 1, fmt.Sprintf("max_age is %d seconds, less than a day", age))
	case mode == Enforce && age < 7*86400:
		f := p.find("C06", 1, 1, fmt.Sprintf("max_age is %d seconds, less than a week", age))
		f.Detail = "RFC 8461 expects weeks or more in the end: the longer senders remember, the harder it is to keep the policy from them."
		f.Fix = "Raise it when enforce has proved itself."
	}
}

// hint adds that a field like the missing one was seen.
func (p *policyParser) hint(name string) string {
	for _, seen := range p.lookLike {
		if strings.EqualFold(strings.ReplaceAll(seen, "-", "_"), name) {
			return ", but a field " + finding.Quote(seen, 40)
		}
	}
	return ""
}
