package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// badInput are files that mean no good, by what each is. why is in the one line that
// the summary has of it; where it is empty, the file holds a report all the same.
func badInput(t *testing.T, now time.Time) map[string]struct{ content, why string } {
	report := reportAbout("corp.test", "bad", now, 5, 1)
	mail := func(kind, body string) string {
		return "From: tls@sender.test\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: " + kind + "\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body + "\r\n--b--\r\n"
	}
	changed := func(old, by string) string {
		if !strings.Contains(report, old) {
			t.Fatalf("the report has no %s", old)
		}
		return strings.ReplaceAll(report, old, by)
	}
	packed := string(gzipOf(t, report))
	sum := []byte(packed)
	sum[len(sum)-6] ^= 1
	const good = `"total-successful-session-count":5`
	const quoted = `\u001b]0;owned\u0007\u001b[2J<script>alert(1)</script>\u202e\u009b31m`
	month := func(year int) string { return fmt.Sprintf(`"%d-01-01T00:00:00Z"`, year) }
	day := now.UTC().Truncate(24 * time.Hour)
	start, end := day.Add(-24*time.Hour).Format(time.RFC3339), day.Add(-time.Second).Format(time.RFC3339)
	return map[string]struct{ content, why string }{
		"gzip-bomb.json.gz":      {string(gzipOf(t, strings.Repeat(" ", 51<<20))), "larger than the limit"},
		"nested-gzip.json.gz":    {string(gzipOf(t, packed)), "twice"},
		"paths.zip":              {zipOf(t, map[string]string{"../../../../etc/cron.d/x.json": report}), ""},
		"paths-and-none.zip":     {zipOf(t, map[string]string{"../../\x1b[2J.txt": "x", "/etc/passwd": "y"}), "no report in this zip"},
		"many-entries.zip":       {zipOf(t, entries(10_000)), "more than 20 entries"},
		"cut.json.gz":            {packed[:len(packed)-9], "EOF"},
		"cut-early.json.gz":      {packed[:11], "EOF"},
		"cut.zip":                {zipOf(t, map[string]string{"r.json": report})[:60], "zip"},
		"crc.json.gz":            {string(sum), "checksum"},
		"nesting.json.gz":        {string(gzipOf(t, strings.Repeat(`{"a":`, 20<<20))), "deep"},
		"nesting-inside.json.gz": {string(gzipOf(t, strings.Replace(report, "{", `{"x":`+strings.Repeat("[", 40<<20), 1))), "deep"},
		"negative.json":          {changed(good, `"total-successful-session-count":-5`), "no"},
		"absurd.json":            {changed(good, `"total-successful-session-count":99999999999999999999999`), "total-successful-session-count"},
		"absurd-exponent.json":   {changed(good, `"total-successful-session-count":1e300`), "whole number"},
		"year-1900.json":         {strings.NewReplacer(`"`+start+`"`, month(1900), `"`+end+`"`, month(1900)).Replace(report), "before there were any"},
		"year-3000.json":         {strings.NewReplacer(`"`+start+`"`, month(3000), `"`+end+`"`, month(3000)).Replace(report), "yet to come"},
		"strings.json": {strings.NewReplacer("Google Inc.", quoted, "tls@google.com", quoted, `"bad"`, `"`+quoted+`"`, `"policy-type":"sts"`, `"policy-type":"sts","policy-string":["`+quoted+`"],"mx-host":["`+quoted+`"]`,
			`"total-failure-session-count":1}`, `"total-failure-session-count":1},"failure-details":[{"result-type":"`+quoted+`","receiving-mx-hostname":"`+quoted+`","receiving-mx-helo":"`+quoted+
				`","failure-reason-code":"`+quoted+`","additional-information":"`+quoted+`","failed-session-count":1}]`).Replace(report), ""},
		"strings-raw.json":     {changed("Google Inc.", "\x1b]0;owned\x07\x1b[2J"), "control character"},
		"mime-bomb.eml":        {"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" + strings.Repeat("--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n", 5000), "more than 100 parts"},
		"mails-in-mails.eml":   {strings.Repeat("From: a@b.test\r\nContent-Type: message/rfc822\r\n\r\n", 1000), "deep"},
		"10000-parts.eml":      {"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 10_000) + "--b--\r\n", "more than 100 parts"},
		"no-boundary.eml":      {"From: a@b.test\r\nContent-Type: multipart/report\r\n\r\n" + report, "names no boundary"},
		"lost-boundary.eml":    {strings.Replace(mail("application/tlsrpt+json", report), "boundary=b", "boundary=c", 1), "no TLS report"},
		"endless-header.eml":   {"From: a@b.test\r\nX: " + strings.Repeat("x", 10<<20), "header"},
		"endless-headers.eml":  {"From: a@b.test\r\n" + strings.Repeat("X: x\r\n", 1<<20), "header"},
		"type.eml":             {mail("application/tlsrpt+gzip; x=\x1b[2J\x07", "\x1b[31m{"), ""},
		"name-\x1b[31mred.eml": {mail("application/tlsrpt+gzip; name=\"\x1b]0;owned\x07.json.gz\"", packed[:30]), "EOF"},
		"claims.eml": {strings.NewReplacer("tls@sender.test", "noreply-smtp-tls-reporting@google.com", "From:", "TLS-Report-Submitter: google.com\r\nFrom:").
			Replace(mail("application/tlsrpt+json", changed(`"bad"`, `"claimed"`))), ""},
	}
}

// TestBadInputIsOneLineEachAndStopsNothing imports a folder of bad input by the
// command, with a good report before and one behind it: each is one line, the good ones
// are taken, nothing is believed, and nothing that was in them reaches the terminal.
func TestBadInputIsOneLineEachAndStopsNothing(t *testing.T) {
	state, dir, now := t.TempDir(), t.TempDir(), time.Now()
	placed(t, filepath.Join(dir, "0-first.json"), reportAbout("corp.test", "first", now, 10, 0))
	placed(t, filepath.Join(dir, "zz-last.json"), reportAbout("corp.test", "last", now, 10, 0))
	bad := badInput(t, now)
	lines, taken := 0, 2
	for name, row := range bad {
		placed(t, filepath.Join(dir, name), row.content)
		if lines++; row.why == "" && name != "type.eml" {
			lines, taken = lines-1, taken+1
		}
	}
	got := take(t, state, "", dir)
	if want := fmt.Sprintf("%d new, %d not readable\nsignatures: %d not verified", taken, lines, taken); got.status != exitGood || !strings.Contains(got.out, want) {
		t.Errorf("exit %d, want %q\n%s%s", got.status, want, got.out, got.err)
	}
	said := map[string]string{}
	for line := range strings.Lines(got.out) {
		if path, why, ok := strings.Cut(strings.TrimPrefix(line, "  skipped "), ": "); ok && strings.HasPrefix(line, "  skipped ") {
			if said[filepath.Base(path)] != "" {
				t.Errorf("two lines about %s", path)
			}
			said[filepath.Base(path)] = why
		}
		if len(line) > 700 {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
	}
	for name, row := range bad {
		if line := said[clean(name)]; !strings.Contains(line, row.why) || (line == "") != (row.why == "" && name != "type.eml") {
			t.Errorf("%q: the line is %q, want %q in it", name, line, row.why)
		}
	}
	if len(said) != lines {
		t.Errorf("%d lines, want %d:\n%s", len(said), lines, got.out)
	}
	again := take(t, state, "", "--json", dir)
	var sum rollout.Intake
	if err := json.Unmarshal([]byte(again.out), &sum); err != nil || sum.New != 0 || sum.Duplicates != taken || len(sum.Skipped) != lines {
		t.Errorf("once more: %d new, %d duplicates, %d lines, %v", sum.New, sum.Duplicates, len(sum.Skipped), err)
	}
	for _, text := range []string{got.out, got.err, again.out, again.err} {
		if i := strings.IndexFunc(text, unprintable); i >= 0 {
			t.Errorf("a control character was printed: %q", text[max(0, i-60):min(len(text), i+40)])
		}
	}
	if reports, _ := summedUp(t, state); reports != taken {
		t.Errorf("%d reports are summed up, want %d", reports, taken)
	}
}

// unprintable reports whether a terminal would act on c.
func unprintable(c rune) bool {
	return c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0 || c == 0x202e || c == 0x2028
}

// zipOf is a zip of files by their names, in no order.
func zipOf(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func entries(n int) map[string]string {
	out := make(map[string]string, n)
	for i := range n {
		out[fmt.Sprintf("%d.json", i)] = "{}"
	}
	return out
}
