package dns

import (
	"net/netip"
	"slices"
	"strings"
)

// plainName is name in lower case without final dot.
func plainName(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// fqdn is name in lower case with its final dot.
func fqdn(name string) string { return plainName(name) + "." }

// plainNames are names in lower case without final dot.
func plainNames(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, plainName(n))
	}
	return out
}

// joined are the names of both lists, each once.
func joined(a, b []string) []string {
	out := slices.Clone(a)
	for _, n := range b {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// under reports whether name is zone or lies below it, label by label.
func under(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

// relative is name as it stands within zone: "@" for the apex itself.
func relative(name, zone string) string {
	if name == zone {
		return "@"
	}
	return strings.TrimSuffix(name, "."+zone)
}

// suffixes are name and its parents down to two labels, longest first: the
// zones that could hold it.
func suffixes(name string) []string {
	var out []string
	for strings.Contains(name, ".") {
		out = append(out, name)
		_, name, _ = strings.Cut(name, ".")
	}
	return out
}

// canonical is one value of type typ as rollout.Value has it: TXT as it is (the
// source has unquoted it), host names in lower case without final dot, addresses
// as netip prints them. What cannot be read stays as it came, so that it is seen
// and equals nothing.
func canonical(typ, v string) string {
	switch typ {
	case "CNAME", "NS":
		return plainName(v)
	case "A", "AAAA":
		if ip, err := netip.ParseAddr(v); err == nil {
			return ip.Unmap().String()
		}
	}
	return v
}

// presented is a canonical value as a provider must be given it: a CNAME's
// target with its final dot, or a server would append the zone's name.
func presented(typ, v string) string {
	if typ == "CNAME" {
		return fqdn(v)
	}
	return v
}
