package main

import (
	"strings"

	"belay/rollout/finding"
)

// hostRows are about the policy host.
func hostRows() []findingRow {
	const host = "mta-sts.corp.test"
	return []findingRow{
		{code: "H01", made: "no address", fault: with(record(host, "A"), record(host, "AAAA"))},
		{code: "H02", made: "refuses over IPv6", fault: breaks("policy.no-ipv6")},
		{code: "H03", made: "certificate expired", fault: breaks("policy.expired")},
		{code: "H03", made: "certificate for another name", fault: breaks("policy.wrong-name")},
		{code: "H03", made: "intermediate not sent", fault: breaks("policy.missing-intermediate")},
		{code: "H03", made: "handshake broken off", fault: breaks("policy.no-handshake")},
		{code: "H04", made: "302", fault: breaks("policy.redirect")},
		{code: "H05", made: "404", fault: breaks("policy.404")},
		{code: "H06", made: "text/html", fault: breaks("policy.type")},
		{code: "H06", sev: finding.Warn, made: "charset ISO 8859-1", fault: breaks("policy.charset")},
		{code: "H08", made: "TLS 1.3 only", fault: breaks("policy.tls13-only")},
		{code: "H08", made: "TLS 1.1 at most", fault: breaks("policy.old-tls")},
		{code: "H09", made: "IPv6 serves an older body", fault: with(breaks("policy.ipv6-stale"), serves(policyBody("testing", 604800)))},
		{code: "H10", made: "certificate ends in 10 days", fault: breaks("policy.expiring")},
		{code: "H11", made: "a shared cache keeps it for a day", sound: with(published, breaks("policy.cached")), fault: breaks("policy.cached-long")},
		{code: "H12", made: "70000 octets", fault: serves(policyBody("testing", 86400) + strings.Repeat("x: y\r\n", 12000))},
		{code: "H13", made: "gzip unasked", fault: breaks("policy.gzip")},
		{code: "H14", made: "port 80 serves it too", fault: breaks("policy.http")},
		{code: "H16", made: "a wildcard leads it to the web server", sound: with(published, breaks("policy.404")),
			fault: with(record(host, "A"), record(host, "AAAA"), record("*.corp.test", "A", "192.0.2.20"))},
		{code: "H17", made: "refuses connections", fault: breaks("policy.refused")},
		{code: "E06", made: "IPv4 enforces, IPv6 tests", fault: with(breaks("policy.ipv6-stale"), serves(policyBody("enforce", 86400)))},
		{code: "O09", made: "its clock is 10 minutes behind", fault: breaks("policy.wrong-date")},
	}
}

// bodyRows are about the policy's text.
func bodyRows() []findingRow {
	body := policyBody("testing", 86400)
	changed := func(old, new string) func(*box) { return serves(strings.Replace(body, old, new, 1)) }
	return []findingRow{
		{code: "C01", made: "byte order mark", fault: serves("\ufeff" + body)},
		{code: "C01", sev: finding.Warn, made: "umlaut in an unknown field", fault: serves(body + "note: grün\r\n")},
		{code: "C02", made: "blank line in the middle", fault: changed("mx: mx1", "\r\nmx: mx1")},
		{code: "C02", made: "blank line at the end", fault: serves(body + "\r\n")},
		{code: "C03", made: "no version", fault: changed("version: STSv1\r\n", "")},
		{code: "C03", sev: finding.Warn, made: "mode twice", fault: serves(body + "mode: testing\r\n")},
		{code: "C04", made: "mode: enforced", fault: changed("testing", "enforced")},
		{code: "C05", made: "max_age: 1d", fault: changed("86400", "1d")},
		{code: "C06", made: "max_age of an hour", fault: changed("86400", "3600")},
		{code: "C07", made: "mx2 not named", fault: changed("mx: mx2.corp.test\r\n", "")},
		{code: "C07", made: "a wildcard reaches one label too few", sound: with(published, changed("mx: mx2.corp.test", "mx: *.b.corp.test\r\nmx: mx2.corp.test")), fault: changed("mx: mx2.corp.test", "mx: *.mx2.corp.test")},
		{code: "C08", made: "mx that is no MX", fault: serves(body + "mx: old.corp.test\r\n")},
		{code: "C09", made: "mx: mx*.corp.test", fault: changed("mx2.corp", "mx*.corp")},
		{code: "C10", made: "mx: *.test", fault: changed("mx2.corp.test", "*.test")},
		{code: "C10", sev: finding.Info, made: "wildcard over a vendor's customers", fault: serves(body + "mx: *.mail.protection.outlook.com\r\n")},
		{code: "C11", made: "mx with a port", fault: changed("mx2.corp.test", "mx2.corp.test:25")},
		{code: "C12", sev: finding.Fail, made: "mx in Unicode", fault: changed("mx2.corp", "mx2.cörp")},
		{code: "C13", made: "no mx at all", fault: serves("version: STSv1\r\nmode: testing\r\nmax_age: 86400\r\n")},
		{code: "C14", made: "LF and CRLF mixed", fault: changed("testing\r\n", "testing\n")},
		{code: "C15", made: "colon in an unknown field", fault: serves(body + "note: see https://corp.test\r\n")},
		{code: "C15", sev: finding.Fail, made: "comment", fault: serves("# our policy\r\n" + body)},
		{code: "C16", made: "space before the colon", fault: changed("mode:", "mode :")},
		{code: "A04", made: "max_age of two years", fault: changed("86400", "63115200")},
		{code: "A02", made: "enforced for a year, certificates of 80 days", sound: with(published, serves(policyBody("enforce", 604800))), fault: serves(policyBody("enforce", 31557600))},
	}
}
