package inbox

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

func TestShapesOfMail(t *testing.T) {
	report := reportOf("1", "corp.test")
	packed := gzipped(t, report)
	mixed := strings.Replace(mailHeader, "multipart/report; report-type=\"tlsrpt\"", "multipart/mixed", 1)
	bare := "From: tls@sender.test\r\nSubject: r\r\nMIME-Version: 1.0\r\n"
	for name, mail := range map[string]string{
		"as the RFC says":             mailOf(t, report),
		"multipart/mixed":             mixed + partOf("application/tlsrpt+gzip", "r.json.gz", packed) + "--b1--\r\n",
		"octet-stream, by its name":   mailHeader + partOf("application/octet-stream", "r.json.gz", packed) + "--b1--\r\n",
		"octet-stream, by its bytes":  mailHeader + partOf("application/octet-stream", "", packed) + "--b1--\r\n",
		"text/plain, by its name":     mailHeader + partOf("text/plain", "r.json", []byte(report)) + "--b1--\r\n",
		"type says gzip, is JSON":     mailHeader + partOf("application/tlsrpt+gzip", "r.json.gz", []byte(report)) + "--b1--\r\n",
		"type says JSON, is gzip":     mailHeader + partOf("application/tlsrpt+json", "r.json", packed) + "--b1--\r\n",
		"type application/tlsrpt":     mailHeader + partOf("application/tlsrpt", "", []byte(report)) + "--b1--\r\n",
		"type application/gzip":       mailHeader + partOf("application/gzip", "", packed) + "--b1--\r\n",
		"type application/x-gzip":     mailHeader + partOf("application/x-gzip", "report.gz", packed) + "--b1--\r\n",
		"type application/json":       mailHeader + partOf("application/json", "", []byte(report)) + "--b1--\r\n",
		"zip":                         mailHeader + partOf("application/zip", "r.zip", zipped(t, map[string]string{"../../r.json": report})) + "--b1--\r\n",
		"no closing boundary line":    mailHeader + partOf("application/tlsrpt+gzip", "r.json.gz", packed) + "--b1--",
		"single part":                 bare + "Content-Type: application/tlsrpt+json\r\n\r\n" + report,
		"single part, no type":        bare + "\r\n" + report,
		"forwarded as an attachment":  mixed + "--b1\r\nContent-Type: message/rfc822\r\n\r\n" + strings.ReplaceAll(mailOf(t, report), "b1", "b2") + "\r\n--b1--\r\n",
		"unknown charset of the text": strings.Replace(mailOf(t, report), "us-ascii", "x-klingon", 1),
		"name split by RFC 2231": mailHeader + strings.Replace(partOf("application/octet-stream", "X", packed),
			`filename="X"`, "filename*0=\"sender.test!corp.test\"; filename*1=\".json.gz\"", 1) + "--b1--\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			store := &shelf{}
			got, err := importer(store, nil).Import(t.Context(), []string{files(t, map[string]string{"1.eml": mail})}, nil)
			if err != nil || got.New != 1 || got.Mails != 1 || len(got.Skipped) != 0 {
				t.Fatalf("got %+v, error %v; want one new report of one mail", got, err)
			}
			if s := store.kept[0].Submitter; s != "sender.test" {
				t.Errorf("submitter %q", s)
			}
			if len(store.kept[0].Raw) == 0 {
				t.Error("the raw mail was not kept")
			}
		})
	}
}

