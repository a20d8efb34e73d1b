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

func TestALongValueOfTheJournalIsShownWhole(t *testing.T) {
	place := "/srv/customers/a-rather-long-name.example/policies/mta-sts/htdocs/of/the/web/server"
	view := journalled(t, rollout.Entry{At: now(), Who: "ada", Kind: rollout.Created,
		Settings: &rollout.Settings{DNS: rollout.Account{Provider: "rfc2136"}, Host: rollout.HostAccount{Kind: "webroot", Place: place}}})
	if !strings.Contains(strings.Join(strings.Fields(view), ""), place) || strings.Contains(view, "…") {
		t.Errorf("%s\nlacks %s", view, place)
	}
}
