package steps

import (
	"slices"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Whom CAA records let issue a certificate.
func TestIssuers(t *testing.T) {
	for name, row := range map[string]struct {
		records []string
		names   []string
		any     bool
	}{
		"none":                       {nil, nil, true},
		"one":                        {[]string{"0 issue letsencrypt.org"}, []string{"letsencrypt.org"}, false},
		"with parameters":            {[]string{"0 issue letsencrypt.org; accounturi=x"}, []string{"letsencrypt.org"}, false},
		"nobody":                     {[]string{"0 issue ;"}, nil, false},
		"only other properties":      {[]string{"0 iodef mailto:ca@corp.test", "0 issuewild ;"}, nil, true},
		"capitals, a critical flag":  {[]string{"128 issue PKI.goog "}, []string{"pki.goog"}, false},
		"what is not CAA is no rule": {[]string{"", "0", "0 issue"}, nil, true},
	} {
		if names, any := (caaSeen{"corp.test", row.records}).issuers(); !slices.Equal(names, row.names) || any != row.any {
			t.Errorf("%s: %q, any %v", name, names, any)
		}
	}
}

// Every vendor is found by a host of its own, and by no look-alike.
func TestVendors(t *testing.T) {
	for host, want := range map[string]string{
		"aspmx.l.google.com":                      "Google Workspace",
		"alt1.aspmx.l.google.com":                 "Google Workspace",
		"smtp.google.com":                         "Google Workspace",
		"corp-test.mail.protection.outlook.com":   "Microsoft 365",
		"corp-test.a-v1.mx.microsoft":             "Microsoft 365",
		"mxa-00000.gslb.pphosted.com":             "Proofpoint",
		"in1-smtp.messagingengine.com":            "Fastmail",
		"aspmx.l.google.com.evil.test":            "",
		"notgoogle.com":                           "",
		"mx1.corp.test":                           "",
		"inbound-smtp.eu-west-1.amazonaws.com":    "Amazon SES",
		"eu-smtp-inbound-1.mimecast.com":          "Mimecast",
		"route1.mx.cloudflare.net":                "Cloudflare Email Routing",
		"d1.ess.barracudanetworks.com":            "Barracuda",
		"mx01.mail.icloud.com":                    "iCloud Mail",
		"corp-test.olc.protection.outlook.com":    "Outlook.com",
		"cluster1.eu.messagelabs.com":             "Broadcom Email Security.cloud",
		"corp.in.tmes.trendmicro.com":             "Trend Micro",
		"mx.yandex.net":                           "Yandex",
		"esa1.corp.iphmx.com":                     "Cisco Secure Email",
		"antispam.corp.test.hornetsecurity.com.x": "",
	} {
		if v, _ := vendorOf(host); v.name != want {
			t.Errorf("%s is of %q, want %q", host, v.name, want)
		}
	}
	for _, v := range vendors() {
		if pattern, _, _ := strings.Cut(v.pattern, ","); strings.HasPrefix(pattern, "*") && mtasts.ValidPattern(pattern) != nil {
			t.Errorf("%s: %s", v.name, mtasts.ValidPattern(pattern))
		}
	}
}

// Only MX hosts outside the domain's own organisation belong to a provider.
func TestOwnHostsHaveNoVendor(t *testing.T) {
	hosts := []rollout.MXHost{{Host: "mx.mail.corp.co.uk"}, {Host: "mx.corp.co.uk"}, {Host: "corp.co.uk", Implicit: true}, {Host: "192.0.2.1"}}
	if fs := judgeVendors("lists.corp.co.uk", hosts); len(fs) > 0 {
		t.Errorf("%v", fs)
	}
	if fs := judgeVendors("corp.co.uk", append(hosts, rollout.MXHost{Host: "a.other.co.uk"}, rollout.MXHost{Host: "b.other.co.uk"})); len(fs) != 1 || fs[0].Code != "M20" {
		t.Errorf("%v", fs)
	}
}

// Whatever stands in a rua list or a CAA record, what is read of it can be asked
// for and printed.
func FuzzReading(f *testing.F) {
	f.Add("mailto:tls@corp.test", "0 issue letsencrypt.org")
	f.Add("https://[::1]:443/x", `128 issue "; \x1b[2J`)
	f.Add("mailto:a%40b@c%00.test?x=y", "")
	f.Fuzz(func(t *testing.T, uri, caa string) {
		for _, d := range destinations([]string{uri}) {
			if d.uri != uri {
				t.Errorf("%q became %q", uri, d.uri)
			}
		}
		names, any := (caaSeen{"corp.test", []string{caa}}).issuers()
		if any && len(names) > 0 {
			t.Errorf("%q restricts nobody to %q", caa, names)
		}
		for _, n := range names {
			if finding.Clean(n, 253) != n {
				t.Errorf("not fit to print: %q", n)
			}
		}
	})
}
