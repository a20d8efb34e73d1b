package main

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/miekg/dns"
)

var mails = flag.Int("mails", 20_000, "report mails in the benchmarks' Maildir")

// selector names the DKIM key of every reporter.
const selector = "bench"

// A postbag is who writes the benchmarks' reports: 40 reporters that share one key.
type postbag struct {
	Reporters []string
	Key       string // as it stands in the DNS
	key       crypto.Signer
}

func newPostbag(b testing.TB) postbag {
	b.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	bag := postbag{Key: "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public), key: key}
	for i := range 40 {
		bag.Reporters = append(bag.Reporters, fmt.Sprintf("reporter%d.test", i))
	}
	return bag
}

// fill writes a Maildir of n report mails about the last 90 days. One in a hundred
// has 300 failure details and one in five thousand 20,000.
func (p postbag) fill(b testing.TB, n int, signed bool) (maildir string) {
	b.Helper()
	maildir = b.TempDir()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(maildir, sub), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for i := range n {
		details := 1
		switch {
		case i%5000 == 4999:
			details = 20_000
		case i%100 == 99:
			details = 300
		}
		reporter := p.Reporters[i%len(p.Reporters)]
		mail := p.mail(b, reporter, fmt.Sprint(i), today.AddDate(0, 0, -1-i/len(p.Reporters)%90), details)
		if signed {
			mail = p.sign(b, reporter, mail)
		}
		if err := os.WriteFile(filepath.Join(maildir, "cur", fmt.Sprintf("%06d.host:2,S", i)), mail, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return maildir
}

// mail is one report as RFC 8460 section 5.3 asks for it.
func (p postbag) mail(b testing.TB, reporter, id string, day time.Time, details int) []byte {
	return p.mailAbout(b, reportedDomain, reporter, id, day, details)
}

// mailAbout is one such report about a domain.
func (p postbag) mailAbout(b testing.TB, domain, reporter, id string, day time.Time, details int) []byte {
	b.Helper()
	var failures strings.Builder
	for i := range details {
		if i > 0 {
			failures.WriteByte(',')
		}
		fmt.Fprintf(&failures, `{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.%d","receiving-mx-hostname":"mx%d.%s","failed-session-count":1}`, i%250, 1+i%3, domain)
	}
	report := fmt.Sprintf(`{"organization-name":%q,"date-range":{"start-datetime":%q,"end-datetime":%q},"contact-info":"tls@%s","report-id":%q,
"policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: testing","mx: *.%s","max_age: 86400"],"policy-domain":%q},
"summary":{"total-successful-session-count":1000,"total-failure-session-count":%d},"failure-details":[%s]}]}`,
		reporter, day.Format(time.RFC3339), day.Add(24*time.Hour-time.Second).Format(time.RFC3339), reporter, id, domain, domain, details, failures.String())
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(report))
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		b.Fatal(err)
	}

	var m bytes.Buffer
	fmt.Fprintf(&m, "From: TLS reports <tls@%[1]s>\r\nTo: tls@corp.test\r\nSubject: Report Domain: corp.test Submitter: %[1]s Report-ID: <%[2]s@%[1]s>\r\n"+
		"TLS-Report-Domain: corp.test\r\nTLS-Report-Submitter: %[1]s\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"b1\"\r\n\r\n"+
		"--b1\r\nContent-Type: text/plain\r\n\r\nA report.\r\n"+
		"--b1\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"%[1]s.json.gz\"\r\n\r\n", reporter, id)
	text := base64.StdEncoding.EncodeToString(packed.Bytes())
	for ; len(text) > 76; text = text[76:] {
		m.WriteString(text[:76] + "\r\n")
	}
	m.WriteString(text + "\r\n--b1--\r\n")
	return m.Bytes()
}

func (p postbag) sign(b testing.TB, reporter string, mail []byte) []byte {
	b.Helper()
	var signed bytes.Buffer
	err := dkim.Sign(&signed, bytes.NewReader(mail), &dkim.SignOptions{
		Domain: reporter, Selector: selector, Signer: p.key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		b.Fatal(err)
	}
	return signed.Bytes()
}

// resolver serves the reporters' keys, and nothing else exists there. It returns
// its host:port.
func (p postbag) resolver(b testing.TB) string {
	b.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if name := q.Question[0]; name.Qtype == dns.TypeTXT && strings.HasPrefix(name.Name, selector+"._domainkey.") {
			m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: name.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 300}, Txt: []string{p.Key}}}
		} else {
			m.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(m) // whoever does not wait for the answer needs none
	})}
	served := make(chan error, 1)
	go func() { served <- server.ActivateAndServe() }()
	b.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			b.Error(err)
		}
		<-served
	})
	return conn.LocalAddr().String()
}