func TestBrokenMailIsOneLineAndStopsNothing(t *testing.T) {
	report := reportOf("1", "corp.test")
	packed := gzipped(t, report)
	crc := bytes.Clone(packed)
	crc[len(crc)-6] ^= 1
	nested := ""
	for i := range 20 {
		nested += fmt.Sprintf("Content-Type: multipart/mixed; boundary=\"n%d\"\r\n\r\n--n%d\r\n", i, i)
	}
	for name, row := range map[string]struct{ mail, why string }{
		"empty":                {"", "empty file"},
		"only a newline":       {"\n", "empty file"},
		"no header":            {"\r\nhello", "no header"},
		"ordinary mail":        {"From: a@b.test\r\nSubject: hi\r\n\r\nhello\r\n", "no TLS report"},
		"header without end":   {"From: a@b.test\r\nX: " + strings.Repeat("x", 2<<20), "header"},
		"garbage":              {strings.Repeat("\x00\xff\x1b[31m", 100), ""},
		"10,000 parts":         {mailHeader + strings.Repeat("--b1\r\n\r\nx\r\n", 10_000) + "--b1--\r\n", "more than 100 parts"},
		"parts within parts":   {"From: a@b.test\r\nMIME-Version: 1.0\r\n" + nested, "deep"},
		"truncated gzip":       {mailHeader + partOf("application/tlsrpt+gzip", "r.json.gz", packed[:len(packed)/2]) + "--b1--\r\n", ""},
		"bad CRC":              {mailHeader + partOf("application/tlsrpt+gzip", "r.json.gz", crc) + "--b1--\r\n", ""},
		"base64 that is none":  {mailHeader + "--b1\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!\r\n--b1--\r\n", ""},
		"an mbox of no mail":   {"From a@b.test Mon Jun 15 12:00:00 2026\r\n\r\nhello", "mail 1: not a mail"},
		"JSON of another kind": {`{"hello":`, ""},
		"zip of many": {mailHeader + partOf("application/zip", "r.zip", zipped(t, func() map[string]string {
			many := make(map[string]string)
			for i := range 50 {
				many[fmt.Sprint(i)] = report
			}
			return many
		}())) + "--b1--\r\n", "entries"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, map[string]string{"cur/1": row.mail, "cur/2": mailOf(t, reportOf("2", "corp.test")), "new/.keep": ""})
			got, err := importer(&shelf{}, nil).Import(t.Context(), []string{dir}, nil)
			if err != nil || got.New != 1 {
				t.Fatalf("got %+v, error %v; want the other mail's report", got, err)
			}
			if len(got.Skipped) != 1 || !strings.Contains(got.Skipped[0].Why, row.why) || got.Unreadable != 1 {
				t.Fatalf("skipped %+v; want one line with %q", got.Skipped, row.why)
			}
			if strings.ContainsAny(got.Skipped[0].Why, "\x00\x1b\r\n") {
				t.Errorf("the line has control characters: %q", got.Skipped[0].Why)
			}
		})
	}
}

func TestBombsAreRefused(t *testing.T) {
	zeros := strings.Repeat(" ", tlsrpt.MaxReport+1)
	for name, content := range map[string]map[string]string{
		"gzip":       {"1.json.gz": string(gzipped(t, zeros))},
		"gzip, mail": {"1.eml": mailHeader + partOf("application/tlsrpt+gzip", "r.json.gz", gzipped(t, zeros)) + "--b1--\r\n"},
		"zip":        {"1.zip": string(zipped(t, map[string]string{"r.json": zeros}))},
		"zip of two": {"1.zip": string(zipped(t, map[string]string{"a": zeros[:len(zeros)/2+9], "b": zeros[:len(zeros)/2+9]}))},
		"mail":       {"1.eml": mailHeader + strings.Repeat("x", maxMail)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := importer(&shelf{}, nil).Import(t.Context(), []string{files(t, content)}, nil)
			if err != nil || len(got.Skipped) != 1 || got.Reports != 0 {
				t.Errorf("got %+v, error %v; want one refusal", got, err)
			}
		})
	}
}

