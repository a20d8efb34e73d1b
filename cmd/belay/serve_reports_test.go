package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/providers/inbox/receiver"
	"belay/providers/lab"
	"belay/rollout/mtasts"
)

// reportAbout is a report about domain and the day before now.
func reportAbout(domain, id string, now time.Time, good, failed int) string {
	day := now.UTC().Truncate(24 * time.Hour)
	return fmt.Sprintf(`{"organization-name":"Google Inc.","date-range":{"start-datetime":%q,"end-datetime":%q},"contact-info":"tls@google.com","report-id":%q,
"policies":[{"policy":{"policy-type":"sts","policy-domain":%q},"summary":{"total-successful-session-count":%d,"total-failure-session-count":%d}}]}`,
		day.Add(-24*time.Hour).Format(time.RFC3339), day.Add(-time.Second).Format(time.RFC3339), id, domain, good, failed)
}

func gzipOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestServeTakesReports posts to a running server what a sender would, and sees it
// stand apart until the operator trusts the address.
func TestServeTakesReports(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	s := b.serve(host)
	b.leadTo(s)
	b.start("--host", "serve")
	s.said.until(t, "policy host known")
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: b.World().Network.Roots},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", s.https)
		},
	}}
	post := func(kind string, body []byte) int {
		t.Helper()
		answer, err := client.Post(receiver.Source(host), kind, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	now := b.World().Clock.Now()
	packed := gzipOf(t, reportAbout(b.Domain(), "1", now, 40, 2))
	for _, row := range []struct {
		kind string
		body []byte
		want int
	}{
		{"application/tlsrpt+gzip", packed, 201},
		{"application/tlsrpt+gzip", packed, 200},
		{"application/tlsrpt+json", []byte(reportAbout(b.Domain(), "2", now, 30, 0)), 201},
		{"application/tlsrpt+json", []byte(reportAbout("stranger.test", "3", now, 30, 0)), 403},
		{"text/plain", packed, 415},
		{"application/tlsrpt+gzip", packed[:60], 400},
	} {
		if got := post(row.kind, row.body); got != row.want {
			t.Errorf("%s of %d bytes: %d, want %d", row.kind, len(row.body), got, row.want)
		}
	}
	if answer, err := client.Get(receiver.Source(host)); err != nil || answer.StatusCode != 405 {
		t.Errorf("fetched: %+v, %v", answer, err)
	}
	before := b.must(exitGood, "reports", "show", b.Domain(), "--json").out
	if !strings.Contains(before, `"reporters":[]`) {
		t.Errorf("before it is trusted: %s", before)
	}
	b.must(exitGood, "reports", "trust", b.Domain(), "HTTPS://"+strings.ToUpper(host)+receiver.Path, "--reason", "a test", "--yes")
	after := b.must(exitGood, "reports", "show", b.Domain(), "--json").out
	if strings.Contains(after, `"reporters":[]`) || !strings.Contains(after, "google.com") {
		t.Errorf("after it is trusted: %s", after)
	}
}
