package tui

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// journalled is the history screen over these entries.
func journalled(t *testing.T, entries ...rollout.Entry) string {
	d := drive(t, standIn(inPhase(rollout.CheckMX, badLook()), closedGate(), rollout.Plan{}), 80, 24, inCorp)
	h := newHistory(d.app.kit, "corp.test")
	h.SetSize(80, 24)
	h.Update(journalMsg{domain: "corp.test", entries: entries})
	return strings.Join(h.View(), "\n")
}

func TestHowAnEditWasMadeIsOneLine(t *testing.T) {
	entry := func(kind rollout.EntryKind, after time.Duration, id string) rollout.Entry {
		e := rollout.Entry{At: now().Add(after), Who: "ada", Kind: kind, PlanHash: "h", EditID: id}
		if kind == rollout.Received {
			e.EditID, e.Receipt = "", &rollout.Receipt{EditID: id, Outcome: rollout.Applied, Took: time.Second}
		}
		return e
	}
	for name, row := range map[string]struct {
		entries []rollout.Entry
		want    []string
	}{
		"at one go": {[]rollout.Entry{entry(rollout.Intended, 0, "1"), entry(rollout.Received, time.Second, "1"), entry(rollout.Seen, 2*time.Second, "1")},
			[]string{"10:15:02 UTC edit 1: intended, applied 1.0 s, verified ada"}},
		"two edits": {[]rollout.Entry{entry(rollout.Intended, 0, "1"), entry(rollout.Received, 0, "1"), entry(rollout.Intended, 0, "2"), entry(rollout.Received, 0, "2")},
			[]string{"edit 2: intended, applied 1.0 s", "edit 1: intended, applied 1.0 s"}},
		"seen only hours later": {[]rollout.Entry{entry(rollout.Intended, 0, "1"), entry(rollout.Received, time.Second, "1"), entry(rollout.Seen, time.Hour, "1")},
			[]string{"11:15:00 UTC verified edit 1 ada", "edit 1: intended, applied 1.0 s"}},
	} {
		view := flat(journalled(t, row.entries...))
		for _, want := range row.want {
			if !strings.Contains(view, want) {
				t.Errorf("%s: lacks %q:\n%s", name, want, view)
			}
		}
	}
}

// What an operator said and what a look met are told with their moments.
func TestTheHistoryTellsWhenSomethingWasMendedAndHowLongACacheMayKeep(t *testing.T) {
	then := time.Date(2026, 11, 14, 8, 12, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		entry rollout.Entry
		want  string
	}{
		"mended": {rollout.Entry{Kind: rollout.Mended, MendedAt: then, Reason: "renewed"}, "mended as of Sat 14 Nov 08:12 UTC because: renewed"},
		"cached": {rollout.Entry{Kind: rollout.Cached, Wait: then.AddDate(0, 0, 8)}, "cached a shared cache may serve the old policy until Sun 22 Nov 08:12 UTC"},
	} {
		row.entry.At = now()
		if view := flat(journalled(t, row.entry)); !strings.Contains(view, row.want) {
			t.Errorf("%s: lacks %q:\n%s", name, row.want, view)
		}
	}
}

func TestALongValueOfTheJournalIsShownWhole(t *testing.T) {
	place := "/srv/customers/a-rather-long-name.example/policies/mta-sts/htdocs/of/the/web/server"
	view := journalled(t, rollout.Entry{At: now(), Who: "ada", Kind: rollout.Created,
		Settings: &rollout.Settings{DNS: rollout.Account{Provider: "rfc2136"}, Host: rollout.HostAccount{Kind: "webroot", Place: place}}})
	if !strings.Contains(strings.Join(strings.Fields(view), ""), place) || strings.Contains(view, "…") {
		t.Errorf("%s\nlacks %s", view, place)
	}
}

// TestTheHistoryTellsFromWhatToWhat: who changed what, from what to what, who
// showed it afterwards, and until when the old may still be answered.
func TestTheHistoryTellsFromWhatToWhat(t *testing.T) {
	edit := rollout.Edit{
		ID: "1", Kind: rollout.Record, Account: "cloudflare/work", Zone: "corp.test", Name: "_mta-sts.corp.test", Type: "TXT", TTL: 300, BeforeTTL: 3600,
		Before: rollout.Records("v=STSv1; id=1;"), After: rollout.Records("v=STSv1; id=2;"),
	}
	plan := rollout.Plan{Domain: "corp.test", Phase: rollout.Enforce, Purpose: rollout.ForPhase, Edits: []rollout.Edit{edit}}
	made := func(kind rollout.EntryKind, after time.Duration) rollout.Entry {
		return rollout.Entry{At: now().Add(after), Who: "ada@box", Kind: kind, PlanHash: plan.Hash(), EditID: "1"}
	}
	received := made(rollout.Received, time.Second)
	received.EditID, received.Receipt = "", &rollout.Receipt{EditID: "1", Outcome: rollout.Applied, Saw: edit.After}
	seen := made(rollout.Seen, 2*time.Second)
	seen.Shown, seen.Unseen = []string{"ns1.corp.test [192.0.2.1] serial 7"}, []string{"ns2.corp.test [192.0.2.2]: no answer in time"}
	view := flat(journalled(t, rollout.Entry{At: now(), Who: "ada@box", Kind: rollout.Accepted, Plan: &plan}, made(rollout.Intended, 0), received, seen))
	for _, want := range []string{
		"ada@box", "change _mta-sts.corp.test TXT 300", "from v=STSv1; id=1;", "to v=STSv1; id=2; at cloudflare/work",
		"shown by ns1.corp.test [192.0.2.1] serial 7", "no answer from ns2.corp.test [192.0.2.2]", "resolvers may answer what was before until", "11:15",
	} {
		if !strings.Contains(view, want) {
			t.Errorf("lacks %q:\n%s", want, view)
		}
	}
}
