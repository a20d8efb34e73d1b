package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/tlsrpt"
	"belay/rollout/world"

	"github.com/creack/pty"
)

// inState runs belay over a store of its own in this process.
func inState(state string, in io.Reader, args ...string) ran {
	var out, errs bytes.Buffer
	p := newProgram(world.System(), in, &out, &errs, func(string) (string, bool) { return "", false })
	status := p.run(append([]string{"--state", state}, args...))
	return ran{status, out.String(), errs.String()}
}

// flatly is text in one line, as if it had not been wrapped.
func flatly(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestReportsOfADomainWithoutARolloutAreShownAndExported(t *testing.T) {
	state, now := t.TempDir(), time.Now()
	file := placed(t, filepath.Join(t.TempDir(), "a.json"), reportAbout("corp.test", "1", now, 5, 1))
	if got := inState(state, nil, "reports", "show", "corp.test"); got.status != exitCannot || !strings.Contains(got.err, "belay reports import --domain corp.test FROM... takes some") {
		t.Errorf("before any was taken: exit %d, %s%s", got.status, got.out, got.err)
	}
	if got := take(t, state, "", file); got.status != exitGood {
		t.Fatalf("%+v", got)
	}
	shown := inState(state, nil, "reports", "show", "corp.test")
	if said := flatly(shown.out); shown.status != exitGood || !strings.Contains(said, "There is no rollout of corp.test: no gate reads these reports") || strings.Contains(said, "gate: ") || strings.Contains(said, "reports trust") {
		t.Errorf("exit %d, %s%s", shown.status, shown.out, shown.err)
	}
	var shape struct {
		Rollout *bool
		Gate    *json.RawMessage
		Days    []dayShape
	}
	js := inState(state, nil, "--json", "reports", "show", "corp.test")
	if err := json.Unmarshal([]byte(js.out), &shape); err != nil || shape.Rollout == nil || *shape.Rollout || shape.Gate != nil || len(shape.Days) != 1 || shape.Days[0].OtherOK+shape.Days[0].OtherFailed != 6 {
		t.Errorf("%v: %s%s", err, js.out, js.err)
	}
	var line exportedLine
	js = inState(state, nil, "--json", "reports", "export", "corp.test")
	if err := json.Unmarshal([]byte(js.out), &line); err != nil || line.Success != 5 || len(line.Sources) != 1 || line.Sources[0] != file {
		t.Errorf("%v: %s%s", err, js.out, js.err)
	}
	metrics := filepath.Join(t.TempDir(), "m.prom")
	if got := inState(state, nil, "reports", "export", "corp.test", "--csv", "--prometheus", metrics); got.status != exitGood || !strings.Contains(got.out, ","+file+"\r\n") {
		t.Errorf("exit %d, %s%s", got.status, got.out, got.err)
	}
	if text, err := os.ReadFile(metrics); err != nil || !strings.Contains(string(text), `belay_reports_other_sessions{domain="corp.test"} 6`) || strings.Contains(string(text), "belay_gate_open") {
		t.Errorf("%v: %s", err, text)
	}
}

func TestStandardInputThatHoldsNoReport(t *testing.T) {
	state := t.TempDir()
	for _, row := range []struct {
		name, in string
		status   int
		said     string
	}{
		{"nothing", "", exitCannot, "nothing came on the standard input"},
		{"white space", " \n\n", exitCannot, "nothing came on the standard input"},
		{"words", "hello\n", exitFails, "the standard input held no TLS report: neither a mail nor a report"},
		{"half a report", "{", exitFails, "the standard input held no TLS report: "},
		{"a mail without one", "Subject: hello\n\nworld\n", exitFails, "the standard input held no TLS report"},
		{"a report", reportAbout("corp.test", "1", time.Now(), 5, 1), exitGood, ""},
		{"a report about another domain", reportAbout("other.test", "1", time.Now(), 5, 1), exitGood, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := take(t, state, row.in, "-")
			if got.status != row.status || !strings.Contains(got.err, row.said) || row.said == "" && got.err != "" {
				t.Errorf("exit %d, %s%s", got.status, got.out, got.err)
			}
			var said struct {
				Error string
				Exit  int
			}
			if js := take(t, state, row.in, "--json", "-"); row.said != "" && (json.Unmarshal([]byte(js.err), &said) != nil || said.Exit != row.status || js.status != row.status || !strings.Contains(said.Error, row.said)) {
				t.Errorf("as JSON: exit %d, %s", js.status, js.err)
			}
		})
	}
}

