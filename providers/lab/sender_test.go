package lab_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
	"belay/rollout/world"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/miekg/dns"
)

// publish writes a policy for both MX hosts and announces it.
func publish(t testing.TB, l *lab.Lab, mode mtasts.Mode, maxAge uint32, id string, mx ...string) {
	t.Helper()
	writePolicy(t, l, mtasts.Policy{Mode: mode, MaxAge: maxAge, MX: mx}.String())
	point(t, l, id)
}

// point announces an id, the address of the policy host and the report mailbox.
func point(t testing.TB, l *lab.Lab, id string) {
	t.Helper()
	for _, err := range []error{
		l.SetRRset("mta-sts.corp.test", "A", 300, "192.0.2.20"),
		l.SetRRset("mta-sts.corp.test", "AAAA", 300, "2001:db8::20"),
		l.SetRRset("_mta-sts.corp.test", "TXT", 300, "v=STSv1; id="+id+";"),
		l.SetRRset("_smtp._tls.corp.test", "TXT", 300, "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func pass(t testing.TB, l *lab.Lab) lab.DayResult {
	t.Helper()
	day, err := l.PassDay(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return day
}

// reports reads every report mail in the Maildir and takes it away. The signature
// of each is verified against the key in the lab's DNS.
func reports(t testing.TB, l *lab.Lab) []tlsrpt.Report {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(l.Inbox(), "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	var out []tlsrpt.Report
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, open(t, l, raw))
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func open(t testing.TB, l *lab.Lab, raw []byte) tlsrpt.Report {
	t.Helper()
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		m := ask(t, l, resolverIP, "udp", dns.Fqdn(name), dns.TypeTXT)
		var keys []string
		for _, rr := range m.Answer {
			// The library knows no service but email.
			keys = append(keys, strings.Replace(strings.Join(rr.(*dns.TXT).Txt, ""), "s=tlsrpt;", "", 1))
		}
		return keys, nil
	}})
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Fatalf("signature: %+v, %v", found, err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header.Get("TLS-Report-Submitter"); got != found[0].Domain {
		t.Errorf("submitter %q, signed by %q", got, found[0].Domain)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	if _, err := parts.NextPart(); err != nil {
		t.Fatal(err)
	}
	attached, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	if name, fs := tlsrpt.ParseFilename(attached.FileName()); len(fs) > 0 || name.Sender != found[0].Domain {
		t.Errorf("file name %q: %v", attached.FileName(), fs)
	}
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, attached))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	r, fs, err := tlsrpt.ParseReport(bytes.NewReader(text))
	if err != nil || !mtasts.Usable(fs) {
		t.Fatalf("report %s: %v, %v", text, fs, err)
	}
	return r
}

// told sums the reports up: sessions by policy type, then failures by type, MX host
// and family.
func told(rs []tlsrpt.Report) string {
	sums := map[string]int64{}
	for _, r := range rs {
		for _, p := range r.Policies {
			sums[string(p.Type)+" good"] += p.Successful
			sums[string(p.Type)+" bad"] += p.Failed
			for _, f := range p.Failures {
				sums[strings.TrimSpace(string(f.Type)+" "+f.ReceivingMX)] += f.Sessions
			}
		}
	}
	var out []string
	for k, n := range sums {
		if n > 0 {
			out = append(out, fmt.Sprintf("%s %d", k, n))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// Nine messages a day go to corp.test: four, three and two, one of each sender's to
// the second host first.
func TestReportsTellWhatSendersMet(t *testing.T) {
	const mx1, mx2 = "mx1.corp.test", "mx2.corp.test"
	testing_ := func(t testing.TB, l *lab.Lab) { publish(t, l, mtasts.Testing, 86400, "1", mx1, mx2) }
	enforce := func(t testing.TB, l *lab.Lab) { publish(t, l, mtasts.Enforce, 86400, "1", mx1, mx2) }
	for _, row := range []struct {
		name      string
		prepare   func(testing.TB, *lab.Lab)
		faults    []string
		delivered int
		refused   int
		told      string
	}{
		{"no policy", func(t testing.TB, l *lab.Lab) {
			if err := l.SetRRset("_smtp._tls.corp.test", "TXT", 300, "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"); err != nil {
				t.Fatal(err)
			}
		}, nil, 9, 0, "no-policy-found good 9"},
		{"testing, all well", testing_, nil, 9, 0, "sts good 9"},
		{"testing, expired on the first host", testing_, []string{"mx1.expired"}, 9, 0, "certificate-expired mx1.corp.test 6, sts bad 6, sts good 3"},
		{"testing, expired on the second host", testing_, []string{"mx2.expired"}, 9, 0, "certificate-expired mx2.corp.test 3, sts bad 3, sts good 6"},
		{"testing, wrong name", testing_, []string{"mx1.wrong-name"}, 9, 0, "certificate-host-mismatch mx1.corp.test 6, sts bad 6, sts good 3"},
		{"testing, self-signed", testing_, []string{"mx1.self-signed"}, 9, 0, "certificate-not-trusted mx1.corp.test 6, sts bad 6, sts good 3"},
		{"testing, no intermediate", testing_, []string{"mx1.missing-intermediate"}, 9, 0, "certificate-not-trusted mx1.corp.test 6, sts bad 6, sts good 3"},
		{"testing, no STARTTLS", testing_, []string{"mx1.no-starttls"}, 9, 0, "starttls-not-supported mx1.corp.test 6, sts bad 6, sts good 3"},
		{"testing, first host down", testing_, []string{"mx1.unreachable"}, 9, 0, "sts good 9"},
		{"testing, one host not covered", func(t testing.TB, l *lab.Lab) { publish(t, l, mtasts.Testing, 86400, "1", mx2) }, nil, 9, 0,
			"sts bad 6, sts good 3, validation-failure mx1.corp.test 6"},
		{"enforce, one host not covered", func(t testing.TB, l *lab.Lab) { publish(t, l, mtasts.Enforce, 86400, "1", mx2) }, nil, 9, 6,
			"sts bad 6, sts good 9, validation-failure mx1.corp.test 6"},
		{"policy not found", testing_, []string{"policy.404"}, 9, 0, "sts bad 9, sts-policy-fetch-error 9"},
		{"policy redirected", testing_, []string{"policy.redirect"}, 9, 0, "sts bad 9, sts-policy-fetch-error 9"},
		{"policy of the wrong type", testing_, []string{"policy.type"}, 9, 0, "sts bad 9, sts-policy-fetch-error 9"},
		{"policy host's certificate expired", testing_, []string{"policy.expired"}, 9, 0, "sts bad 9, sts-webpki-invalid 9"},
		{"policy host's certificate for another name", testing_, []string{"policy.wrong-name"}, 9, 0, "sts bad 9, sts-webpki-invalid 9"},
		{"policy host down", testing_, []string{"policy.unreachable"}, 9, 0, "sts bad 9, sts-policy-fetch-error 9"},
		{"policy host half down", testing_, []string{"policy.ipv4-unreachable"}, 9, 0, "sts good 9"},
		{"policy is no policy", func(t testing.TB, l *lab.Lab) { writePolicy(t, l, "hello\r\n"); point(t, l, "1") }, nil, 9, 0,
			"sts bad 9, sts-policy-invalid 9"},
		{"enforce, all well", enforce, nil, 9, 0, "sts good 9"},
		{"testing, nothing newer than TLS 1.1 on the first host", testing_, []string{"mx1.old-tls"}, 9, 0,
			"sts bad 12, sts good 9, validation-failure mx1.corp.test 12"},
		{"no MX record", func(t testing.TB, l *lab.Lab) {
			testing_(t, l)
			for _, err := range []error{
				l.SetRRset("corp.test", "MX", 300),
				l.SetRRset("corp.test", "A", 300, "192.0.2.11"),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}, nil, 9, 0, "sts bad 9, validation-failure corp.test 9"},
		{"mail is not taken at all", func(t testing.TB, l *lab.Lab) {
			if err := l.SetRRset("corp.test", "MX", 300, "0 ."); err != nil {
				t.Fatal(err)
			}
		}, nil, 0, 0, ""},
		// Both addresses of mx1 are refused, and the reports still arrive by it.
		{"enforce, expired on the first host", enforce, []string{"mx1.expired"}, 9, 12, "certificate-expired mx1.corp.test 12, sts bad 12, sts good 9"},
		{"enforce, expired everywhere", enforce, []string{"mx1.expired", "mx2.expired"}, 0, 36,
			"certificate-expired mx1.corp.test 18, certificate-expired mx2.corp.test 18, sts bad 36"},
		{"mode none asks for nothing", func(t testing.TB, l *lab.Lab) { publish(t, l, mtasts.None, 86400, "1") }, []string{"mx1.expired"}, 9, 0, "sts good 9"},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := build(t, lab.Options{Still: true})
			row.prepare(t, l)
			for _, id := range row.faults {
				set(t, l, id, true)
			}
			day := pass(t, l)
			if day.Delivered != row.delivered || len(day.Refused) != row.refused || len(day.Undelivered) != 9-row.delivered {
				t.Errorf("delivered %d, refused %d, undelivered %v", day.Delivered, len(day.Refused), day.Undelivered)
			}
			rs := reports(t, l)
			if got := told(rs); got != row.told {
				t.Errorf("reports tell %s\nwant %s", got, row.told)
			}
			for _, r := range rs {
				if !r.Start.Equal(day.Day) || !r.End.Equal(day.Day.Add(24*time.Hour-time.Second)) {
					t.Errorf("report is about %s to %s, the day was %s", r.Start, r.End, day.Day)
				}
			}
			want := 3
			if row.told == "" {
				want = 0
			}
			if len(rs) != want || len(day.Reports) != want {
				t.Errorf("%d reports came, %v were sent", len(rs), day.Reports)
			}
		})
	}
}

func TestSendersKeepAnEnforcedPolicyUntilItRunsOut(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	publish(t, l, mtasts.Enforce, 3*86400, "1", "mx1.corp.test", "mx2.corp.test")
	pass(t, l)
	// Neither a record that is gone nor a host that is down takes it away.
	if err := l.SetRRset("_mta-sts.corp.test", "TXT", 0); err != nil {
		t.Fatal(err)
	}
	set(t, l, "policy.unreachable", true)
	set(t, l, "mx1.expired", true)
	set(t, l, "mx2.no-starttls", true)
	for i, want := range []int{0, 0} {
		if day := pass(t, l); day.Delivered != want || len(day.Refused) == 0 {
			t.Errorf("day %d under the kept policy: delivered %d, refused %d", i+2, day.Delivered, len(day.Refused))
		}
	}
	// On the fourth day it has run out; what waited goes with the rest.
	if day := pass(t, l); day.Delivered != 27 || len(day.Refused) != 0 {
		t.Errorf("after max_age: delivered %d, refused %v", day.Delivered, day.Refused)
	}
}

func TestANewIDIsNeededForANewPolicy(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	publish(t, l, mtasts.Testing, 30*86400, "1", "mx1.corp.test", "mx2.corp.test")
	pass(t, l)
	reports(t, l)
	modes := func() string {
		var out []string
		for _, r := range reports(t, l) {
			for _, p := range r.Policies {
				out = append(out, strings.TrimPrefix(p.Strings[1], "mode: "))
			}
		}
		return strings.Join(out, " ")
	}
	writePolicy(t, l, mtasts.Policy{Mode: mtasts.Enforce, MaxAge: 86400, MX: []string{"*.corp.test"}}.String())
	pass(t, l)
	if got := modes(); got != "testing testing testing" {
		t.Errorf("body changed, id not: reports show %q", got)
	}
	point(t, l, "2")
	pass(t, l)
	if got := modes(); got != "enforce enforce enforce" {
		t.Errorf("new id: reports show %q", got)
	}
}

func TestReportsGoNowhereUnasked(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	if day := pass(t, l); len(day.Reports) != 0 {
		t.Errorf("reports were sent: %v", day.Reports)
	}
}

func TestReportsWaitForAHostThatIsDown(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	publish(t, l, mtasts.Testing, 86400, "1", "mx1.corp.test", "mx2.corp.test")
	pass(t, l)
	reports(t, l)
	set(t, l, "mx1.refused", true)
	set(t, l, "mx2.unreachable", true)
	day := pass(t, l)
	if len(day.Undelivered) != 9 || len(reports(t, l)) != 0 {
		t.Errorf("nobody answers, and %d messages wait", len(day.Undelivered))
	}
	set(t, l, "mx1.refused", false)
	if day := pass(t, l); day.Delivered != 18 {
		t.Errorf("delivered %d of 18", day.Delivered)
	}
	if rs := reports(t, l); len(rs) != 3 {
		t.Errorf("%d reports, want 3: on the day that nobody answered nothing was met", len(rs))
	}
}

func TestMailIsGivenUpAfterFiveDays(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	for _, id := range []string{"mx1.refused", "mx2.refused"} {
		set(t, l, id, true)
	}
	gaveUp := 0
	for range 6 {
		for _, u := range pass(t, l).Undelivered {
			if u.GaveUp {
				gaveUp++
			}
		}
	}
	if gaveUp != 9 {
		t.Errorf("%d messages given up, want the 9 of the first day", gaveUp)
	}
}

func TestADayPassesInTime(t *testing.T) {
	l := build(t, lab.Options{})
	publish(t, l, mtasts.Testing, 86400, "1", "mx1.corp.test", "mx2.corp.test")
	pass(t, l)
	watch := world.Start()
	pass(t, l)
	t.Logf("a day takes %s", watch.Elapsed())
	if watch.Elapsed() > 15*time.Second { // a fraction of one on an idle machine
		t.Errorf("a day took %s", watch.Elapsed())
	}
}

func BenchmarkPassDay(b *testing.B) {
	l := build(b, lab.Options{})
	publish(b, l, mtasts.Testing, 86400, "1", "mx1.corp.test", "mx2.corp.test")
	for b.Loop() {
		if _, err := l.PassDay(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
