package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// TestTheLogTellsWhoChangedWhat: from what to what, through which account, by whom,
// what was read back, and which servers showed it at which serial.
func TestTheLogTellsWhoChangedWhat(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.ReviewReports)
	id := b.status().PolicyID
	log := b.must(exitGood, "log", b.Domain()).out
	for _, want := range []string{
		fmt.Sprintf("_mta-sts.corp.test TXT, from nothing to \"v=STSv1; id=%s;\", through rfc2136", id),
		fmt.Sprintf("applied, read back as \"v=STSv1; id=%s;\"", id),
		fmt.Sprintf("_mta-sts.corp.test TXT is live, shown by ns1.corp.test [192.0.2.2] serial %d, ", b.Serial(b.Domain())),
		"; resolvers may answer what was before until ",
		"@",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	var shown int
	for line := range strings.Lines(b.must(exitGood, "log", b.Domain(), "--json").out) {
		var e rollout.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind == rollout.Seen {
			shown += len(e.Shown)
		}
	}
	if shown == 0 {
		t.Error("no server is named in the journal")
	}
}

// TestTheLogTellsEachSettingThatChanged: one change, one sentence of its own, the
// gate-opening ones as well.
func TestTheLogTellsEachSettingThatChanged(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	for _, flags := range [][]string{{"--soak", "testing=30d"}, {"--rua", "mailto:elsewhere@corp.test"}, {"--min-reporters", "0"}, {"--ttl", "7200"}} {
		b.must(exitGood, append([]string{"set", b.Domain()}, flags...)...)
	}
	log := b.must(exitGood, "log", b.Domain()).out
	for _, want := range []string{"set  soak testing 30d (was ", "set  rua mailto:elsewhere@corp.test (was mailto:", "set  min-reporters 0 (was ", "set  ttl 7200 (was as it stands)"} {
		if !strings.Contains(strings.Join(strings.Fields(log), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
}
