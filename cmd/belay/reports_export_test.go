package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
	"belay/rollout/world"
)

// exportedAsShown exports b's reports in every form and holds the sums against what
// is shown of them.
func exportedAsShown(t *testing.T, b *box, shown reportsShape) {
	t.Helper()
	var want int64
	for _, r := range shown.Reporters {
		want += r.Success + r.Failure
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	b.must(exitGood, "reports", "export", b.Domain(), "--csv", "--out", at("r.csv"), "--prometheus", at("r.prom"))
	text, err := os.ReadFile(at("r.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(rows) < 3 || !strings.HasSuffix(string(text), "\r\n") {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var sum int64
	for _, row := range rows[1:] {
		if row[column["line"]] == "sessions" && row[column["policy_type"]] == "sts" {
			for _, name := range []string{"success", "failure"} {
				n, err := strconv.ParseInt(row[column[name]], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += n
			}
		}
	}
	if sum != want {
		t.Errorf("the CSV has %d sessions, %d are shown", sum, want)
	}
	sum = 0
	for line := range strings.Lines(b.must(exitGood, "reports", "export", b.Domain(), "--json").out) {
		var x exportedLine
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if x.PolicyType == "sts" {
			sum += x.Success + x.Failure
		}
	}
	if sum != want {
		t.Errorf("the JSON has %d sessions, %d are shown", sum, want)
	}
	metrics, err := os.ReadFile(at("r.prom"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`belay_reports_sessions{domain="corp.test",reporter="` + shown.Reporters[0].Reporter + `",result="refused"} 0` + "\n",
		`belay_reports_stopped{domain="corp.test",reporter="` + shown.Reporters[0].Reporter + `"} 0` + "\n", "belay_reports_clean_since_timestamp_seconds", `belay_gate_open{domain="corp.test",phase="`,
	} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("no %s in the metrics:\n%s", want, metrics)
		}
	}
}

func TestExportedTextIsNoFormulaAndNoCommand(t *testing.T) {
	day := time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC)
	r := rollout.Rollout{Domain: "corp.test", Reports: []rollout.ReportDay{{
		Begins: day, Ends: day.Add(rollout.Day), Standing: rollout.Unsigned, Source: "/in" + rollout.SourceSeparator + "-", Submitter: `=cmd|' /C calc'!A0`, PolicyType: "sts", Reports: 1, Success: 7, Failure: 5, Unexplained: 2, Timed: 2, Late: 7200,
		Failures: []rollout.FailureCount{{Type: tlsrpt.ResultType("+SUM(A1)"), MX: "@evil.test", IP: "192.0.2.1", Reason: "-1\r\n\x1b[31m\"quoted\", ＝HYPERLINK()", Count: 3}},
	}}}
	p := newProgram(world.World{}, strings.NewReader(""), io.Discard, io.Discard, func(string) (string, bool) { return "", false })
	var text strings.Builder
	if err := p.writeLines(&text, r, asCSV); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(text.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		strings.Join(csvHead, "|"),
		`sessions|corp.test|2026-06-09T00:00:00Z|2026-06-10T00:00:00Z|'=cmd|' /c calc'!a0|unsigned|false|false|sts|||1|7|5|3600|||||||/in; -`,
		`failure|corp.test|2026-06-09T00:00:00Z|2026-06-10T00:00:00Z|'=cmd|' /c calc'!a0|unsigned|false|false|sts|||||||'+SUM(A1)|'@evil.test|192.0.2.1|'-1 "quoted", ＝HYPERLINK()|refused|3|/in; -`,
		`failure|corp.test|2026-06-09T00:00:00Z|2026-06-10T00:00:00Z|'=cmd|' /c calc'!a0|unsigned|false|false|sts|||||||unexplained||||refused|2|/in; -`,
	}
	for i, row := range rows {
		if got := strings.Join(row, "|"); i >= len(want) || got != want[i] {
			t.Errorf("line %d is\n%s, want\n%s", i, got, want[min(i, len(want)-1)])
		}
	}
	if strings.ContainsAny(text.String(), "\x1b") || strings.Count(text.String(), "\r\n") != 4 {
		t.Errorf("%q", text.String())
	}
}

func TestFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.csv")
	put := func(text string, fails error) error {
		return replaceFile(file, 0o600, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, fails)
		})
	}
	broken := errors.New("broken")
	if err := put("first", nil); err != nil {
		t.Fatal(err)
	}
	if err := put("half of", broken); !errors.Is(err, broken) {
		t.Errorf("it says %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != "first" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestMetricsOfHostileNamesStandOnce: two types and two hosts that differ only in what
// is cleaned away are one series, for node_exporter refuses a file with one twice.
func TestMetricsOfHostileNamesStandOnce(t *testing.T) {
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	r := rollout.Rollout{Domain: "corp.test", Settings: rollout.Settings{Senders: []string{"sender.test"}}}
	day := rollout.ReportDay{
		Begins: now.Add(-2 * rollout.Day), Ends: now.Add(-rollout.Day), Standing: rollout.Verified, Signer: "sender.test", PolicyType: "sts",
		Reports: 1, Success: 10, Failure: 7,
	}
	for i, typ := range []tlsrpt.ResultType{"moon-phase", "moon-\x1b[31mphase", "moon-\x1b[32mphase"} {
		day.Failures = append(day.Failures, rollout.FailureCount{Type: typ, MX: "mx1.corp.test", Count: int64(1 + i)}, rollout.FailureCount{Type: typ, MX: "mx1.\x1b[31mcorp.test", Count: 1})
	}
	r.Reports = []rollout.ReportDay{day}
	stands, sum := map[string]bool{}, 0
	for line := range strings.Lines(string(reportMetrics(r, &rollout.Gate{}, now))) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if stands[series] {
			t.Errorf("%s stands twice", series)
		}
		stands[series] = true
		if strings.HasPrefix(series, "belay_reports_failed_sessions{") {
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	if sum != 1+2+3+3 {
		t.Errorf("%d failed sessions, want 9", sum)
	}
}
