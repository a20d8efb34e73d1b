package rollout_test

import (
	"strings"
	"testing"

	"belay/rollout"
)

// TestCopiesOfAZoneAreToldApart: where an account and every name server differ,
// nothing is written, and the reason says of what kind the difference is.
func TestCopiesOfAZoneAreToldApart(t *testing.T) {
	const ours, theirs = "v=TLSRPTv1; rua=mailto:ours@corp.test", "v=TLSRPTv1; rua=mailto:theirs@corp.test"
	for _, tc := range []struct {
		shows    string
		held     []string
		answer   []string
		wildcard []string
		says     string // empty where the plan is carried out
	}{
		{"the account shows nothing, DNS answers", nil, []string{theirs}, nil, "an alias, a redirect"},
		{"the account shows a value, DNS has none", []string{ours}, nil, nil, "the public view beside an internal one"},
		{"both have values that differ", []string{ours}, []string{theirs}, nil, "two copies of the zone"},
		{"a wildcard answers for a name that is not there", nil, []string{"v=spf1 -all"}, []string{"v=spf1 -all"}, ""},
		{"a wildcard answers something else", nil, []string{theirs}, []string{"v=spf1 -all"}, "an alias, a redirect"},
		{"a wildcard excuses no record that should answer", []string{ours}, []string{"v=spf1 -all"}, []string{"v=spf1 -all"}, "two copies of the zone"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			r := newRig(t)
			r.create(hasty())
			r.to(rollout.PublishDNS)
			r.box.set(rptName, "TXT", tc.held...)
			r.box.answers = map[string]rollout.Value{rptName + " TXT": rollout.Records(tc.answer...)}
			r.box.wildcard = map[string]rollout.Value{"TXT": rollout.Records(tc.wildcard...)}
			p, err := r.engine.Propose(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, reason := range p.Gate.Closed() {
				if reason.Code == "P03" {
					said = append(said, reason.Text)
				}
			}
			all := strings.Join(said, "; ")
			if tc.says == "" {
				if len(said) > 0 {
					t.Fatalf("held up: %s", all)
				}
				if next := r.next(); !next.Applied || !r.box.records[rptName+" TXT"].Exists {
					t.Errorf("nothing was written: %s", reasons(next.Gate))
				}
				return
			}
			if len(said) != 1 || !strings.Contains(all, tc.says) {
				t.Errorf("the gate says %q, want %q", all, tc.says)
			}
			shown := p.Plan
			next, err := r.engine.Next(ctx, domain, rollout.Consent{Given: true, Shown: &shown}, nil)
			if err != nil || next.Applied || len(r.box.writes) > 0 {
				t.Errorf("wrote %v (%v)", r.box.writes, err)
			}
		})
	}
}
