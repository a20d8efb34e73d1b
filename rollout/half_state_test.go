package rollout_test

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// Whatever a plan was cut short at, the half-state is named: which edits are live,
// which is in the air, and why no sender is led astray meanwhile.
func TestHalfStateNamesHowFarAPlanCame(t *testing.T) {
	at := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	const policy, record = "https://mta-sts.corp.test/.well-known/mta-sts.txt", "_mta-sts.corp.test"
	begun := rollout.EditState{Intended: at}
	wrote := rollout.EditState{Intended: at, Received: at, Receipt: rollout.Receipt{Outcome: rollout.Applied}}
	byHand := rollout.EditState{Intended: at, Received: at, Receipt: rollout.Receipt{Outcome: rollout.Waiting}}
	failed := rollout.EditState{Intended: at, Received: at, Receipt: rollout.Receipt{Outcome: rollout.Failed}}
	unknown := rollout.EditState{Intended: at, Received: at, Receipt: rollout.Receipt{Outcome: rollout.Unknown}}
	refused := rollout.EditState{Intended: at, Received: at, Receipt: rollout.Receipt{Outcome: rollout.Refused}}
	live := wrote
	live.Verified = at
	for _, row := range []struct {
		shows    string
		first    bool // the first publication
		body, id rollout.EditState
		says     []string
	}{
		{"before the body", true, begun, rollout.EditState{}, []string{policy + " was begun, and what became of it is read first", record + " TXT is not begun", "No id is announced"}},
		{"the body fails", true, failed, rollout.EditState{}, []string{policy + " was not written", "No id is announced"}},
		{"nobody knows of the body", false, unknown, rollout.EditState{}, []string{"what became of it is read first", "The id of the policy before is still announced"}},
		{"a person puts it up", true, byHand, rollout.EditState{}, []string{policy + " is yours to make"}},
		{"the body is not seen", false, wrote, rollout.EditState{}, []string{policy + " is written, and not seen everywhere yet", "The id of the policy before is still announced"}},
		{"between body and id", false, live, rollout.EditState{}, []string{policy + " is live", record + " TXT is not begun", "The id of the policy before is still announced"}},
		{"the id on its way", false, live, begun, []string{record + " TXT was begun", "Senders that see the id 2 already find its policy"}},
		{"the id not seen everywhere", false, live, wrote, []string{record + " TXT is written, and not seen everywhere yet", "find its policy"}},
		{"the id fails", false, live, failed, []string{record + " TXT was not written", "The id of the policy before is still announced"}},
		{"the first id fails", true, live, failed, []string{record + " TXT was not written", "No id is announced"}},
		{"the id is refused", false, live, refused, []string{record + " TXT was not written. What the plan saw at " + record + " has changed since, so it is made again."}},
		{"the body is refused", false, refused, rollout.EditState{}, []string{policy + " was not written", "What the plan saw at " + policy}},
	} {
		t.Run(row.shows, func(t *testing.T) {
			body := rollout.Edit{ID: "1", Kind: rollout.Policy, Name: policy, Type: "policy", Before: rollout.Body("old"), After: rollout.Body("new")}
			id := rollout.Edit{ID: "2", Kind: rollout.Record, Name: record, Type: "TXT", Before: rollout.Records("v=STSv1; id=1;"), After: rollout.Records("v=STSv1; id=2;"), PolicyID: "2", Needs: []string{"1"}}
			if row.first {
				body.Before, id.Before = rollout.Absent(), rollout.Absent()
			}
			p := rollout.AcceptedPlan{Plan: rollout.Plan{Domain: "corp.test", Edits: []rollout.Edit{body, id}}, Edits: map[string]rollout.EditState{"1": row.body, "2": row.id}}
			says := row.says
			if row.body.Receipt.Outcome != rollout.Refused && row.id.Receipt.Outcome != rollout.Refused {
				says = append(says, "that is safe.") // what somebody changed meanwhile, nobody can say
			}
			for _, want := range says {
				if got := p.HalfState(); !strings.Contains(got, want) {
					t.Errorf("%q is not said: %s", want, got)
				}
			}
		})
	}
}
