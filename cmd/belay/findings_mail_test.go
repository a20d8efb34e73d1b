package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"net/smtp"
	"strings"
	"time"

	"belay/rollout/finding"
)

// slowRows take their time: something is silent in them, or late.
func slowRows() []findingRow {
	return []findingRow{
		{code: "M04", made: "port 25 blocked, controls dark too", fault: breaks("network.no-port-25")},
		{code: "M05", made: "mx2 times out, controls answer", fault: breaks("mx2.unreachable")},
		{code: "D11", made: "a content proxy on port 80, nothing on 25", fault: breaks("mx2.proxied")},
		{code: "H07", made: "policy host takes 2.2 s, three times", fault: with(slowness(2200*time.Millisecond), breaks("policy.slow"))},
		{code: "H07", sev: finding.Fail, made: "policy host takes 10.2 s", fault: with(slowness(10200*time.Millisecond), breaks("policy.slow"))},
		{code: "M19", made: "mx2 greets after 5.5 s", fault: with(slowness(5500*time.Millisecond), breaks("mx2.slow-greeting"))},
		{code: "D02", sev: finding.Warn, made: "ns2 answers nothing", fault: breaks("ns2.dead")},
		{code: "H02", made: "policy host times out over IPv6", fault: breaks("policy.ipv6-unreachable")},
	}
}

// mailRows are about the MX hosts.
func mailRows() []findingRow {
	return []findingRow{
		{code: "M01", made: "MX 0 .", fault: record("corp.test", "MX", "0 .")},
		{code: "M02", made: "no MX, A at the domain", fault: with(record("corp.test", "MX"), record("corp.test", "A", "192.0.2.11"))},
		{code: "M03", made: "MX is a CNAME", fault: with(record("a.corp.test", "CNAME", "mx1.corp.test."), record("corp.test", "MX", "10 a.corp.test."))},
		{code: "M03", made: "MX has no address", fault: record("corp.test", "MX", "10 none.corp.test.")},
		{code: "M03", made: "MX is an address", fault: record("corp.test", "MX", "10 192.0.2.11.")},
		{code: "M05", made: "mx2 refuses connections", fault: breaks("mx2.refused")},
		{code: "M06", made: "mx2 refuses over IPv6 only", fault: breaks("mx2.no-ipv6")},
		{code: "M07", made: "no STARTTLS at mx2", fault: breaks("mx2.no-starttls")},
		{code: "M08", made: "handshake broken off at mx2", fault: breaks("mx2.no-handshake")},
		{code: "M09", made: "certificate expired", fault: breaks("mx2.expired")},
		{code: "M09", made: "certificate not valid yet", fault: breaks("mx2.not-yet-valid")},
		{code: "M10", made: "certificate ends in 10 days", fault: breaks("mx2.expiring")},
		{code: "M11", made: "certificate for another name", fault: breaks("mx2.wrong-name")},
		{code: "M12", made: "intermediate not sent", fault: breaks("mx2.missing-intermediate")},
		{code: "M13", made: "self-signed", fault: breaks("mx2.self-signed")},
		{code: "M12", made: "private CA at mx2, not at the control", fault: breaks("mx2.private-ca")},
		{code: "M14", made: "name in the CN only", fault: breaks("mx2.common-name")},
		{code: "M15", made: "another certificate without SNI", fault: breaks("mx2.needs-sni")},
		{code: "M15", made: "handshake broken off without SNI", fault: breaks("mx2.sni-only")},
		{code: "M16", made: "TLS 1.1 at most", fault: breaks("mx2.old-tls")},
		{code: "M17", made: "the backup's certificate expired", fault: breaks("mx2.expired")},
		{code: "M18", made: "another certificate over IPv6", fault: breaks("mx2.ipv6-differs")},
		{code: "M19", made: "421 in the greeting", fault: breaks("mx2.deferring")},
		{code: "M20", made: "MX in another's domain", fault: record("corp.test", "MX", "10 mx1.corp.test.", "30 mail.control.test.")},
		{code: "M21", made: "one private CA at every MX host and the control", fault: breaks("network.inspected")},
		{code: "M22", made: "name servers disagree on MX", fault: with(breaks("ns2.lagging"), record("corp.test", "MX", "10 mx1.corp.test."))},
		{code: "M23", made: "RSA key of 1024 bits", fault: breaks("mx2.weak-key")},
		{code: "P09", made: "TLSA in an unsigned zone", fault: record("_25._tcp.mx1.corp.test", "TLSA", "3 1 1 "+strings.Repeat("ab", 32))},
		{code: "P09", sev: finding.Fail, made: "signed, TLSA of another key", sound: signed("mx1"), fault: record("_25._tcp.mx1.corp.test", "TLSA", "3 1 1 "+strings.Repeat("ab", 32))},
		{code: "R12", made: "DANE at mx1, no record for its reports", sound: with(published, signed("mx1"), record("_smtp._tls.mx1.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test")), fault: record("_smtp._tls.mx1.corp.test", "TXT")},
		{code: "H15", made: "mx2's certificate names mta-sts too", fault: breaks("mx2.shared-certificate")},
	}
}