func TestImportAtATerminalSaysWhatItWaitsFor(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no pseudo-terminals")
	}
	keys, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	defer terminal.Close()
	if _, err := io.WriteString(keys, "\x04"); err != nil { // ctrl+d
		t.Fatal(err)
	}
	if got := inState(t.TempDir(), terminal, "reports", "import", "-"); got.status != exitCannot || !strings.Contains(got.err, "waiting for a report, a zip, a mail or an mbox on this terminal; ctrl+d on an empty line ends it") {
		t.Errorf("exit %d, %s", got.status, got.err)
	}
}

// TestAnImportNamesTheCommandThatMakesReportsCount: and that command works as it
// stands there.
func TestAnImportNamesTheCommandThatMakesReportsCount(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	folder := filepath.Join(t.TempDir(), "tls reports")
	for _, id := range []string{"1", "2"} {
		placed(t, filepath.Join(folder, id+".json"), reportAbout(b.Domain(), id, b.Now(), 5, 1))
	}
	placed(t, filepath.Join(folder, "3.json"), reportAbout("other\x1b[31m.test", "3", b.Now(), 5, 1))
	got := b.must(exitGood, "reports", "import", folder)
	if !strings.Contains(flatly(got.out), "2 reports about corp.test from "+folder+" are unsigned or were changed on the way: they count for nothing until you trust the source:") {
		t.Errorf("it says %s", got.out)
	}
	if strings.Contains(got.out, "\x1b") {
		t.Errorf("it commands the terminal: %q", got.out)
	}
	command := regexp.MustCompile(`belay --state (\S+) reports trust corp\.test '([^']+)' --reason WHY`)
	for _, out := range []string{got.out, b.must(exitGood, "reports", "show", b.Domain()).out} {
		found := command.FindStringSubmatch(out)
		if found == nil || found[1] != b.state || found[2] != folder {
			t.Errorf("no command in %s", out)
		}
	}
	b.must(exitGood, "reports", "trust", b.Domain(), folder, "--reason", "ours alone write there")
	if again := b.must(exitGood, "reports", "import", folder); strings.Contains(again.out, "reports trust") || !strings.Contains(again.out, "2 duplicates") {
		t.Errorf("once it is trusted: %s", again.out)
	}
}

// TestShownReportsAgreeWithTheGate: what was posted has its address to trust, a failure
// that was dismissed says so, and in testing nothing is called refused.
func TestShownReportsAgreeWithTheGate(t *testing.T) {
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return time.Date(2026, 6, n, 0, 0, 0, 0, time.UTC) }
	expired := func(signer, mx string) rollout.ReportDay {
		return rollout.ReportDay{Begins: day(12), Ends: day(13), Standing: rollout.Verified, Signer: signer, Submitter: signer, PolicyType: "sts", Reports: 1, Success: 1000, Failure: 4,
			Failures: []rollout.FailureCount{{Type: tlsrpt.CertificateExpired, MX: mx, Count: 4}}, Timed: 1, Late: 7200}
	}
	live := rollout.NewLedgerEntry("version: STSv1\r\nmode: testing\r\nmx: *.corp.test\r\nmax_age: 86400\r\n", day(1))
	live.Live, live.Announced, live.IDs = day(1), day(1), []string{"20260601T000000Z"}
	posted := expired("sender.test", "mx1.corp.test")
	posted.Standing, posted.Signer, posted.Source = rollout.Posted, "", "https://mta-sts.corp.test/tlsrpt"
	r := rollout.Rollout{Domain: "corp.test", Settings: rollout.DefaultSettings(), Phase: rollout.ReviewReports, Ledger: rollout.Ledger{live},
		Reports:    []rollout.ReportDay{expired("google.com", "mx1.corp.test"), expired("google.com", "mx2.corp.test"), posted},
		Dismissals: []rollout.Dismissal{{At: day(14), Who: "ops", Key: "google.com/certificate-expired/mx2.corp.test", Reason: "decommissioned"}}}
	gate := r.ReviewGate(now)
	var out bytes.Buffer
	p := newProgram(world.System(), nil, &out, io.Discard, func(string) (string, bool) { return "", false })
	p.printReports(reportsOf(r, &gate, now), now)
	said := flatly(out.String())
	for _, want := range []string{
		"holds the gate: google.com/certificate-expired/mx1.corp.test",
		`does not hold the gate: dismissed on 14 Jun by ops ("decommissioned"), for 30 days`,
		"UTC day ok would be refused if enforced without policy do not count 2026-06-12 2000 8 0 1004",
		"belay reports trust corp.test https://mta-sts.corp.test/tlsrpt --reason WHY",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	// Once it is trusted what was posted counts, and is told from what is signed.
	r.Trusts = []rollout.Trust{{Source: posted.Source}}
	out.Reset()
	p.printReports(reportsOf(r, &gate, now), now)
	if said, want := flatly(out.String()), "without policy by trust do not count 2026-06-12 3000 12 0 1004 by trust: those of the columns before it that count by trust in their source alone"; !strings.Contains(said, want) {
		t.Errorf("no %q in\n%s", want, out.String())
	}
	if strings.Contains(said, "holds the gate: google.com/certificate-expired/mx2") {
		t.Errorf("what was dismissed holds the gate:\n%s", out.String())
	}
	text, err := json.Marshal(reportsOf(r, &gate, now))
	if err != nil || !strings.Contains(string(text), `"late_seconds":7200`) || strings.Contains(string(text), "late_ns") {
		t.Errorf("%v: %s", err, text)
	}
}

