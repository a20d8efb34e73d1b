package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

const lead = "From a@b.test Mon Jun 15 12:00:00 2026\n"

func TestMboxDialects(t *testing.T) {
	head := func(more string) string { return "Subject: x\n" + more + "\n" }
	length := func(body string) string { return head(fmt.Sprintf("Content-Length: %d\n", len(body))) + body }
	for name, row := range map[string]struct {
		file string
		want []string
	}{
		"two mails":                   {lead + head("") + "one\n\n" + lead + head("") + "two\n", []string{head("") + "one\n", head("") + "two\n"}},
		"CRLF":                        {strings.ReplaceAll(lead+head("")+"one\n\n"+lead+head("")+"two\n", "\n", "\r\n"), []string{"Subject: x\r\n\r\none\r\n", "Subject: x\r\n\r\ntwo\r\n"}},
		"no empty line between":       {lead + head("") + "one\n" + lead + head("") + "two\n", []string{head("") + "one\n", head("") + "two\n"}},
		"no date in the From line":    {"From a@b.test\n" + head("") + "one\n\nFrom c@d.test\n" + head("") + "two\n", []string{head("") + "one\n", head("") + "two\n"}},
		"From within a paragraph":     {lead + head("") + "He came\nFrom far away\n", []string{head("") + "He came\nFrom far away\n"}},
		"mboxrd":                      {lead + head("") + "a\n\n>From b\n>>From c\n> From d\n>Frome\n", []string{head("") + "a\n\nFrom b\n>From c\n> From d\n>Frome\n"}},
		"quoted in the first line":    {lead + head("") + ">From b\n", []string{head("") + "From b\n"}},
		"mboxcl2: bare From lines":    {lead + length("a\n\n"+lead+"b\n") + "\n" + lead + head("") + "two\n", []string{length("a\n\n" + lead + "b\n"), head("") + "two\n"}},
		"mboxcl2 to the end":          {lead + length("a\n\n"+lead+">From b\n"), []string{length("a\n\n" + lead + ">From b\n")}},
		"length and quoting":          {lead + length(">From a\n") + "\n" + lead + head("") + "two\n", []string{strings.Replace(length(">From a\n"), ">", "", 1), head("") + "two\n"}},
		"a body without a last break": {lead + length("one") + "\n\n" + lead + head("") + "two", []string{length("one"), head("") + "two"}},
		"a length that is too long": {lead + head("Content-Length: 5000\n") + "one\n\n" + lead + head("") + "two\n\n" + lead + head("") + "three\n",
			[]string{head("Content-Length: 5000\n") + "one\n", head("") + "two\n", head("") + "three\n"}},
		"a length that is too short": {lead + head("Content-Length: 1\n") + "one\n\n" + lead + head("") + "two\n", []string{head("Content-Length: 1\n") + "one\n", head("") + "two\n"}},
		"lengths that are none":      {lead + head("Content-Length: -7\nContent-Length: x\n") + "one\n", []string{head("Content-Length: -7\nContent-Length: x\n") + "one\n"}},
		"a mail without a body":      {lead + "Subject: x\n" + lead + head("") + "two\n", []string{"Subject: x\n", head("") + "two\n"}},
		"a From line without an end": {lead + head("") + "one\n\n" + strings.TrimSuffix(lead, "\n"), []string{head("") + "one\n", ""}},
		"a From line of 200,000 bytes": {"From a" + strings.Repeat("x", 200_000) + "\n" + head("") + "one\n\nFrom b 12:00" + strings.Repeat("x", 200_000) + "\n" + head("") + "two\n",
			[]string{head("") + "one\n", head("") + "two\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			box := newMbox(strings.NewReader(row.file))
			for {
				raw, start, err := box.next()
				if err == io.EOF {
					break
				}
				if err != nil || !strings.HasPrefix(row.file[start:], "From ") {
					t.Fatalf("mail %d at %d: %v", len(got)+1, start, err)
				}
				got = append(got, string(raw))
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %q\nwant %q", got, row.want)
			}
			if box.at != int64(len(row.file)) {
				t.Errorf("ended at %d of %d bytes", box.at, len(row.file))
			}
		})
	}
}

