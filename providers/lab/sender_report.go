package lab

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"belay/rollout/tlsrpt"

	"github.com/emersion/go-msgauth/dkim"
)

// reportTime is how long a sender keeps a report that cannot be delivered (RFC 8460
// section 5 asks for 24 hours at least).
const reportTime = 3 * 24 * time.Hour

// reportDays reports every tally whose day is over to who asked for it, and keeps
// those that nobody took.
func (s *sender) reportDays(ctx context.Context) (out []ReportMail) {
	now := s.lab.clock.Now()
	s.tallies = slices.DeleteFunc(s.tallies, func(t *tally) bool {
		if now.Before(t.day.Add(24 * time.Hour)) {
			return false
		}
		sent := s.reportDay(ctx, t)
		out = append(out, sent...)
		failed := slices.ContainsFunc(sent, func(r ReportMail) bool { return r.Why != "" })
		return !failed || now.Sub(t.day) > reportTime
	})
	return out
}

// reportDay mails one day's report to every mailbox that the domain's TLSRPT record
// names (RFC 8460 section 3). Where it names none, nobody wants to know.
func (s *sender) reportDay(ctx context.Context, t *tally) (out []ReportMail) {
	if len(t.policies) == 0 {
		return nil
	}
	records, err := s.lab.lookupTXT(ctx, tlsrpt.RecordName(t.domain))
	if err != nil {
		return []ReportMail{{Sender: s.domain, Domain: t.domain, Day: t.day, Why: err.Error()}}
	}
	record, _, _ := tlsrpt.ParseRRset(records)
	for _, uri := range record.Usable {
		for _, to := range mailboxes(uri) {
			sent := ReportMail{Sender: s.domain, Domain: t.domain, Day: t.day, To: to}
			if err := s.mailReport(ctx, t, to); err != nil {
				sent.Why = err.Error()
			}
			out = append(out, sent)
		}
	}
	return out
}

// mailboxes are the addresses of a mailto URI; the lab's senders, like some real
// ones, post no reports over HTTPS.
func mailboxes(uri string) []string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "mailto" {
		return nil
	}
	var out []string
	for part := range strings.SplitSeq(strings.ReplaceAll(u.Opaque, "%2c", "%2C"), "%2C") {
		if address, err := url.PathUnescape(part); err == nil {
			out = append(out, address)
		}
	}
	return out
}

// mailReport delivers a report whatever the state of TLS at the MX hosts: it may be
// the very trouble the report is about (RFC 8460 section 5.3).
func (s *sender) mailReport(ctx context.Context, t *tally, to string) error {
	text, err := s.compose(t, to)
	if err != nil {
		return fmt.Errorf("write the report of %s on %s: %w", s.domain, t.domain, err)
	}
	_, at, _ := cutLast(to, "@")
	hosts, err := s.lab.lookupMX(ctx, at)
	if err != nil {
		return err
	}
	err = fmt.Errorf("%s has no MX host that answers", at)
	for _, mx := range hosts {
		for _, ip := range s.addresses(ctx, mx) {
			met := s.session(ctx, mx, ip, envelope{"noreply@" + s.domain, to, text}, false, false)
			if met.err == nil {
				return nil
			}
			err = fmt.Errorf("%s [%s]: %w", mx, ip, met.err)
		}
	}
	return err
}

// compose writes the mail of a report: multipart/report with the report gzipped in
// it (RFC 8460 section 5.3), signed (section 3).
func (s *sender) compose(t *tally, to string) ([]byte, error) {
	end := t.day.Add(24*time.Hour - time.Second)
	id := fmt.Sprintf("%s.%s@%s", t.day.Format("20060102"), t.domain, s.domain)
	report := tlsrpt.Report{
		OrganizationName: s.name,
		Start:            t.day,
		End:              end,
		ContactInfo:      "postmaster@" + s.domain,
		ReportID:         id,
	}
	for _, p := range t.policies {
		report.Policies = append(report.Policies, *p)
	}
	packed, err := pack(report)
	if err != nil {
		return nil, err
	}
	file := tlsrpt.Filename{Sender: s.domain, PolicyDomain: t.domain, Begin: t.day.Unix(), End: end.Unix(), UniqueID: "001", Ext: "json.gz"}

	boundary := "report-" + t.day.Format("20060102") + "-" + strings.ReplaceAll(t.domain, ".", "-")
	var mail bytes.Buffer
	for _, field := range [][2]string{
		{"From", "noreply@" + s.domain},
		{"To", to},
		{"Date", s.lab.clock.Now().Format(time.RFC1123Z)},
		{"Subject", tlsrpt.Subject{Domain: t.domain, Submitter: s.domain, ReportID: id}.String()},
		{"Message-ID", "<" + id + ">"},
		{"TLS-Report-Domain", t.domain},
		{"TLS-Report-Submitter", s.domain},
		{"TLS-Required", "No"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "multipart/report; report-type=\"tlsrpt\"; boundary=\"" + boundary + "\""},
	} {
		mail.WriteString(field[0] + ": " + field[1] + "\r\n")
	}
	mail.WriteString("\r\n")
	if err := writeParts(&mail, boundary, t, s.name, file.String(), packed); err != nil {
		return nil, err
	}
	var signed bytes.Buffer
	err = dkim.Sign(&signed, &mail, &dkim.SignOptions{
		Domain:                 s.domain,
		Selector:               selector,
		Signer:                 s.key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             []string{"From", "To", "Date", "Subject", "Message-ID", "TLS-Report-Domain", "TLS-Report-Submitter", "MIME-Version", "Content-Type"},
	})
	if err != nil {
		return nil, err
	}
	return signed.Bytes(), nil
}

// pack is the report as gzipped JSON.
func pack(report tlsrpt.Report) ([]byte, error) {
	text, err := report.JSON()
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// writeParts writes the body: a few words for people, then the report.
func writeParts(mail *bytes.Buffer, boundary string, t *tally, organisation, file string, packed []byte) error {
	parts := multipart.NewWriter(mail)
	if err := parts.SetBoundary(boundary); err != nil {
		return err
	}
	words, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"text/plain; charset=us-ascii"}})
	if err != nil {
		return err
	}
	fmt.Fprintf(words, "This is the TLS report of %s about mail to %s on %s (UTC).\r\n", organisation, t.domain, t.day.Format(time.DateOnly))
	attached, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {"application/tlsrpt+gzip"},
		"Content-Transfer-Encoding": {"base64"},
		"Content-Disposition":       {"attachment; filename=\"" + file + "\""},
	})
	if err != nil {
		return err
	}
	const width = 76 // characters of a base64 line (RFC 2045 section 6.8)
	encoded := base64.StdEncoding.EncodeToString(packed)
	for line := range slices.Chunk([]byte(encoded), width) {
		fmt.Fprintf(attached, "%s\r\n", line)
	}
	return parts.Close()
}
