package inbox

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// hostileMail is one mail that means no good, what the summary says of it, and, where
// it holds a report all the same, that one is taken.
type hostileMail struct {
	name, mail string
	why        string // in its one line; empty where there is nothing to say
	taken      bool
}

// hostileMails are such mails; each is made when it is needed, as some are large.
func hostileMails(t *testing.T) []hostileMail {
	t.Helper()
	report := reportOf("bad", "corp.test")
	part := func(kind, name string, body []byte) string {
		return mailHeader + partOf(kind, name, body) + "--b1--\r\n"
	}
	gz := func(text string) string { return part("application/tlsrpt+gzip", "r.json.gz", gzipped(t, text)) }
	changed := func(old, by string) string {
		if !strings.Contains(report, old) {
			t.Fatalf("the report has no %s", old)
		}
		return gz(strings.Replace(report, old, by, 1))
	}
	packed := gzipped(t, report)
	crc := bytes.Clone(packed)
	crc[len(crc)-6] ^= 1
	const count = `"total-successful-session-count":10`
	const raw = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\u202e\u009b31m"
	const quoted = `\u001b]0;owned\u0007\u001b[2J<script>alert(1)</script>\u202e\u009b31m`
	nest := func(kind string) string {
		var b strings.Builder
		b.WriteString("From: a@b.test\r\n")
		for i := range 10_000 {
			fmt.Fprintf(&b, "Content-Type: %s; boundary=n%d\r\n\r\n--n%d\r\n", kind, i, i)
		}
		return b.String()
	}
	bomb := "From: a@b.test\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" + strings.Repeat("--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n", 5000)
	mails := strings.Repeat("From: a@b.test\r\nContent-Type: message/rfc822\r\n\r\n", 1000)
	return []hostileMail{
		{"gzip that unfolds without end", gz(strings.Repeat(" ", tlsrpt.MaxReport+1)), "larger than", false},
		{"gzip within gzip", gz(string(gzipped(t, report))), "twice", false},
		{"zip that leads out of its folder", part("application/zip", "r.zip", zipped(t, map[string]string{"../../../etc/cron.d/x.json": report})), "", true},
		{"zip with an absolute path", part("application/zip", "/etc/r.zip", zipped(t, map[string]string{"/etc/passwd.json": report})), "", true},
		{"zip within zip", part("application/zip", "r.zip", zipped(t, map[string]string{"r.zip": string(zipped(t, map[string]string{"r.json": report}))})), "no report in this zip", false},
		{"zip that unfolds without end", part("application/zip", "r.zip", zipped(t, map[string]string{"r.json": strings.Repeat(" ", tlsrpt.MaxReport+9)})), "unfolds to more", false},
		{"zip that unfolds without end, to no report", part("application/zip", "r.zip", zipped(t, map[string]string{"r.txt": strings.Repeat("x", tlsrpt.MaxReport+9)})), "unfolds to more", false},
		{"zip cut off", part("application/zip", "r.zip", zipped(t, map[string]string{"r.json": report})[:100]), "zip", false},
		{"stream cut off", part("application/tlsrpt+gzip", "r.json.gz", packed[:len(packed)-9]), "EOF", false},
		{"bad CRC", part("application/tlsrpt+gzip", "r.json.gz", crc), "checksum", false},
		{"40 MB of nesting", gz(strings.Repeat("[", 40<<20)), "deep", false},
		{"40 MB of nesting, within a report", gz(strings.Replace(report, "{", `{"x":`+strings.Repeat("[", 40<<20), 1)), "deep", false},
		{"100 MB of nesting", gz(strings.Repeat(`{"a":`, 20<<20)), "deep", false},
		{"a million members", gz("{" + strings.Repeat(`"a":1,`, 1<<20)), "stands twice", false},
		{"a million other members", gz("{" + manyMembers(1<<20)), "members", false},
		{"a negative count", changed(count, `"total-successful-session-count":-5`), "no", false},
		{"a count beyond int64", changed(count, `"total-successful-session-count":92233720368547758089`), "total-successful-session-count", false},
		{"a count of 1e300", changed(count, `"total-successful-session-count":1e300`), "whole number", false},
		{"a number of a million digits", changed(count, `"total-successful-session-count":`+strings.Repeat("9", 1<<20)), "digits", false},
		{"about 1900", changed("2026-06-14T00", "1900-06-14T00"), "before there were any", false},
		{"about 3000", changed("2026-06-14T23", "3000-06-14T23"), "yet to come", false},
		{"about half a year", changed("2026-06-14T00", "2026-01-14T00"), "no period", false},
		{"about a day with 25 hours", changed("2026-06-14T23:59", "2026-06-14T25:59"), "RFC 3339", false},
		{"control characters in every string, raw", gz(strings.ReplaceAll(report, "Sender", raw)), "control character", false},
		{"control characters and HTML in every string", gz(strings.NewReplacer("Sender", quoted, "tls@sender.test", quoted, `"bad"`, `"`+quoted+`"`,
			"validation-failure", quoted, `"failed-session-count"`, `"receiving-mx-hostname":"`+quoted+`","failure-reason-code":"`+quoted+`","failed-session-count"`).Replace(report)), "", true},
		{"control characters in names", strings.Replace(part("application/tlsrpt+gzip", "X", packed[:30]), `filename="X"`, "filename=\"\x1b[2J\u009bx.json.gz\"", 1), "", false},
		{"control characters in the type", "From: a@b.test\r\nContent-Type: application/tlsrpt+gzip; x=\x1b[2J\r\nContent-Transfer-Encoding: base64\r\n\r\n!\x1b[2J!\r\n", "", false},
		{"parts within parts", nest("multipart/mixed"), "deep", false},
		{"parts of the same boundary within one another", bomb, "more than 100 parts", false},
		{"mails within mails", mails, "deep", false},
		{"10,000 parts", mailHeader + strings.Repeat("--b1\r\n\r\nx\r\n", 10_000) + "--b1--\r\n", "more than 100 parts", false},
		{"no boundary named", "From: a@b.test\r\nContent-Type: multipart/report\r\n\r\n" + report, "names no boundary", false},
		{"no boundary to be found", strings.Replace(mailOf(t, report), `boundary="b1"`, `boundary="b2"`, 1), "no TLS report", false},
		{"a boundary on one endless line", "From: a@b.test\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" + strings.Repeat("--a", 5<<20), "", false},
		{"a header without end", "From: a@b.test\r\nX: " + strings.Repeat("x", 10<<20), "header", false},
		{"a header of a million lines", "From: a@b.test\r\n" + strings.Repeat("X: x\r\n", 1<<20), "header", false},
		{"a header of one folded field", "From: a@b.test\r\nX:\r\n" + strings.Repeat(" x\r\n", 1<<20), "header", false},
		{"two authors", "From: tls@google.com\r\n" + mailOf(t, report), "", true},
		{"a stranger who says that he is Google", strings.NewReplacer("sender.test", "google.com", "tls@sender.test", "noreply-smtp-tls-reporting@google.com").Replace(mailOf(t, report)), "", true},
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"a%d":1,`, i)
	}
	return b.String()
}

// TestHostileMailIsOneLineAndHarmsNothing imports each such mail between two good
// ones, and all of them together.
func TestHostileMailIsOneLineAndHarmsNothing(t *testing.T) {
	all := map[string]string{"cur/.keep": "", "new/.keep": ""}
	lines, taken := 0, 0
	for i, row := range hostileMails(t) {
		all[fmt.Sprintf("cur/%02d", i)] = strings.ReplaceAll(row.mail, "corp.test!", fmt.Sprintf("corp.test!%d", i))
		if row.taken {
			taken++
		} else {
			lines++
		}
		t.Run(row.name, func(t *testing.T) {
			dir := files(t, map[string]string{"cur/1": mailOf(t, reportOf("1", "corp.test")), "cur/2": row.mail, "cur/3": mailOf(t, reportOf("3", "corp.test")), "new/.keep": ""})
			store := &shelf{}
			got, err := importer(store, nil).Import(t.Context(), []string{dir}, nil)
			want := 2
			if row.taken {
				want = 3
			}
			if err != nil || got.New != want || got.Verified > 0 {
				t.Fatalf("got %d new, %d verified, skipped %+v, error %v; want %d new", got.New, got.Verified, got.Skipped, err, want)
			}
			if (len(got.Skipped) == 0) != row.taken || len(got.Skipped) > 1 || got.Unreadable != len(got.Skipped) {
				t.Fatalf("skipped %+v", got.Skipped)
			}
			for _, s := range got.Skipped {
				if !strings.Contains(s.Why, row.why) || len(s.Why) > 400 || unfit(s.Why) {
					t.Errorf("the line is %q, want one with %q", s.Why, row.why)
				}
			}
			for _, r := range store.kept {
				if r.Standing == rollout.Verified {
					t.Errorf("believed: %+v", r)
				}
			}
		})
	}
	t.Run("all of them", func(t *testing.T) {
		dir := files(t, all)
		clear(all)
		store := &counter{}
		got, err := importer(nil, nil).with(store).Import(t.Context(), []string{dir}, nil)
		if err != nil || got.New != taken || len(got.Skipped) != lines || got.Mails != taken+lines {
			t.Errorf("got %+v, error %v; want %d new and %d lines", got, err, taken, lines)
		}
	})
}

// unfit reports whether a line has what a terminal would act on.
func unfit(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x202e || c == '\u2028' })
}

func (im *Importer) with(s rollout.Reports) *Importer {
	im.Store = s
	return im
}

// TestAHostileMailTakesLittleMemory: what is allocated in all while it is read bounds
// what can be in memory at once.
func TestAHostileMailTakesLittleMemory(t *testing.T) {
	const most = 8 // times the mail's size, and a little
	for _, row := range hostileMails(t) {
		dir := files(t, map[string]string{"1.eml": row.mail})
		im := importer(nil, nil).with(&counter{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := im.Import(t.Context(), []string{dir}, nil); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := int(after.TotalAlloc - before.TotalAlloc); took > most*len(row.mail)+(6<<20) {
			t.Errorf("%s: %d kB for a mail of %d kB", row.name, took>>10, len(row.mail)>>10)
		}
	}
}