func TestMboxMailThatIsTooLarge(t *testing.T) {
	file := lead + "Subject: x\n\n" + strings.Repeat(strings.Repeat("x", 99)+"\n", maxMail/100+1) + "\n" + lead + "Subject: y\n\ntwo\n"
	box := newMbox(strings.NewReader(file))
	if _, _, err := box.next(); !errors.Is(err, errLargeMail) {
		t.Fatalf("the first mail: %v", err)
	}
	if raw, _, err := box.next(); err != nil || string(raw) != "Subject: y\n\ntwo\n" {
		t.Errorf("the second: %q, %v", raw, err)
	}
	if _, _, err := box.next(); err != io.EOF {
		t.Errorf("then %v", err)
	}
}

// A length that leads over the largest mail must not swallow the mails in between.
func TestMboxLengthBeyondTheLargestMail(t *testing.T) {
	first := lead + fmt.Sprintf("Content-Length: %d\n\none\n\n", maxMail) + lead + "Subject: y\n\ntwo\n\n" + lead + "Subject: z\n\n"
	file := first + strings.Repeat(strings.Repeat("x", 99)+"\n", maxMail/100+1) + lead + "Subject: last\n\n"
	var got []string
	err := eachMail(newMbox(strings.NewReader(file)), func(raw []byte, n int, _ int64, err error) error {
		got = append(got, fmt.Sprintf("%d %.20q %v", n, raw, err))
		return nil
	})
	if err != nil || len(got) != 4 || !strings.Contains(got[1], "two") || !strings.Contains(got[2], "larger than") || !strings.Contains(got[3], "last") {
		t.Errorf("got %q, error %v", got, err)
	}
}

func TestMboxSignaturesVerify(t *testing.T) {
	sender := newSigner(t, "sender.test")
	var file bytes.Buffer
	for i := range 5 {
		mail := strings.Replace(mailOf(t, reportOf(fmt.Sprint(i), "corp.test")), "{ A report, in prose }", "Dear all,\r\n\r\nFrom now on, daily.\r\n>From 12:00 on.", 1)
		mail = strings.ReplaceAll(sender.sign(t, mail, time.Time{}), "\r\n", "\n")
		mail = strings.NewReplacer("\nFrom ", "\n>From ", "\n>From 12", "\n>>From 12").Replace(mail) // but From: is a field
		file.WriteString(lead + mail + "\n")
	}
	dir := files(t, map[string]string{"reports.mbox": file.String(), "cur.eml": strings.ReplaceAll(file.String(), `report-id":"`, `report-id":"b`)})
	got, err := importer(&shelf{}, sender.lookup).Import(t.Context(), []string{filepath.Join(dir, "reports.mbox")}, nil)
	if err != nil || got.Verified != 5 || got.Mails != 5 || got.Files != 1 || len(got.Skipped) != 0 {
		t.Errorf("got %+v, error %v; want five verified reports", got, err)
	}
}

// TestMboxIsNeverInMemory reads an mbox, made while it is read, of many times the
// memory that it may take.
func TestMboxIsNeverInMemory(t *testing.T) {
	mail := []byte(lead + "Subject: x\n\n" + strings.Repeat(strings.Repeat("x", 99)+"\n", 10_000) + "\n")
	const mails = 300
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	most := uint64(0)
	box := newMbox(&repeated{what: mail, times: mails})
	n := 0
	for ; ; n++ {
		_, _, err := box.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n%16 == 0 {
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapInuse)
		}
	}
	if n != mails || box.at != int64(len(mail))*mails {
		t.Errorf("%d mails in %d bytes", n, box.at)
	}
	if most > before.HeapInuse+32<<20 {
		t.Errorf("%d MiB of heap in use, %d MiB before", most>>20, before.HeapInuse>>20)
	}
}

