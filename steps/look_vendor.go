package steps

import (
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	"golang.org/x/net/publicsuffix"
)

// A vendor takes in mail for other people's domains.
type vendor struct {
	name string
	// suffix is what the names of its MX hosts end in.
	suffix string
	// pattern is the mx line that covers them.
	pattern string
	// tenants is true where every customer has a host name of its own under the
	// suffix, so that a wildcard covers the others' too.
	tenants bool
}

// vendors are those whose MX hosts many domains have. The first suffix that fits
// counts.
func vendors() []vendor {
	return []vendor{
		{"Google Workspace", "aspmx.l.google.com", "*.aspmx.l.google.com, and aspmx.l.google.com itself", false},
		{"Google Workspace", "googlemail.com", "*.googlemail.com", false},
		{"Google Workspace", "google.com", "smtp.google.com", false},
		{"Microsoft 365", "mail.protection.outlook.com", "*.mail.protection.outlook.com, or your own host name under it", true},
		{"Microsoft 365", "mx.microsoft", "your own host name, which has two labels before mx.microsoft", true},
		{"Outlook.com", "olc.protection.outlook.com", "*.olc.protection.outlook.com", false},
		{"Proofpoint", "pphosted.com", "the exact host names: every customer has its own", true},
		{"Proofpoint Essentials", "ppe-hosted.com", "*.ppe-hosted.com", false},
		{"Mimecast", "mimecast.com", "*.mimecast.com", false},
		{"Barracuda", "ess.barracudanetworks.com", "the exact host names: every customer has its own", true},
		{"Cisco Secure Email", "iphmx.com", "the exact host names: every customer has its own", true},
		{"Broadcom Email Security.cloud", "messagelabs.com", "*.messagelabs.com", false},
		{"Trend Micro", "tmes.trendmicro.com", "the exact host names", true},
		{"Hornetsecurity", "hornetsecurity.com", "*.hornetsecurity.com", false},
		{"Forcepoint", "mailcontrol.com", "*.mailcontrol.com", true},
		{"Cloudflare Email Routing", "mx.cloudflare.net", "*.mx.cloudflare.net", false},
		{"Fastmail", "messagingengine.com", "*.messagingengine.com", false},
		{"Proton Mail", "protonmail.ch", "*.protonmail.ch", false},
		{"iCloud Mail", "mail.icloud.com", "*.mail.icloud.com", false},
		{"Zoho Mail", "zoho.com", "*.zoho.com", false},
		{"Zoho Mail", "zoho.eu", "*.zoho.eu", false},
		{"mailbox.org", "mailbox.org", "*.mailbox.org", false},
		{"Migadu", "migadu.com", "*.migadu.com", false},
		{"OVH", "mail.ovh.net", "*.mail.ovh.net", false},
		{"IONOS", "ionos.de", "*.ionos.de", false},
		{"IONOS", "ionos.com", "*.ionos.com", false},
		{"Gandi", "mail.gandi.net", "*.mail.gandi.net", false},
		{"Rackspace", "emailsrvr.com", "*.emailsrvr.com", false},
		{"Yandex", "mx.yandex.net", "mx.yandex.net", false},
		{"Amazon SES", "amazonaws.com", "the exact host name", false},
	}
}

// vendorOf is the vendor that a host belongs to; ok is false for hosts of nobody
// that belay knows.
func vendorOf(host string) (v vendor, ok bool) {
	for _, v := range vendors() {
		if host == v.suffix || strings.HasSuffix(host, "."+v.suffix) {
			return v, true
		}
	}
	return vendor{}, false
}

// organisation is the domain under which a name was registered; the name itself
// where that cannot be told.
func organisation(name string) string {
	if org, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return org
	}
	return name
}

// judgeVendors says whose hosts the MX hosts are, once an owner.
func judgeVendors(domain string, hosts []rollout.MXHost) []finding.Finding {
	var fs []finding.Finding
	told := map[string]bool{}
	for _, m := range hosts {
		owner := organisation(m.Host)
		if owner == organisation(domain) || m.Implicit || !usableHost(m.Host) {
			continue
		}
		v, known := vendorOf(m.Host)
		if known {
			owner = v.suffix
		}
		if told[owner] {
			continue
		}
		told[owner] = true
		if known {
			fs = append(fs, finding.New("M20", owner, "mail is received by "+v.name+", at "+m.Host).
				Mend("In the policy write for "+v.name+": "+v.pattern+"."))
			continue
		}
		fs = append(fs, finding.New("M20", owner, fmt.Sprintf("%s lies in another domain than %s: whoever runs %s owns the host and its certificate", m.Host, domain, owner)).
			Mend("Write the exact host names in the policy, and ask the provider to announce changes of them."))
	}
	return fs
}

// judgeTenants points at wildcards that cover the hosts of a vendor's other
// customers.
func judgeTenants(url string, policy mtasts.Policy) []finding.Finding {
	var fs []finding.Finding
	for _, pattern := range policy.MX {
		suffix, wild := strings.CutPrefix(strings.ToLower(pattern), "*.")
		if v, ok := vendorOf(suffix); wild && ok && v.tenants && v.suffix == suffix {
			fs = append(fs, finding.New("C10", url, fmt.Sprintf("the pattern %s covers the hosts of every customer of %s", pattern, v.name)).As(finding.Info).
				Because("Whoever can change your MX records unseen could lead senders to another customer's host, and the policy would admit it.").
				Mend("Write your own host name in place of the wildcard, if the provider promises to keep it."))
		}
	}
	return fs
}
