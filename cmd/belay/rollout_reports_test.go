package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// TestReportsHoldTheGateAndOpenIt is a rollout in testing with a clean time of three
// days. One night mx2's certificate is expired and mended again before belay looks:
// nothing but the lab senders' own reports tells of it. They hold the gate shut, it
// opens three days after the end of that day, and through it all nobody's forgery,
// praise or mistake about another domain moves it by an hour.
func TestReportsHoldTheGateAndOpenIt(t *testing.T) {
	const day, soak = rollout.Day, 3 * rollout.Day
	const stranger = "stranger.test"
	w := &weeks{box: newBox(t, lab.Options{Extra: []string{stranger}}), messages: 18} // 9 to each domain
	if err := w.SetRRset(w.Domain(), "MX", 3600, "10 mx2."+w.Domain(), "20 mx1."+w.Domain()); err != nil {
		t.Fatal(err)
	}
	bag := newPostbag(t)
	if err := w.SetRRset(selector+"._domainkey."+stranger, "TXT", 300, bag.Key); err != nil {
		t.Fatal(err)
	}
	w.start("--soak", "testing=3d", "--soak", "silent=28d", "--sender", w.KnownSenders()[0], "--sender", w.KnownSenders()[1])
	for w.status().Phase != rollout.ReviewReports {
		w.next(exitGood)
	}
	live := w.Now()

	// strangers writes what must not count, about the day that begins now: by a
	// domain that nobody knows, signed, all praise of ours; and by the same the worst
	// of another domain. weeks.forge adds what nobody signed.
	mails := 0
	strangers := func() {
		today := w.Now().UTC().Truncate(day)
		for about, failures := range map[string]int{w.Domain(): 0, "other.test": 50} {
			mails++
			mail := bag.sign(t, stranger, bag.mailAbout(t, about, stranger, fmt.Sprint("s", mails), today, failures))
			if err := os.WriteFile(filepath.Join(w.Inbox(), "new", fmt.Sprintf("000001.s%d", mails)), mail, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}

	// A good day: the clean time runs since the policy is live, by two reporters.
	strangers()
	w.waits(rollout.ReviewReports, live, soak)

	// The bad night.
	w.set("mx2.expired", true)
	strangers()
	night := w.pass()
	w.set("mx2.expired", false)
	held := w.next(exitFails)
	opens, silent := night.Day.Add(day+soak), night.Day.Add(day+28*day) // nobody has reported since
	if held.Moved || !held.Gate.Until.Equal(silent) {
		t.Fatalf("after the night the gate opens at %s, want %s: %+v", held.Gate.Until, silent, held.Gate.Reasons)
	}
	if reasons := fmt.Sprint(held.Gate.Reasons); !strings.Contains(reasons, "certificate-expired at mx2."+w.Domain()) {
		t.Errorf("the gate does not say what was reported: %s", reasons)
	}

	// What was taken in: the senders' own as verified, the stranger's as a stranger's.
	var shown struct {
		Reporters []struct{ Reporter, Standing string }
		Failures  []struct {
			Type, MX  string
			Reporters []string
		}
	}
	if err := json.Unmarshal([]byte(w.must(exitGood, "reports", "show", w.Domain(), "--json").out), &shown); err != nil {
		t.Fatal(err)
	}
	for _, f := range shown.Failures {
		if f.Type != "certificate-expired" || f.MX != "mx2."+w.Domain() || slices.Contains(f.Reporters, stranger) {
			t.Errorf("reports show tells of %+v", f)
		}
	}
	if !slices.ContainsFunc(shown.Reporters, func(r struct{ Reporter, Standing string }) bool {
		return r.Reporter == stranger && r.Standing == string(rollout.Verified)
	}) {
		t.Errorf("the stranger's signed report is not among %+v", shown.Reporters)
	}

	// The mend holds: day by day until the hour, and then it opens.
	for {
		strangers()
		w.quietDay()
		if !w.Now().Before(opens) {
			break
		}
		w.stays(rollout.ReviewReports, night.Day.Add(day), soak)
	}
	if late := w.Now().Sub(opens); late >= day {
		t.Fatalf("it is %s past the hour", late)
	}
	opened := w.next(exitGood)
	if !opened.Moved || opened.Phase != rollout.Enforce {
		t.Fatalf("the gate did not open: %+v", opened.Gate)
	}
	if names := opened.Gate.Counted; slices.Contains(names, stranger) || slices.Contains(names, "praise.test") {
		t.Errorf("the gate counted %v", names)
	}
}
