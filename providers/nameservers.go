package providers

import "strings"

// ByNameServers returns the id of the DNS provider that keeps a zone with these
// name servers, or "" where none of belay's is recognised or they disagree: a
// zone that two providers serve is changed where its operator knows, not where
// belay guesses.
func ByNameServers(ns []string) (id string) {
	for i, name := range ns {
		found := ""
		for _, p := range dnsProviders() {
			if matchesAny(name, p.NameServers) {
				found = p.ID
			}
		}
		if i > 0 && found != id {
			return ""
		}
		id = found
	}
	return id
}

// ServedBy names the provider behind these name servers for people, belay's or
// not; "" where it is not recognised.
func ServedBy(ns []string) (label string) {
	if p, ok := Lookup(DNS, ByNameServers(ns)); ok {
		return p.Label
	}
	for _, name := range ns {
		for _, k := range knownNameServers() {
			if matchesAny(name, k.suffixes) {
				return k.label
			}
		}
	}
	return ""
}

func matchesAny(name string, suffixes []string) bool {
	for _, s := range suffixes {
		if matches(name, s) {
			return true
		}
	}
	return false
}

// matches compares name's last labels with those of suffix. A "*" in a label of
// suffix stands for any run of characters.
func matches(name, suffix string) bool {
	n := strings.Split(strings.ToLower(strings.TrimSuffix(name, ".")), ".")
	s := strings.Split(suffix, ".")
	if len(n) < len(s) {
		return false
	}
	n = n[len(n)-len(s):]
	for i, want := range s {
		head, tail, open := strings.Cut(want, "*")
		if open && (len(n[i]) < len(head)+len(tail) || !strings.HasPrefix(n[i], head) || !strings.HasSuffix(n[i], tail)) {
			return false
		}
		if !open && n[i] != want {
			return false
		}
	}
	return true
}

// knownNameServers are providers that belay can name and not yet change.
func knownNameServers() []struct {
	label    string
	suffixes []string
} {
	return []struct {
		label    string
		suffixes []string
	}{
		{"Akamai", []string{"akam.net"}},
		{"Alibaba Cloud DNS", []string{"alidns.com", "hichina.com"}},
		{"Azure DNS", []string{"azure-dns.com", "azure-dns.net", "azure-dns.org", "azure-dns.info"}},
		{"Bunny DNS", []string{"bunny.net"}},
		{"ClouDNS", []string{"cloudns.net", "cloudns.uk"}},
		{"DNS Made Easy", []string{"dnsmadeeasy.com"}},
		{"DNSimple", []string{"dnsimple.com", "dnsimple-edge.net", "dnsimple-edge.org"}},
		{"DreamHost", []string{"dreamhost.com"}},
		{"Dynadot", []string{"dynadot.com"}},
		{"EasyDNS", []string{"easydns.com", "easydns.net", "easydns.org"}},
		{"GoDaddy", []string{"domaincontrol.com"}},
		{"Hostinger", []string{"dns-parking.com"}},
		{"Hover", []string{"hover.com"}},
		{"Hurricane Electric", []string{"he.net"}},
		{"Infomaniak", []string{"infomaniak.ch"}},
		{"INWX", []string{"inwx.de", "inwx.eu", "inwx.com"}},
		{"IONOS", []string{"ui-dns.com", "ui-dns.de", "ui-dns.org", "ui-dns.biz"}},
		{"Loopia", []string{"loopia.se"}},
		{"Name.com", []string{"name.com"}},
		{"Namecheap", []string{"registrar-servers.com"}},
		{"netcup", []string{"netcup.net"}},
		{"NS1 (IBM, Netlify)", []string{"nsone.net"}},
		{"Njalla", []string{"njal.la"}},
		{"Scaleway", []string{"dom.scw.cloud"}},
		{"Simply.com", []string{"simply.com"}},
		{"Squarespace", []string{"squarespacedns.com"}},
		{"Strato", []string{"rzone.de"}},
		{"TransIP", []string{"transip.nl", "transip.net", "transip.eu"}},
		{"UltraDNS", []string{"ultradns.com", "ultradns.net", "ultradns.org", "ultradns.biz"}},
		{"Vercel", []string{"vercel-dns.com"}},
		{"Vultr", []string{"vultr.com"}},
		{"Wix", []string{"wixdns.net"}},
	}
}
