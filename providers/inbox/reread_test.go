package inbox

import (
	"context"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// An attic hands out kept mails, and takes what was read of them.
type attic struct {
	mails []rollout.KeptMail
	read  map[int64]rollout.Reading
}

func (a *attic) KeptMails(_ context.Context, _ string, after int64, limit int) ([]rollout.KeptMail, error) {
	var out []rollout.KeptMail
	for _, m := range a.mails {
		if m.ID > after && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, nil
}

func (a *attic) Reread(_ context.Context, id int64, read rollout.Reading) (bool, error) {
	a.read[id] = read
	return true, nil
}

// about is a report about the days from begins to ends.
func about(begins, ends string) string {
	return strings.NewReplacer("2026-06-14T00:00:00Z", begins+"T00:00:00Z", "2026-06-14T23:59:59Z", ends+"T23:59:59Z").Replace(reportOf("1", "corp.test"))
}

// unthinkable are reports about times that none can be about.
var unthinkable = map[string]string{
	"before there were any": about("1900-01-01", "1900-01-01"),
	"yet to come":           about("3000-01-01", "3000-01-01"),
	"of half a year":        about("2026-01-01", "2026-06-14"),
}

// TestRereadTakesWhatAnImportWouldTake: what is refused when it comes is not let in by
// reading it again.
func TestRereadTakesWhatAnImportWouldTake(t *testing.T) {
	rows := map[string]string{"of a day": reportOf("1", "corp.test")}
	for name, text := range unthinkable {
		rows[name] = text
	}
	for name, text := range rows {
		t.Run(name, func(t *testing.T) {
			kept := rollout.KeptMail{ID: 1, Path: "/mail/1", Received: noon, Raw: []byte(mailOf(t, text)),
				Reports: []rollout.KeptReport{{Domain: "corp.test", Standing: rollout.Verified}}}
			a := &attic{mails: []rollout.KeptMail{kept}, read: map[int64]rollout.Reading{}}
			// By now it is a year later: what counts is when the mail came.
			im := &Importer{Owner: ours, Clock: stopped(noon.AddDate(1, 0, 0))}
			sum, err := im.Reread(t.Context(), a, "", nil)
			if err != nil || sum.Mails != 1 {
				t.Fatalf("%+v, error %v", sum, err)
			}
			_, refused := unthinkable[name]
			if taken := len(a.read[1].Reports) > 0; taken == refused || (sum.Unreadable == 1) != refused {
				t.Errorf("read %d reports, %+v", len(a.read[1].Reports), sum)
			}
		})
	}
}

// TestRereadKeepsTheArrival: of a mail by its header, of what was posted when it came.
func TestRereadKeepsTheArrival(t *testing.T) {
	report := reportOf("1", "corp.test")
	date := time.Date(2026, 6, 15, 3, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name     string
		raw      string
		standing rollout.Standing
		arrived  time.Time
	}{
		{"a mail", "Date: Mon, 15 Jun 2026 03:00:00 +0000\r\n" + mailOf(t, report), rollout.Unsigned, date},
		{"a mail that came attached", string(carried([]byte("Received: from a by b; Mon, 15 Jun 2026 05:00:00 +0000\r\n\r\n"),
			[]byte("Date: Mon, 15 Jun 2026 03:00:00 +0000\r\n"+mailOf(t, report)))), rollout.Unsigned, date.Add(2 * time.Hour)},
		{"the same as an earlier belay kept it, without its carrier", "Date: Mon, 15 Jun 2026 03:00:00 +0000\r\n" + mailOf(t, report), rollout.Verified, date},
		{"posted", report, rollout.Posted, noon},
		{"a bare file", report, rollout.Unsigned, time.Time{}},
	} {
		kept := rollout.KeptMail{ID: 1, Path: "/mail/1", Received: noon, Raw: []byte(row.raw), Reports: []rollout.KeptReport{{Domain: "corp.test", Standing: row.standing}}}
		a := &attic{mails: []rollout.KeptMail{kept}, read: map[int64]rollout.Reading{}}
		if _, err := (&Importer{Owner: ours, Clock: stopped(noon)}).Reread(t.Context(), a, "", nil); err != nil {
			t.Fatal(err)
		}
		if got := a.read[1].Reports; len(got) != 1 || !got[0].Arrived.Equal(row.arrived) {
			t.Errorf("%s: %+v, want it to have come at %s", row.name, got, row.arrived)
		}
	}
}

// TestRereadTellsWhetherAllWasRead: of a mail some of which cannot be read, or would not
// be taken, the store is told that more may stand in it.
func TestRereadTellsWhetherAllWasRead(t *testing.T) {
	good, other := reportOf("1", "corp.test"), reportOf("2", "corp.test")
	const part = "--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n"
	mail := func(parts ...string) string {
		text := "From: a@sender.test\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
		for _, p := range parts {
			text += part + p + "\r\n"
		}
		return text + "--b--\r\n"
	}
	for _, row := range []struct {
		name   string
		raw    string
		whole  bool
		partly int
	}{
		{"two reports", mail(good, other), true, 0},
		{"one that is cut short", mail(good, other[:len(other)/2]), false, 1},
		{"one about a time that none can be about", mail(good, about("3000-01-01", "3000-01-01")), false, 1},
		{"a part that names no boundary", "From: a@sender.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + part + good + "\r\n--b\r\nContent-Type: multipart/mixed\r\n\r\nx\r\n--b--\r\n", false, 1},
		{"one about nobody of ours beside it", mail(good, reportOf("2", "other.test")), true, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			kept := rollout.KeptMail{ID: 1, Path: "/mail/1", Received: noon, Raw: []byte(row.raw), Reports: []rollout.KeptReport{{Domain: "corp.test", Standing: rollout.Unsigned}}}
			a := &attic{mails: []rollout.KeptMail{kept}, read: map[int64]rollout.Reading{}}
			sum, err := (&Importer{Owner: ours, Clock: stopped(noon)}).Reread(t.Context(), a, "", nil)
			if err != nil || sum.Unreadable != 0 || sum.Partly != row.partly {
				t.Errorf("%+v, error %v", sum, err)
			}
			if got := a.read[1]; len(got.Reports) == 0 || got.Whole != row.whole {
				t.Errorf("%d reports were read, all of it: %t, want %t", len(got.Reports), got.Whole, row.whole)
			}
		})
	}
}

// TestADamagedMailIsCountedAndLeft: the mails behind it are read again all the same.
func TestADamagedMailIsCountedAndLeft(t *testing.T) {
	stands := []rollout.KeptReport{{Domain: "corp.test", Standing: rollout.Verified}}
	a := &attic{read: map[int64]rollout.Reading{}, mails: []rollout.KeptMail{
		{ID: 1, Received: noon, Reports: stands},
		{ID: 2, Received: noon, Reports: stands, Raw: []byte(mailOf(t, reportOf("1", "corp.test")))},
	}}
	im := &Importer{Owner: ours, Clock: stopped(noon)}
	sum, err := im.Reread(t.Context(), a, "", nil)
	if want := (Reread{Mails: 2, Changed: 1, Damaged: 1}); err != nil || sum != want {
		t.Errorf("%+v, error %v; want %+v", sum, err, want)
	}
	if _, touched := a.read[1]; touched {
		t.Error("what stood of the damaged mail was touched")
	}
}
