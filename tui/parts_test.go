package tui

import (
	"errors"
	"strings"
	"testing"
	"time"

	"belay/rollout"

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
	days := []rollout.DaySessions{{Day: now(), OK: 1_000_000, Refused: 1}, {OK: 0, Refused: 5}, {OK: 3}, {}, {NoPolicy: 1, OK: 7}, {OtherOK: 9}}
	lines := chart(plainStyles(), days, 80, chartHeight)
	ground := lines[chartHeight-1]
	if !strings.HasSuffix(ground, "| !! !! ##    ?? ::") {
		t.Errorf("the ground is %q", ground)
	}
	if second := lines[chartHeight-2]; !strings.HasSuffix(second, "| ##          ##   ") {
		t.Errorf("above the ground stands %q", second)
	}
	if strings.Contains(strings.Join(lines[:chartHeight-1], ""), "!") {
		t.Errorf("one refusal in a million stands high:\n%s", strings.Join(lines, "\n"))
	}
}

func TestTheChartShowsTheNewestDaysThatFit(t *testing.T) {
	var days []rollout.DaySessions
	for i := range 40 {
		days = append(days, rollout.DaySessions{Day: time.Date(2026, 11, 1+i, 0, 0, 0, 0, time.UTC), OK: 1})
	}
	lines := chart(plainStyles(), days, 38, chartHeight)
	if got := lines[len(lines)-1]; got != "    0 +-01----03----05----07----09---" {
		t.Errorf("the dates are %q", got)
	}
}

func TestTheChartKeepsItsHeightWhateverDoesNotCount(t *testing.T) {
	days := []rollout.DaySessions{{OK: 100, OtherOK: 1 << 40}, {Refused: 100, OtherFailed: 1}, {OK: 50, Refused: 50, OtherOK: 3}}
	lines := chart(plainStyles(), days, 80, chartHeight)
	want := []string{"| :: !! ::", "| ## !! ##", "| ## !! ##", "| ## !! !!", "| ## !! !!"}
	for i, end := range want {
		if !strings.HasSuffix(lines[i], end) {
			t.Errorf("line %d is %q, want it to end in %q", i, lines[i], end)
		}
	}
}

func TestAProgressOfAnImportIsSaid(t *testing.T) {
	for width, want := range map[int]string{
		80: "[#######----------------] 5000 of 15000 read, 480 new, 250 a second, 40 s left",
		60: "5000 of 15000 read, 480 new, 250 a second, 40 s left",
	} {
		d := atPhase4(t, width, 24)
		under := &importing{feed: newFeed()}
		d.app.reading = under
		d.app.say("Reading /srv/in ...")
		under.tell(rollout.ImportProgress{Done: 5000, Total: 15000, New: 480, After: 20 * time.Second})
		under.feed.end()
		d.run(under.feed.next(d.app.crew))
		d.sees(want).seesNot("Reading /srv/in")
		d.press("i").sees("Reports are being read already.", want)
		d.app.imported(importedMsg{rollout.Intake{}, nil})
		d.seesNot("5000 of 15000")
	}
}

// What one inbox gave is stored though another failed: it is said, and shown.
func TestAnImportThatFailedInPartIsSaidWhole(t *testing.T) {
	d := atPhase4(t, 120, 24)
	d.app.reading = &importing{feed: newFeed()}
	if d.app.imported(importedMsg{rollout.Intake{New: 2, Success: 7, Unverified: 2}, errors.New("no mailbox")}) == nil {
		t.Error("the screen is not read anew")
	}
	d.sees("could not all be read").sees("2 reports new")
	for want, in := range map[string]rollout.Intake{
		"No new reports.":               {Duplicates: 3, Unverified: 3},
		"No new reports. 4 unreadable.": {Unreadable: 4},
		"No new reports. 2 came twice and did not say the same: the first counts. 3 dropped: nothing proves them, and too many claim to be one report.": {Differing: 2, Dropped: 3},
		"1 report new: 5 sessions ok, 0 failed. 1 unsigned or changed on the way counts for nothing until you trust /srv/in (t on the reports screen).": {
			New: 1, Success: 5, Unverified: 1, Untrusted: []rollout.UntrustedIntake{{Domain: "corp.test", Source: "/srv/in\x1b[31m", Reports: 1}}},
		"No new reports. 1 left out, about domains without a rollout: other.test.": {Reports: 1, Foreign: 1, ForeignDomains: []string{"other.test"}},
	} {
		if got := intake(in); got != want {
			t.Errorf("%+v is %q, want %q", in, got, want)
		}
	}
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

func TestAScaleFitsItsRoom(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 9_999: "9999", 10_000: "10k", 999_999: "999k", 1_000_000: "1.0M", 3_990_000: "3.9M", 9_999_999: "9.9M",
		10_000_000: "10M", 999_999_999: "999M", 1_000_000_000: "1G", 68_719_476_736: "68G",
	} {
		if got := thousands(n); got != want || len(got) > 4 {
			t.Errorf("%d is %q on the scale, want %q", n, got, want)
		}
	}
}