// repeated is what, so many times.
type repeated struct {
	what  []byte
	times int
	left  []byte
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		if r.times == 0 {
			return 0, io.EOF
		}
		r.times--
		r.left = r.what
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func TestWhatLiesInFiles(t *testing.T) {
	report := func(id string) string { return reportOf(id, "corp.test") }
	box := lead + strings.ReplaceAll(mailOf(t, report("m1")), "\r\n", "\n") + "\n" + lead + strings.ReplaceAll(mailOf(t, report("m2")), "\r\n", "\n")
	dir := files(t, map[string]string{
		"1.json": report("1"), "2.json.gz": string(gzipped(t, report("2"))), "3.JSON.GZ": string(gzipped(t, report("3"))),
		"4.gz": string(gzipped(t, report("4"))), "5.zip": string(zipped(t, map[string]string{"r.json": report("5"), "s.json.gz": string(gzipped(t, report("6")))})),
		"6.eml": mailOf(t, report("7")), "7.eml.gz": string(gzipped(t, mailOf(t, report("8")))), "8.mbox": box,
		"9.eml": lead + mailOf(t, report("9")), "notes.txt": "not looked at",
	})
	store := &shelf{}
	got, err := importer(store, nil).Import(t.Context(), []string{dir}, nil)
	if err != nil || len(got.Skipped) != 0 || got.Files != 9 || got.Mails != 5 || got.New != 11 {
		t.Errorf("got %+v, error %v; want 11 reports out of 9 files with 5 mails", got, err)
	}
	if len(got.Sources) != 1 || got.Sources[0].Source != dir || got.Sources[0].New != 11 || got.Sources[0].Mails != 5 {
		t.Errorf("sources %+v", got.Sources)
	}
}

func TestWhatIsNeitherMailNorReport(t *testing.T) {
	policy := "version: STSv1\nmode: testing\nmx: mx1.corp.test\nmax_age: 86400\n"
	dir := files(t, map[string]string{"mta-sts.txt": policy, "b.json": reportOf("1", "corp.test"), "empty": "", "c.gz": string(gzipped(t, policy))})
	var paths []string
	for _, name := range []string{"mta-sts.txt", "b.json", "empty", "c.gz"} {
		paths = append(paths, filepath.Join(dir, name))
	}
	got, err := importer(&shelf{}, nil).Import(t.Context(), paths, nil)
	if err != nil || got.Mails != 0 || got.New != 1 || got.Files != 4 || len(got.Skipped) != 3 {
		t.Fatalf("got %+v, error %v", got, err)
	}
	if s := got.Skipped[0]; s.Why != "neither a mail nor a report" {
		t.Errorf("the policy text: %+v", s)
	}
	for i, want := range []int{1, 0, 1, 1} {
		if of := got.Sources[i]; of.Source != paths[i] || of.Unreadable != want {
			t.Errorf("source %d: %+v", i, of)
		}
	}
}

func TestStreamByItsFirstBytes(t *testing.T) {
	report := reportOf("1", "corp.test")
	box := lead + mailOf(t, report) + "\n" + lead + mailOf(t, reportOf("2", "corp.test"))
	for name, row := range map[string]struct {
		in           string
		mails, fresh int
		skipped      string
	}{
		"a report":      {report, 0, 1, ""},
		"with a BOM":    {"\ufeff" + report, 0, 1, ""},
		"gzip":          {string(gzipped(t, report)), 0, 1, ""},
		"zip":           {string(zipped(t, map[string]string{"r.json": report})), 0, 1, ""},
		"a mail":        {mailOf(t, report), 1, 1, ""},
		"an mbox":       {box, 2, 2, ""},
		"an mbox, gzip": {string(gzipped(t, box)), 2, 2, ""},
		"nothing":       {"", 0, 0, "nothing came"},
		"a policy text": {"version: STSv1\nmode: none\n", 0, 0, "neither"},
		"too much":      {"Subject: x\n\n" + strings.Repeat("x", maxMail), 0, 0, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			store := &shelf{}
			in := Stream("-", strings.NewReader(row.in))
			got, err := importer(store, nil).From(t.Context(), nil, []Source{in}, nil)
			if err != nil || got.Mails != row.mails || got.New != row.fresh || got.Files != 0 {
				t.Fatalf("got %+v, error %v", got, err)
			}
			if len(got.Skipped) != got.Unreadable || row.skipped == "" != (len(got.Skipped) == 0) ||
				len(got.Skipped) == 1 && !strings.Contains(got.Skipped[0].Why, row.skipped) {
				t.Errorf("skipped %+v", got.Skipped)
			}
			for _, r := range store.kept {
				if r.Source != "-" || r.Standing == rollout.Verified {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

func TestStreamEndsWithTheImport(t *testing.T) {
	quiet, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = io.WriteString(w, lead+mailOf(t, reportOf("1", "corp.test"))+"\n"+lead)
		cancel()
	}()
	got, err := importer(&shelf{}, nil).From(ctx, nil, []Source{Stream("-", quiet)}, nil)
	if err == nil || got.New > 1 {
		t.Errorf("got %+v, error %v", got, err)
	}
}
