package dns

import (
	"fmt"
	"strings"

	"belay/rollout"
)

// terraform is e as a resource of Amazon's provider, where one holds a whole RRset,
// and as resources of Cloudflare's, where each record is one.
func terraform(e rollout.Edit) []string {
	label := terraformLabel(relative(e.Name, e.Zone) + "_" + strings.ToLower(e.Type))
	if !e.After.Exists {
		return []string{
			fmt.Sprintf("# %s %s goes: delete its resource from the configuration, such as", e.Name, e.Type),
			fmt.Sprintf("# aws_route53_record.%s or cloudflare_dns_record.%s.", label, label),
			"# Where Terraform does not manage the record yet, delete it by hand.",
		}
	}
	var lines []string
	if e.Before.Exists {
		lines = append(lines,
			fmt.Sprintf("# %s %s stands already: change its resource, or import it before you apply.", e.Name, e.Type))
	}
	lines = append(lines, "# Amazon Route 53",
		fmt.Sprintf("resource %q %q {", "aws_route53_record", label),
		fmt.Sprintf("  zone_id = var.zone_id # the hosted zone of %s", e.Zone),
		"  name    = "+hcl(e.Name),
		"  type    = "+hcl(e.Type),
		fmt.Sprintf("  ttl     = %d", e.TTL),
		"  records = [")
	for _, v := range e.After.Records {
		lines = append(lines, "    "+hcl(route53Content(e.Type, v))+",")
	}
	lines = append(lines, "  ]", "}", "# Cloudflare")
	for i, v := range e.After.Records {
		one := label
		if len(e.After.Records) > 1 {
			one = fmt.Sprintf("%s_%d", label, i+1)
		}
		lines = append(lines,
			fmt.Sprintf("resource %q %q {", "cloudflare_dns_record", one),
			fmt.Sprintf("  zone_id = var.zone_id # the zone %s", e.Zone),
			"  name    = "+hcl(e.Name),
			"  type    = "+hcl(e.Type),
			fmt.Sprintf("  ttl     = %d", e.TTL),
			"  content = "+hcl(cloudflareContent(e.Type, v)))
		if e.Type != "TXT" {
			lines = append(lines, "  proxied = false # the policy host must be seen as it is")
		}
		lines = append(lines, "}")
	}
	return lines
}

// route53Content is a value as aws_route53_record takes it: the provider puts a
// TXT value between quotes itself, so strings are parted by two quotes.
func route53Content(typ, value string) string {
	if typ != "TXT" {
		return inZoneFile(typ, value)
	}
	var parts []string
	for rest := value; ; {
		n := min(len(rest), maxString)
		parts = append(parts, octalTXT(rest[:n]))
		if rest = rest[n:]; rest == "" {
			return strings.Join(parts, `""`)
		}
	}
}

// octalTXT escapes a character-string as Route 53 reads it: in octal what is not
// printable ASCII.
func octalTXT(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// cloudflareContent is a value as cloudflare_dns_record takes it and reads it back:
// TXT as quoted strings, a target without its final dot.
func cloudflareContent(typ, value string) string {
	if typ == "CNAME" {
		return strings.TrimSuffix(inZoneFile(typ, value), ".")
	}
	return inZoneFile(typ, value)
}

// hcl is text as a quoted template of Terraform's language, in which nothing is
// interpolated.
func hcl(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(text) + `"`
}

// terraformLabel is text as the name of a resource: letters, digits, underscores
// and hyphens.
func terraformLabel(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, text)
}