func TestWhoseReport(t *testing.T) {
	two := `{"organization-name":"Sender","date-range":{"start-datetime":"2026-06-14T00:00:00Z","end-datetime":"2026-06-14T23:59:59Z"},"report-id":"1","policies":[%s]}`
	for _, row := range []struct {
		name             string
		policies         []string
		domains          string
		foreign          int
		success, failure int64
		skipped          int
	}{
		{"ours", []string{policyOf("sts", "corp.test", 7, 2)}, "corp.test", 0, 7, 2, 0},
		{"a stranger's", []string{policyOf("sts", "other.test", 7, 2)}, "", 1, 0, 0, 0},
		{"ours and a stranger's", []string{policyOf("sts", "other.test", 7, 2), policyOf("sts", "corp.test", 3, 0)}, "corp.test", 0, 3, 0, 0},
		{"two of ours", []string{policyOf("sts", "corp.test", 7, 2), policyOf("sts", "corp.example", 3, 0)}, "corp.test corp.example", 0, 10, 2, 0},
		{"sts and tlsa over the same sessions", []string{policyOf("sts", "corp.test", 7, 2), policyOf("tlsa", "corp.test", 7, 2)}, "corp.test", 0, 7, 2, 0},
		{"tlsa, named by our MX host", []string{policyOf("tlsa", "mx1.corp.test", 5, 0)}, "corp.test", 0, 5, 0, 0},
		{"tlsa, of an MX host we do not know", []string{policyOf("sts", "corp.test", 7, 2), policyOf("tlsa", "mx.hoster.test", 7, 0)}, "corp.test", 0, 7, 2, 0},
		{"sts, named by our MX host", []string{policyOf("sts", "mx1.corp.test", 5, 0)}, "", 1, 0, 0, 0},
		{"no policy found", []string{policyOf("no-policy-found", "corp.test", 5, 1)}, "corp.test", 0, 5, 1, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &shelf{}
			dir := files(t, map[string]string{"sender.test!x!1!2.json": fmt.Sprintf(two, strings.Join(row.policies, ","))})
			got, err := importer(store, nil).Import(t.Context(), []string{dir}, nil)
			if err != nil || got.Foreign != row.foreign || len(got.Skipped) != row.skipped {
				t.Fatalf("got %+v, error %v", got, err)
			}
			if got.Success != row.success || got.Failure != row.failure {
				t.Errorf("%d sessions succeeded and %d failed, want %d and %d", got.Success, got.Failure, row.success, row.failure)
			}
			var domains []string
			for _, r := range store.kept {
				domains = append(domains, r.Report.Policies[0].Domain)
				if r.Submitter != "sender.test" {
					t.Errorf("submitter %q, want that of the file's name", r.Submitter)
				}
			}
			if d := strings.Join(domains, " "); d != row.domains {
				t.Errorf("stored for %q, want %q", d, row.domains)
			}
		})
	}
}

// TestAnImportNamesWhatCountsForNothing: the domains of strangers, a few of them and
// cleaned, and the sources that nobody trusts.
func TestAnImportNamesWhatCountsForNothing(t *testing.T) {
	content := map[string]string{"ours.json": reportOf("ours", "corp.test"), "evil.json": reportOf("evil", `a\u001b[31m.test`)}
	for i := range 9 {
		content[fmt.Sprintf("%d.json", i)] = reportOf(fmt.Sprint(i), fmt.Sprintf("b%d.test", i))
	}
	dir := files(t, content)
	im := importer(&shelf{}, nil)
	got, err := im.Import(t.Context(), []string{dir}, nil)
	if err != nil || got.Foreign != 10 || len(got.ForeignDomains) != rollout.MostForeign || strings.Contains(strings.Join(got.ForeignDomains, " "), "\x1b") {
		t.Errorf("%q of %d, %v", got.ForeignDomains, got.Foreign, err)
	}
	if want := (rollout.UntrustedIntake{Domain: "corp.test", Source: dir, Reports: 1}); len(got.Untrusted) != 1 || got.Untrusted[0] != want {
		t.Errorf("untrusted: %+v, want %+v", got.Untrusted, want)
	}
	// It may stand in the store proven: its key was to be had then, and is gone now.
	if got, err = im.Import(t.Context(), []string{dir}, nil); err != nil || got.Duplicates != 1 || len(got.Untrusted) != 0 {
		t.Errorf("of a duplicate: %+v, %v", got.Untrusted, err)
	}
	im = importer(&shelf{}, nil)
	im.Trusts = func(domain, source string) bool { return domain == "corp.test" && source == dir }
	if got, err = im.Import(t.Context(), []string{dir}, nil); err != nil || len(got.Untrusted) != 0 {
		t.Errorf("of a trusted source: %+v, %v", got.Untrusted, err)
	}
}