// zoneRows are about the domain and its zone.
func zoneRows() []findingRow {
	return []findingRow{
		{code: "P01", made: "an internationalised domain", sound: func(*box) {}, fault: func(*box) {}, domain: "xn--bcher-kva.test"},
		{code: "P05", made: "_mta-sts is a zone of its own", fault: record("_mta-sts.corp.test", "NS", "ns2.corp.test.")},
		{code: "P07", made: "the resolver remembers an older id", sound: with(published, looked), fault: record("_mta-sts.corp.test", "TXT", "v=STSv1; id=2;"), sev: finding.Info},
		{code: "P08", made: "wildcard TXT", fault: record("*.corp.test", "TXT", "v=spf1 -all")},
		{code: "P10", made: "SERVFAIL, and an answer to CD=1", fault: breaks("resolver.bogus")},
		{code: "P11", made: "lists.corp.test has an MX of its own", fault: record("lists.corp.test", "MX", "10 mx1.corp.test.")},
		{code: "P11", made: "wildcard MX", fault: record("*.corp.test", "MX", "10 mx1.corp.test.")},
		{code: "D02", made: "ns2 has the zone of before", fault: with(breaks("ns2.lagging"), record("_mta-sts.corp.test", "TXT", "v=STSv1; id=2;"))},
		{code: "D02", sev: finding.Warn, made: "ns2 refuses the zone (lame)", fault: breaks("ns2.refusing")},
		{code: "D07", made: "TTL of a day", fault: recordFor(86400, "_mta-sts.corp.test", "TXT", "v=STSv1; id=1;")},
		{code: "D08", made: "asked before it was there", sound: with(published, record("_mta-sts.corp.test", "TXT")), fault: with(askedTooEarly, record("_mta-sts.corp.test", "TXT", "v=STSv1; id=1;"))},
		{code: "D12", made: "CAA allows nobody", sound: with(published, record("corp.test", "CAA", `0 iodef "mailto:ca@corp.test"`)), fault: record("corp.test", "CAA", `0 issue ";"`)},
	}
}

// signed makes the zone one that resolvers validate, with a TLSA record of the key
// that the MX host has.
func signed(key string) func(*box) {
	return func(b *box) {
		b.t.Helper()
		published(b)
		record("corp.test", "DS", "1 13 2 "+strings.Repeat("12", 32))(b)
		leaf := b.leafAt("192.0.2.11", key+".corp.test")
		sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
		record("_25._tcp."+key+".corp.test", "TLSA", "3 1 1 "+hex.EncodeToString(sum[:]))(b)
		record("_smtp._tls."+key+".corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test")(b)
	}
}

// leafAt is the certificate that an MX host shows.
func (b *box) leafAt(ip, name string) *x509.Certificate {
	b.t.Helper()
	conn, err := b.World().Network.Dial(b.t.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr(ip), 25))
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, name)
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{ServerName: name, InsecureSkipVerify: true}); err != nil {
		b.t.Fatal(err)
	}
	state, _ := c.TLSConnectionState()
	return state.PeerCertificates[0]
}
