package tui

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
)

func plainStyles() Styles { return newStyles(lipgloss.DefaultRenderer()) }

func TestTheFieldIsEditedAsShellsDo(t *testing.T) {
	for _, row := range []struct{ name, typed, keys, want string }{
		{"typed", "corp.test", "", "corp.test"},
		{"backspace", "corp", "backspace", "cor"},
		{"within", "crp", "left left", "cXrp"},
		{"from the beginning", "orp", "home", "Xorp"},
		{"delete", "corp", "home delete", "Xorp"},
		{"a word back", "one two", "ctrl+w", "one X"},
		{"to the beginning", "one two", "ctrl+u", "X"},
		{"to the end", "one two", "left left left ctrl+k", "one X"},
		{"beyond the ends", "ab", "right right home left", "Xab"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newField("x", "", nil)
			f.update(keyed(row.typed))
			for _, k := range strings.Fields(row.keys) {
				f.update(keyed(k))
			}
			if strings.Contains(row.want, "X") {
				f.update(keyed("X"))
			}
			if got := f.value(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestTheFieldTakesNothingThatCannotBeSeen(t *testing.T) {
	f := newField("x", "", nil)
	f.update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("a\x1b[2J\u202eb\n")})
	f.update(tea.KeyMsg{Type: tea.KeyF1})
	f.update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("z"), Alt: true})
	if got := f.value(); got != "a[2Jb" {
		t.Errorf("got %q", got)
	}
}

func TestADiffKeepsTheOrderOfTheText(t *testing.T) {
	e := rollout.Edit{Before: rollout.Body("version: STSv1\nmode: testing\nmax_age: 1\n"), After: rollout.Body("version: STSv1\r\nmode: enforce\r\nmax_age: 1\r\n")}
	got := strings.Join(diff(plainStyles(), e), "\n")
	want := "          version: STSv1\n        - mode: testing\n        + mode: enforce\n          max_age: 1"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTheChartNeverHidesARefusal(t *testing.T) {
	days := []dayTally{{now(), 1_000_000, 1}, {now().AddDate(0, 0, 1), 0, 5}, {now().AddDate(0, 0, 2), 3, 0}, {now().AddDate(0, 0, 3), 0, 0}}
	lines := chart(plainStyles(), days, 80)
	ground := lines[chartHeight-1]
	if !strings.HasSuffix(ground, "| !! !! ##   ") {
		t.Errorf("the ground is %q", ground)
	}
	if strings.Contains(strings.Join(lines[:chartHeight-1], ""), "!") {
		t.Errorf("one refusal in a million stands high:\n%s", strings.Join(lines, "\n"))
	}
}

func TestTheChartShowsTheNewestDaysThatFit(t *testing.T) {
	var days []dayTally
	for i := range 40 {
		days = append(days, dayTally{day: time.Date(2026, 11, 1+i, 0, 0, 0, 0, time.UTC), ok: 1})
	}
	lines := chart(plainStyles(), days, 38)
	if got := lines[len(lines)-1]; got != "      +-01----03----05----07----09---" {
		t.Errorf("the dates are %q", got)
	}
}

func TestTheTallySaysWhatBlocksAndWhatDoesNotCount(t *testing.T) {
	r := published(rollout.ReviewReports, "testing", 86400)
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	r.Reports = append(r.Reports, rollout.ReportDay{Begins: day, Ends: day.AddDate(0, 0, 1), Standing: rollout.Verified, Signer: "nobody.example", PolicyType: "sts",
		Failure: 2, Failures: []rollout.FailureCount{{Type: tlsrpt.CertificateHostMismatch, MX: "mx1.corp.test", Count: 2}}})
	got := tallyUp(r, now(), 28)
	if len(got.days) != 9 || got.forecast.Refused != 72 || got.leftOut != 900_002 {
		t.Errorf("%d days, %d refused, %d left out", len(got.days), got.forecast.Refused, got.leftOut)
	}
	if len(got.failures) != 2 || len(got.failures[0].keys) != 2 || !got.failures[1].strangers || got.failures[1].means.Code != "M11" {
		t.Errorf("failures are %+v", got.failures)
	}
}

func TestAProgressOfAnImportIsSaid(t *testing.T) {
	d := atPhase4(t, 80, 24)
	told := newFeed()
	d.app.reading = told
	told.sink(rollout.Event{Text: "12,000 files read."})
	told.end()
	d.run(told.next(d.app.crew))
	d.sees("12,000 files read.")
	d.press("i").sees("Reports are being read already.")
}

func TestTheFeedNeverBlocksTheEngine(t *testing.T) {
	f := newFeed()
	for range feedSize + 100 {
		f.sink(rollout.Event{Kind: rollout.Asking})
	}
	f.end()
	c := newCrew(t.Context())
	msg := f.next(c)().(feedMsg)
	if len(msg.events) != feedSize || !msg.ended {
		t.Errorf("%d events, ended is %t", len(msg.events), msg.ended)
	}
	<-c.close()
	if f.next(c)() != nil {
		t.Error("a closed crew ran an errand")
	}
}

func TestTextIsMeasuredInCells(t *testing.T) {
	for _, row := range []struct {
		in   string
		w    int
		want string
	}{
		{"abc", 5, "abc  "}, {"abcdef", 4, "abc…"}, {"漢字漢字", 5, "漢字…"}, {"", 2, "  "}, {"abc", 0, ""},
	} {
		if got := fit(row.in, row.w); got != row.want {
			t.Errorf("fit(%q, %d) = %q, want %q", row.in, row.w, got, row.want)
		}
	}
	for d, want := range map[time.Duration]string{time.Second: "1 second", 90 * time.Minute: "90 minutes", 24 * time.Hour: "1 day", 30 * time.Hour: "30 hours", 31557600 * time.Second: "365 days"} {
		if got := span(d); got != want {
			t.Errorf("span(%s) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	k := &kit{clock: stoppedClock{now()}, zone: time.FixedZone("CET", 3600)}
	if got := k.local("clean since 2026-11-02T08:00:18Z (live);"); got != "clean since Mon 2 Nov 09:00 CET (live);" {
		t.Errorf("got %q", got)
	}
}

func TestALineIsNeverBrokenWithinAMomentOrAName(t *testing.T) {
	for text, want := range map[string]string{
		"opens Fri 20 Nov 2026 09:12 UTC if clean":    "opens|Fri 20 Nov 2026 09:12 UTC|if clean",
		"it was seen there on 20 Nov and then again":  "it was seen there on|20 Nov and then again",
		"the certificate of mx-a-1.corp-test.example": "the certificate of|mx-a-1.corp-test.example",
		"a/very/long/word/that/no/line/can/ever/hold": "a/very/long/word/that/no/l|ine/can/ever/hold",
	} {
		if got := strings.Join(wrap(text, 26), "|"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := strings.Join(Words("until Fri 20 Nov 2026 09:12 UTC  at mx-1.corp.test"), "|"); got != "until|Fri 20 Nov 2026 09:12 UTC|at|mx-1.corp.test" {
		t.Errorf("words %q", got)
	}
}