func TestImportAgainFindsDuplicates(t *testing.T) {
	dir := files(t, map[string]string{
		"a.json": reportOf("1", "corp.test"), "b.json.gz": string(gzipped(t, reportOf("2", "corp.test"))),
		"sub/c.eml": mailOf(t, reportOf("3", "corp.test")), "notes.txt": "not looked at",
	})
	store := &shelf{}
	im := importer(store, nil)
	var last Progress
	first, err := im.Import(t.Context(), []string{dir}, func(p Progress) { last = p })
	if err != nil || first.New != 3 || first.Files != 3 || first.Mails != 1 || first.Success != 30 || first.Failure != 3 {
		t.Fatalf("first import %+v, error %v", first, err)
	}
	if last != (Progress{Done: 3, Total: 3, New: 3}) {
		t.Errorf("last progress %+v", last)
	}
	again, err := im.Import(t.Context(), []string{dir}, nil)
	if err != nil || again.New != 0 || again.Duplicates != 3 || again.Success != 0 || again.Reports != 3 {
		t.Errorf("second import %+v, error %v", again, err)
	}
	var order []string
	for _, r := range store.kept {
		order = append(order, filepath.Base(r.Path))
		if r.Source != dir || !r.Received.Equal(noon) {
			t.Errorf("%s: source %s, received %s", r.Path, r.Source, r.Received)
		}
	}
	if o := strings.Join(order, " "); o != "a.json b.json.gz c.eml" {
		t.Errorf("stored in the order %s", o)
	}
}

func TestMaildir(t *testing.T) {
	dir := files(t, map[string]string{
		"cur/1.host:2,S": mailOf(t, reportOf("1", "corp.test")), "new/2.host": mailOf(t, reportOf("2", "corp.test")),
		"tmp/3.host": mailOf(t, reportOf("3", "corp.test")), "dovecot.index.log": "x",
		".Archive/cur/4.host:2,S": mailOf(t, reportOf("4", "corp.test")), ".Archive/new/.keep": "",
	})
	got, err := importer(&shelf{}, nil).Import(t.Context(), []string{dir}, nil)
	if err != nil || got.New != 3 || len(got.Skipped) != 0 {
		t.Errorf("got %+v, error %v; want the three delivered mails", got, err)
	}
}

func TestLinksAndMissingPaths(t *testing.T) {
	dir := files(t, map[string]string{"a/1.json": reportOf("1", "corp.test")})
	for _, link := range [][2]string{{dir, "a/loop"}, {"a", "b"}, {"nowhere", "c"}} {
		if err := os.Symlink(link[0], filepath.Join(dir, link[1])); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	got, err := importer(&shelf{}, nil).Import(t.Context(), []string{dir, filepath.Join(dir, "missing")}, nil)
	if err != nil || got.New != 1 || got.Files != 1 {
		t.Errorf("got %+v, error %v; want the one report once", got, err)
	}
	if len(got.Skipped) != 2 {
		t.Errorf("skipped %+v; want the dead link and the missing path", got.Skipped)
	}
}

func TestCancelKeepsWhatWasTaken(t *testing.T) {
	const whole = 2 * batchReports
	content := make(map[string]string)
	for i := range whole {
		content[fmt.Sprintf("%04d.json", i)] = reportOf(fmt.Sprint(i), "corp.test")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	store := &shelf{}
	got, err := importer(store, nil).Import(ctx, []string{files(t, content)}, func(p Progress) {
		if p.New >= batchReports {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want canceled", err)
	}
	if got.New < batchReports || got.New == whole || got.New != len(store.kept) {
		t.Errorf("%d said to be new, %d stored", got.New, len(store.kept))
	}
}

func TestStoreFailureEndsTheImport(t *testing.T) {
	store := &shelf{full: errors.New("disk full")}
	got, err := importer(store, nil).Import(t.Context(), []string{files(t, map[string]string{"1.json": reportOf("1", "corp.test")})}, nil)
	if !errors.Is(err, store.full) || got.New != 0 || strings.Count(err.Error(), "disk full") != 1 {
		t.Errorf("got %+v, error %v", got, err)
	}
}

func zipped(tb testing.TB, content map[string]string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range content {
		wire := gzipped(tb, text)
		deflated := wire[10 : len(wire)-8]
		w, err := z.CreateRaw(&zip.FileHeader{
			Name: name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE([]byte(text)),
			CompressedSize64: uint64(len(deflated)), UncompressedSize64: uint64(len(text)),
		})
		if err == nil {
			_, err = w.Write(deflated)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

var _ rollout.Reports = (*shelf)(nil)
