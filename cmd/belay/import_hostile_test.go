package main

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
)

// mostResident is how much memory an import may take, in MiB, whatever is imported.
const mostResident = 150

// TestImportOfTheLargestStaysSmall lets the shipped binary read, side by side, the
// largest of everything: reports that unfold to nearly 50 MiB, with details that are
// all alike and all different, bombs that unfold to more, mail of 20 MB. The largest
// reports are taken whole; of the others each is one line. Nothing that their authors
// wrote reaches the terminal as they wrote it.
func TestImportOfTheLargestStaysSmall(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "belay")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build belay: %v\n%s", err, out)
	}
	dir, state := t.TempDir(), t.TempDir()
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2)
	const coloured, named = "3-coloured.json.gz", "9-\x1b[31mname.eml"
	const alike, reason = 350_000, `","failure-reason-code":"\u001b[31mred\u009b0m\u202e<b>`
	write := func(name, wire string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(wire), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	detail := func(more string) func(int) string {
		return func(i int) string {
			return fmt.Sprintf(`{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.%d","receiving-mx-hostname":"mx1.corp.test%s","failed-session-count":1}`, i%250, strings.ReplaceAll(more, "N", fmt.Sprint(i)))
		}
	}
	write("1-alike.json.gz", zippedReport(t, "alike", day, alike, detail("")))
	write("2-different.json.gz", zippedReport(t, "different", day, 100_000, detail(`","failure-reason-code":"session N`)))
	write(coloured, zippedReport(t, "coloured", day, 10, detail(reason)))
	write("4-bomb.json.gz", string(lab.Gzip(strings.Repeat(" ", 60<<20))))
	write("5-nesting.json.gz", string(lab.Gzip(strings.Repeat("[", 45<<20))))
	write("6-plain.json", strings.Repeat(" ", 49<<20)+"{}")
	write("7-too-large.json", strings.Repeat(" ", 51<<20))
	noise := make([]byte, 14<<20)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	write("8-noise.eml", "From: a@b.test\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n"+base64.StdEncoding.EncodeToString(noise))
	write(named, "From: a@b.test\r\nContent-Type: \x1b[2Japplication/tlsrpt+json\r\n\r\n{\x1b[2J")

	run := exec.Command(binary, "--state", state, "reports", "import", "--domain", reportedDomain, dir)
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	peak, err := runWatched(t, run)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	if !strings.Contains(out.String(), "3 reports: 3 new, 6 not readable") || strings.Count(out.String(), "skipped ") != 6 {
		t.Errorf("printed %s", out.Bytes())
	}
	if peak > mostResident {
		t.Errorf("%.0f MiB were resident, want %d at most", peak, mostResident)
	}
	t.Logf("%.0f MiB were resident at most", peak)
	shown, err := exec.Command(binary, "--state", state, "reports", "import", "--domain", reportedDomain, "--json", filepath.Join(dir, coloured), filepath.Join(dir, named)).Output()
	var sum rollout.Intake
	if err == nil {
		err = json.Unmarshal(shown, &sum)
	}
	if err != nil || sum.Duplicates != 1 || len(sum.Skipped) != 1 {
		t.Errorf("the second time: %+v, %v", sum, err)
	}
	for _, text := range []string{out.String(), string(shown)} {
		if i := strings.IndexFunc(text, func(c rune) bool { return c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0 || c == 0x202e }); i >= 0 {
			t.Errorf("a control character was printed: %q", text[max(0, i-40):min(len(text), i+40)])
		}
	}
	if reports, _ := summedUp(t, state); reports != 3 {
		t.Errorf("%d reports are summed up", reports)
	}
}

// zippedReport is a report about reportedDomain with so many details, compressed.
func zippedReport(t *testing.T, id string, day time.Time, details int, detail func(int) string) string {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, `{"organization-name":"Large","date-range":{"start-datetime":%q,"end-datetime":%q},"contact-info":"tls@large.test","report-id":%q,
"policies":[{"policy":{"policy-type":"sts","policy-domain":%q},"summary":{"total-successful-session-count":0,"total-failure-session-count":%d},"failure-details":[`,
		day.Format(time.RFC3339), day.Add(24*time.Hour-time.Second).Format(time.RFC3339), id, reportedDomain, details)
	for i := range details {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(detail(i))
	}
	text.WriteString(`]}]}`)
	return zippedText(t, text.String())
}

func zippedText(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = z.Write([]byte(text))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
