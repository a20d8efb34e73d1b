package dns

import (
	"fmt"
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
)

// A Form is a way to write an edit down for the hand that makes it.
type Form string

// The forms, as the command line names them.
const (
	// Panel is the fields of a provider's form: the value without quotes.
	Panel Form = "panel"
	// ZoneFile is lines of a zone file (RFC 1035 section 5.1).
	ZoneFile Form = "zone"
	// NSUpdate is a script for nsupdate, with what must stand there before as
	// prerequisites (RFC 2136 section 2.4).
	NSUpdate Form = "nsupdate"
	// Terraform is resources of the AWS and the Cloudflare provider.
	Terraform Form = "terraform"
)

// Forms are all forms, the one that most people need first.
func Forms() []Form { return []Form{Panel, ZoneFile, NSUpdate, Terraform} }

// ParseForm returns the form of this name.
func ParseForm(name string) (Form, error) {
	if f := Form(name); slices.Contains(Forms(), f) {
		return f, nil
	}
	return "", fmt.Errorf("%q is no form; it is panel, zone, nsupdate or terraform", name)
}

// Write says how to make e by hand in this form, in lines without a final newline.
// It is empty for an edit that is no record. What is foreign in e, as a value that
// is to be deleted, is stripped of control characters or escaped.
func (f Form) Write(e rollout.Edit) string {
	if e.Kind != rollout.Record {
		return ""
	}
	if e.TTL == 0 {
		e.TTL = defaultTTL
	}
	if e.Zone == "" {
		_, e.Zone, _ = strings.Cut(e.Name, ".")
	}
	var lines []string
	switch f {
	case ZoneFile:
		lines = zoneFile(e)
	case NSUpdate:
		lines = nsupdate(e)
	case Terraform:
		lines = terraform(e)
	default:
		lines = panel(e)
	}
	return strings.Join(lines, "\n")
}

// panel is what a provider's form asks for. Some ask for the name without the
// zone, some for all of it: both stand there.
func panel(e rollout.Edit) []string {
	head := "Change this record in the zone " + e.Zone + "; nothing else may stay at the name with this type:"
	switch {
	case !e.After.Exists:
		head = "Delete this record in the zone " + e.Zone + ":"
	case !e.Before.Exists:
		head = "Create this record in the zone " + e.Zone + ":"
	}
	lines := []string{head,
		fmt.Sprintf("  name   %s   (in full %s)", relative(e.Name, e.Zone), e.Name),
		"  type   " + e.Type}
	if e.After.Exists {
		lines = append(lines, fmt.Sprintf("  TTL    %d", e.TTL))
	}
	was := "  old    "
	if !e.After.Exists {
		was = "  value  "
	}
	for _, v := range e.Before.Records {
		lines = append(lines, was+finding.Aligned(v))
	}
	for _, v := range e.After.Records {
		lines = append(lines, "  value  "+finding.Aligned(v))
	}
	return lines
}

// zoneFile is the lines that go, as comments, and those that come. A line goes
// whatever its TTL.
func zoneFile(e rollout.Edit) []string {
	var lines []string
	for _, v := range e.Before.Records {
		lines = append(lines, fmt.Sprintf("; remove: %s IN %s %s", fqdn(e.Name), e.Type, inZoneFile(e.Type, v)))
	}
	return append(lines, ZoneLines(e.Name, e.Type, e.TTL, e.After)...)
}

// nsupdate is a script that changes nothing where something else stands than the
// plan saw, and then says so: what would come to stand beside a CNAME, or a CNAME
// beside anything, a server passes over in silence (RFC 2136 section 3.4.2.2).
func nsupdate(e rollout.Edit) []string {
	owner := fqdn(e.Name)
	lines := []string{"zone " + fqdn(e.Zone)}
	switch {
	case e.Before.Exists:
		for _, v := range e.Before.Records {
			lines = append(lines, fmt.Sprintf("prereq yxrrset %s IN %s %s", owner, e.Type, inZoneFile(e.Type, v)))
		}
		lines = append(lines, fmt.Sprintf("update delete %s IN %s", owner, e.Type))
	case e.Type == "CNAME":
		lines = append(lines, "prereq nxdomain "+owner)
	default:
		lines = append(lines, fmt.Sprintf("prereq nxrrset %s IN %s", owner, e.Type), fmt.Sprintf("prereq nxrrset %s IN CNAME", owner))
	}
	for _, v := range e.After.Records {
		lines = append(lines, fmt.Sprintf("update add %s %d IN %s %s", owner, e.TTL, e.Type, inZoneFile(e.Type, v)))
	}
	return append(lines, "send")
}

// ZoneLines prints a value as zone-file lines (RFC 1035 section 5.1), one a
// record, names in full: TXT quoted and cut where it is longer than 255 bytes, a
// CNAME's target with its final dot. TTL is in seconds.
func ZoneLines(name, typ string, ttl uint32, v rollout.Value) []string {
	var out []string
	for _, value := range v.Records {
		out = append(out, fmt.Sprintf("%s %d IN %s %s", fqdn(name), ttl, typ, inZoneFile(typ, value)))
	}
	return out
}

// inZoneFile is a value as a zone file has it.
func inZoneFile(typ, value string) string {
	if typ == "TXT" {
		return quoteTXT(value)
	}
	return finding.Aligned(presented(typ, value))
}