func TestTakenInWords(t *testing.T) {
	for want, n := range map[string][8]int{
		"no report":                               {},
		"1 file, 1 mail, 1 report: 1 new":         {1, 1, 1, 1, 0, 0, 0, 0},
		"2 mails, 2 reports: 0 new, 2 duplicates": {0, 2, 2, 0, 2, 0, 0, 0},
		"1 file, no report: 1 not readable":       {1, 0, 0, 0, 0, 0, 0, 1},
		"3 files, 3 reports: 1 new, 1 duplicate, 1 about others, 2 not readable": {3, 0, 3, 1, 1, 0, 1, 2},
		"9 mails, 9 reports: 2 new, 3 duplicates, 4 dropped":                     {0, 9, 9, 2, 3, 4, 0, 0},
	} {
		if got := takenWords(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWhatIsLeftOutOfOursIsTold: too many that claim to be one report, and a signer that
// contradicts itself.
func TestWhatIsLeftOutOfOursIsTold(t *testing.T) {
	state, dir, now := t.TempDir(), t.TempDir(), time.Now()
	for i := range rollout.MostVariants + 3 {
		placed(t, filepath.Join(dir, fmt.Sprintf("%02d.json", i)), reportAbout("corp.test", "1", now, i, 1))
	}
	got := take(t, state, "", dir)
	for _, want := range []string{"53 files, 53 reports: 50 new, 3 dropped", "3 reports dropped: nothing proves who wrote them, and 50 are kept of those from one source that claim to be the same report"} {
		if said := flatly(got.out); got.status != exitGood || !strings.Contains(said, want) {
			t.Errorf("exit %d, no %q in\n%s%s", got.status, want, got.out, got.err)
		}
	}
	var sum rollout.Intake
	js := take(t, state, "", "--json", dir)
	if err := json.Unmarshal([]byte(js.out), &sum); err != nil || sum.Dropped != 3 || sum.Duplicates != 50 || sum.Sources[0].Dropped != 3 {
		t.Errorf("%v: %s%s", err, js.out, js.err)
	}
	sum = rollout.Intake{Differing: 7, DifferingReports: []rollout.DifferingReport{{Domain: "corp.test", Reporter: "google.com", ReportID: "a\x1b[2Jb", Ends: now, Path: "/mail/2"}}}
	said := remarks(sum)
	if want := "V13 google.com: report \"ab\" about " + now.UTC().Format(time.DateOnly) + " came twice and does not say the same: the first is kept, and not what is in /mail/2."; len(said) != 2 || said[0] != want || !strings.HasPrefix(said[1], "6 further reports came twice") {
		t.Errorf("%q, want %q", said, want)
	}
}

// TestOfManySourcesTheFirstFewAreToldOf: of domains with a rollout, wherever among them
// one without stands.
func TestOfManySourcesTheFirstFewAreToldOf(t *testing.T) {
	p := newProgram(world.World{}, nil, io.Discard, io.Discard, func(string) (string, bool) { return "", false })
	for name, of := range map[string]func(i int) bool{ // whether the domain of the i-th has no rollout
		"none":           func(int) bool { return false },
		"the sixth":      func(i int) bool { return i == mostAdvised },
		"the first five": func(i int) bool { return i < mostAdvised },
	} {
		t.Run(name, func(t *testing.T) {
			var sum rollout.Intake
			want := []string{}
			for i := range 40 {
				intake := rollout.UntrustedIntake{Domain: "corp.test", Source: fmt.Sprintf("/in/%d", i), Reports: 2}
				if of(i) {
					intake.Domain = "other.test"
				} else if len(want) < mostAdvised {
					want = append(want, intake.Source)
				}
				sum.Untrusted = append(sum.Untrusted, intake)
			}
			got := p.advices(sum, []string{"other.test"})
			if len(got) != mostAdvised+1 || !strings.HasPrefix(got[mostAdvised].said, "More came from elsewhere") {
				t.Fatalf("%d are told of: %+v", len(got), got)
			}
			for i, source := range want {
				if !strings.Contains(got[i].said, "about corp.test from "+source+" ") {
					t.Errorf("%s, want %s", got[i].said, source)
				}
			}
		})
	}
}
