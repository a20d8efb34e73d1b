package inbox

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/world"

	"github.com/emersion/go-msgauth/dkim"
)

// A shelf is a report store that keeps everything in order and knows a duplicate
// by organisation, id and domain.
type shelf struct {
	mu      sync.Mutex
	kept    []rollout.ReceivedReport
	batches int
	full    error
	settled map[int64]string
}

func (s *shelf) AddReports(_ context.Context, rs []rollout.ReceivedReport) ([]rollout.Taken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full != nil {
		return nil, s.full
	}
	s.batches++
	var out []rollout.Taken
	for _, r := range rs {
		taken := rollout.TakenNew
		for _, k := range s.kept {
			if keyOf(k) == keyOf(r) {
				taken = rollout.TakenDuplicate
			}
		}
		if taken == rollout.TakenNew {
			s.kept = append(s.kept, r)
		}
		out = append(out, taken)
	}
	return out, nil
}

func keyOf(r rollout.ReceivedReport) string {
	return r.Report.OrganizationName + "/" + r.Report.ReportID + "/" + r.Report.Policies[0].Domain
}

func (s *shelf) ReportDays(context.Context, string, time.Time) ([]rollout.ReportDay, error) {
	return nil, errors.New("the inbox reads no days")
}

func (s *shelf) PendingReports(_ context.Context, after int64, limit int) ([]rollout.PendingReport, error) {
	var out []rollout.PendingReport
	for i, r := range s.kept {
		id := int64(i + 1)
		if _, done := s.settled[id]; !done && r.Standing == rollout.Pending && id > after && len(out) < limit {
			out = append(out, rollout.PendingReport{ID: id, Raw: r.Raw, Received: r.Received})
		}
	}
	return out, nil
}

func (s *shelf) SettlePending(_ context.Context, id int64, standing rollout.Standing, signer string) error {
	if s.settled == nil {
		s.settled = make(map[int64]string)
	}
	s.settled[id] = strings.TrimSpace(string(standing) + " " + signer)
	return nil
}

// stopped is a clock that shows one moment.
type stopped time.Time

func (c stopped) Now() time.Time { return time.Time(c) }

var noon = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// ours is the owner of corp.test with two MX hosts, and of corp.example.
var ours = Owners(map[string][]string{"corp.test": {"mx1.corp.test", "mx2.corp.test"}, "corp.example": nil})

// reportOf is a report about one domain.
func reportOf(id, domain string) string {
	return fmt.Sprintf(`{"organization-name":"Sender","date-range":{"start-datetime":"2026-06-14T00:00:00Z",
"end-datetime":"2026-06-14T23:59:59Z"},"contact-info":"tls@sender.test","report-id":%q,"policies":[%s]}`, id, policyOf("sts", domain, 10, 1))
}

func policyOf(kind, domain string, success, failure int) string {
	return fmt.Sprintf(`{"policy":{"policy-type":%q,"policy-domain":%q},"summary":{"total-successful-session-count":%d,"total-failure-session-count":%d},
"failure-details":[{"result-type":"validation-failure","failed-session-count":%d}]}`, kind, domain, success, failure, failure)
}

func gzipped(tb testing.TB, s string) []byte {
	tb.Helper()
	return lab.Gzip(s)
}

// mailOf is a report mail as RFC 8460 section 5.3 asks for it.
func mailOf(tb testing.TB, report string) string {
	tb.Helper()
	return mailHeader + partOf("application/tlsrpt+gzip", "sender.test!corp.test!1781395200!1781481599!001.json.gz", gzipped(tb, report)) + "--b1--\r\n"
}

const mailHeader = "From: TLS reports <tls@sender.test>\r\nTo: tlsrpt@corp.test\r\n" +
	"Subject: Report Domain: corp.test\r\n Submitter: sender.test\r\n Report-ID: <1@sender.test>\r\n" +
	"TLS-Report-Domain: corp.test\r\nTLS-Report-Submitter: sender.test\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"b1\"\r\n\r\n" +
	"--b1\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{ A report, in prose }\r\n"

func partOf(kind, name string, body []byte) string {
	encoded := base64.StdEncoding.EncodeToString(body)
	var b strings.Builder
	fmt.Fprintf(&b, "--b1\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n", kind)
	if name != "" {
		fmt.Fprintf(&b, "Content-Disposition: attachment; filename=%q\r\n", name)
	}
	b.WriteString("\r\n")
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	return b.String() + encoded + "\r\n"
}

// A signer signs mail and publishes its key.
type signer struct {
	domain string
	key    crypto.Signer
	tags   string // of the key record, besides v, k and p
}

func newSigner(tb testing.TB, domain string) signer {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return signer{domain: domain, key: key}
}

func (s signer) sign(tb testing.TB, mail string, expires time.Time) string {
	tb.Helper()
	var b bytes.Buffer
	err := dkim.Sign(&b, strings.NewReader(mail), &dkim.SignOptions{
		Domain: s.domain, Selector: "sel", Signer: s.key, Expiration: expires,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func (s signer) lookup(_ context.Context, name string) ([]string, error) {
	if name != "sel._domainkey."+s.domain {
		return nil, nil
	}
	public := s.key.Public().(ed25519.PublicKey)
	return []string{"v=DKIM1; k=ed25519; " + s.tags + "p=" + base64.StdEncoding.EncodeToString(public)}, nil
}

// files writes files and folders below a new directory.
func files(tb testing.TB, content map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func importer(s *shelf, lookup LookupTXT) *Importer {
	return &Importer{Store: s, Owner: ours, LookupTXT: lookup, Clock: stopped(noon)}
}

var _ world.Clock = stopped{}
